//! Values that are wrong, or most likely wrong, found before the network is used. No evidence quotes a value.

use std::net::IpAddr;

use secrecy::ExposeSecret;

use crate::database::Credentials;
use crate::doctor::causes::{Cause, HOST_MALFORMED, PASSWORD_BLANK, PASSWORD_LINE_BREAK};
use crate::doctor::walk::{Fault, Found};

/// Returns `found`, or what is wrong with the credentials.
pub(super) fn judge<T>(credentials: &Credentials, found: Found<T>) -> Result<Found<T>, Fault> {
    if let Some(seen) = host_mistake(&credentials.host) {
        return Err(Fault::new(&HOST_MALFORMED, format!("the host {seen}")));
    }
    let password = credentials.password.as_ref().map_or("", |password| password.expose_secret());
    match password_mistake(password) {
        Some((cause, seen)) if *cause == PASSWORD_LINE_BREAK => Err(Fault::new(cause, seen)),
        Some((cause, seen)) => {
            let evidence = format!("{}; {seen}", found.evidence());
            Ok(found.warned(Fault::new(cause, evidence)))
        }
        None => Ok(found),
    }
}

fn host_mistake(host: &str) -> Option<&'static str> {
    let inner = host.trim_start_matches('[').trim_end_matches(']');
    match () {
        () if inner.parse::<IpAddr>().is_ok() => None,
        () if host.contains("://") => Some("is a URL"),
        () if host.trim_start().starts_with('{') => Some("is a JSON text"),
        () if host.contains(|c: char| c.is_control()) => Some("has a line break"),
        () if host.contains(char::is_whitespace) => Some("has a space"),
        () if host.contains(['@', '/', '#', '?', '\\']) => Some("has a character of @ / # ? \\"),
        () if host.contains(':') => Some("has a port"),
        () if host.is_empty() => Some("is empty"),
        () => None,
    }
}

fn password_mistake(password: &str) -> Option<(&'static Cause, &'static str)> {
    match () {
        () if password.contains(|c: char| c.is_control()) => {
            Some((&PASSWORD_LINE_BREAK, "the password has a line break or another control character"))
        }
        () if password.trim() != password => Some((&PASSWORD_BLANK, "the password begins or ends with a space")),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_else() {
        let rows = [
            ("db.internal", None),
            ("10.0.1.10", None),
            ("fd00::10", None),
            ("[fd00::10]", None),
            ("db_1.internal.", None),
            ("postgres://db.internal", Some("is a URL")),
            ("db.internal:5432", Some("has a port")),
            ("db internal", Some("has a space")),
            ("db.internal\n", Some("has a line break")),
            ("word@db.internal", Some("has a character of @ / # ? \\")),
            ("{\"host\": \"db\"}", Some("is a JSON text")),
            ("", Some("is empty")),
        ];
        for (host, mistake) in rows {
            assert_eq!(host_mistake(host), mistake, "{host:?}");
        }
    }
}
