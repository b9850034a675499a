//! `DATABASE_URL`: `postgres://user:password@host:port/name?sslmode=…&sslrootcert=…`.

use std::path::PathBuf;

use secrecy::SecretString;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use url::form_urlencoded;

use super::tls::SslMode;

/// Parameters of libpq that change nothing here: their effect is always on, or another setting has it.
const WITHOUT_EFFECT: [&str; 16] = [
    "application_name",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "sslcompression",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];
/// Those that would change something. Only these names are repeated in a message: another may be part of a password.
const UNSUPPORTED: [&str; 22] = [
    "dbname",
    "host",
    "hostaddr",
    "options",
    "passfile",
    "password",
    "port",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslnegotiation",
    "sslpassword",
    "user",
];

const NO_USER: &str = "names no user: postgres://user:password@host:5432/name";

/// The address, the database and the user in the URL.
pub(super) struct UrlTarget {
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) name: Option<String>,
    pub(super) user: String,
    pub(super) password: Option<SecretString>,
}

/// The TLS parameters of the URL.
#[derive(Default)]
pub(super) struct TlsOptions {
    pub(super) mode: Option<SslMode>,
    pub(super) root_cert: Option<PathBuf>,
    pub(super) requires_channel_binding: bool,
}

/// The text of an error holds no part of the URL but the names of libpq's parameters: a stray character in a password
/// moves the password into any other part. The driver's own errors are not shown for the same reason.
pub(super) fn parse(text: &str) -> Result<(UrlTarget, TlsOptions), String> {
    let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    let rest = rest.ok_or("does not begin with postgres:// or postgresql://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    if rest.contains('#') || rest[authority.len()..].contains('@') || authority.matches('@').count() > 1 {
        return Err("has a character that must be percent-encoded: @ / ? # and % in user, password or name".to_owned());
    }
    let (_, host) = authority.split_once('@').ok_or(NO_USER)?;
    if host.contains(',') {
        return Err("names more than one host".to_owned());
    }
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    Ok((target(base)?, tls_options(query)?))
}

fn target(base: &str) -> Result<UrlTarget, String> {
    let driver: Config = base.parse().map_err(|_| {
        "is not a URL such as postgres://user:password@host:5432/name: its port is not a number, or a percent sign is not \
         followed by the two digits of an encoded character"
    })?;
    let [Host::Tcp(host)] = driver.get_hosts() else {
        return Err("names no host that can be reached by TCP".to_owned());
    };
    let port = driver.get_ports().first().copied();
    if port == Some(0) {
        return Err("has the port 0".to_owned());
    }
    let password = driver.get_password().map(|bytes| String::from_utf8(bytes.to_vec()));
    Ok(UrlTarget {
        host: Some(host.clone()).filter(|host| !host.is_empty()).ok_or("names no host")?,
        // The driver has 5432 where the URL has none.
        port: port.filter(|_| has_port(base)),
        name: driver.get_dbname().map(str::to_owned),
        user: driver.get_user().filter(|user| !user.is_empty()).ok_or(NO_USER)?.to_owned(),
        password: password.transpose().map_err(|_| "has a password that is not UTF-8")?.map(SecretString::from),
    })
}

fn has_port(base: &str) -> bool {
    let host = base.split_once('@').map_or(base, |(_, host)| host);
    let host = host.split('/').next().unwrap_or(host);
    host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && !port.contains(']'))
}

fn tls_options(query: &str) -> Result<TlsOptions, String> {
    let mut options = TlsOptions::default();
    // A plus sign means itself, as for libpq.
    let query = query.replace('+', "%2B");
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match (key.as_ref(), value.as_ref()) {
            ("sslmode", mode) => {
                let mode =
                    SslMode::parse(mode).map_err(|_| "sslmode is not one of disable, prefer, require, verify-full")?;
                options.mode = Some(mode);
            }
            ("sslrootcert", path) => options.root_cert = Some(PathBuf::from(path)),
            ("channel_binding", "require") => options.requires_channel_binding = true,
            ("channel_binding", "prefer" | "disable") => {}
            ("channel_binding", _) => return Err("channel_binding is not one of disable, prefer, require".to_owned()),
            (key, _) if WITHOUT_EFFECT.contains(&key) => {}
            (key, _) if UNSUPPORTED.contains(&key) => {
                return Err(format!("has the parameter {key}, which is not supported"));
            }
            _ => return Err("has a parameter that PostgreSQL's libpq does not know".to_owned()),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn encoded(text: &str) -> String {
        text.bytes().fold(String::new(), |encoded, byte| format!("{encoded}%{byte:02X}"))
    }

    #[test]
    fn a_password_is_decoded_as_psql_does_it() {
        for (written, meant) in
            [("a&b=c+d", "a&b=c+d"), ("p%40ss%2Fword+1", "p@ss/word+1"), ("%26%25", "&%"), ("ä", "ä")]
        {
            let (target, _) = parse(&format!("postgres://user:{written}@host:6543/name")).unwrap();
            assert_eq!(target.password.unwrap().expose_secret(), meant, "{written}");
            assert_eq!((target.host.as_str(), target.port, target.user.as_str()), ("host", Some(6543), "user"));
        }
    }

    #[test]
    fn what_is_not_given_stays_open() {
        for url in ["postgres://user@[::1]", "postgres://user@[::1]/"] {
            let (target, tls) = parse(url).unwrap();
            assert_eq!((target.host.as_str(), target.port, target.name), ("::1", None, None));
            assert!(target.password.is_none() && tls.mode.is_none() && tls.root_cert.is_none());
        }
    }

    #[test]
    fn only_a_port_that_is_written_is_one() {
        for (rest, port) in [
            ("host", None),
            ("host:", None),
            ("host:6543", Some(6543)),
            ("host:5432/name", Some(5432)),
            ("host/name:1", None),
            ("[::1]", None),
            ("[::1]:6543/name", Some(6543)),
        ] {
            assert_eq!(parse(&format!("postgres://user:secret@{rest}")).unwrap().0.port, port, "{rest}");
        }
    }

    #[test]
    fn a_message_names_what_is_wrong() {
        let cases = [
            ("mysql://user@host/name", "postgres://"),
            ("postgres://host/name", "no user"),
            ("postgres://:secret@host/name", "no user"),
            ("postgres://user:secret@/name", "no host"),
            ("postgres://user:secret@:5432/name", "no host"),
            ("postgres://user:secret@one,two/name", "more than one host"),
            ("postgres://user:secret@%2Ftmp/name", "no host"),
            ("postgres://user:sec/ret@host/name", "percent-encoded"),
            ("postgres://user:sec?ret@host/name", "percent-encoded"),
            ("postgres://user:secret#@host/name", "percent-encoded"),
            ("postgres://user:sec@ret@host/name", "percent-encoded"),
            ("postgres://user:secret@host/na#me", "percent-encoded"),
            ("postgres://@host/name", "no user"),
            ("postgres://user@host:0/name", "port 0"),
            ("postgres://user@host/name?channel_binding=maybe", "channel_binding"),
            ("postgres://user:secret@host:x/name", "port"),
            ("postgres://user:secret@host/name?options=-c", "options"),
            ("postgres://user:secret@host/name?secret=1", "does not know"),
            ("postgres://user:secret@host/name?sslmode=maybe", "sslmode"),
        ];
        for (url, named) in cases {
            let Err(message) = parse(url) else { panic!("{url} is taken") };
            assert!(message.contains(named) && !message.contains("secret"), "{url}: {message}");
        }
    }

    #[test]
    fn parameters_that_change_nothing_are_taken() {
        let url =
            "postgres://user@host/name?channel_binding=prefer&application_name=x&connect_timeout=5&sslmode=require";
        let tls = parse(url).unwrap().1;
        assert_eq!((tls.mode, tls.root_cert, tls.requires_channel_binding), (Some(SslMode::Require), None, false));
        let tls = parse("postgres://user@host/name?sslrootcert=/a+b/c.pem").unwrap().1;
        assert_eq!((tls.mode, tls.root_cert), (None, Some(PathBuf::from("/a+b/c.pem"))));
        assert!(parse("postgres://user@host?channel_binding=require").unwrap().1.requires_channel_binding);
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_comes_back(user in ".{1,20}", password in ".{0,20}", name in ".{1,20}") {
            prop_assume!(![&user, &password, &name].iter().any(|text| text.contains('\0')));
            let url = format!("postgres://{}:{}@host/{}", encoded(&user), encoded(&password), encoded(&name));
            let (target, _) = parse(&url).unwrap();
            prop_assert_eq!(target.user, user);
            prop_assert_eq!(target.name.unwrap(), name);
            let decoded = target.password.map(|password| password.expose_secret().to_owned()).unwrap_or_default();
            prop_assert_eq!(decoded, password);
        }

        #[test]
        fn no_text_makes_it_panic_or_tell_the_password(text in "(postgres(ql)?://)?.{0,40}(hunter2)?.{0,40}") {
            if let Err(message) = parse(&text) {
                prop_assert!(!message.contains("hunter2"));
            }
        }
    }
}
