//! What `config --print` shows of the database: its values can come from several variables, or from the secret.

use causeway_common::config::{Derived, Lookup, Vars};

use super::config::DatabaseConfig;
use super::credentials::{Credentials, CredentialsSource};
use super::source::DATABASE_URL;

const URL: &str = "DATABASE_URL";
const SECRET: &str = "DBSECRETSNAME";

impl DatabaseConfig {
    /// Returns where the database is and how to log in, each value with the variable or the secret that it comes from.
    pub fn derived(&self, source: &CredentialsSource, lookup: &dyn Lookup) -> Vec<Derived> {
        let is_set = |name: &str| lookup.get(name).ok().flatten().is_some_and(|text| !text.is_empty());
        let otherwise = |variable| if is_set(variable) { "environment" } else { "default" };
        let row = |variable, value: &str, from: Option<&str>| {
            let source = from.unwrap_or_else(|| otherwise(variable)).to_owned();
            Derived { variable, value: Some(value.to_owned()), source }
        };
        let (target, tls) = Vars::new(lookup).read(&DATABASE_URL).unzip();
        let of_url = |is_in_url: bool| is_in_url.then_some(URL);
        let mode = of_url(tls.as_ref().is_some_and(|tls| tls.mode.is_some()));
        let mut rows = vec![row("DB_SSLMODE", &self.tls.mode.to_string(), mode)];
        if let Some(path) = tls.and_then(|tls| tls.root_cert) {
            rows.push(row("DB_SSLROOTCERT", &path.display().to_string(), Some(URL)));
        }
        match (source, target) {
            (CredentialsSource::Fixed(fixed), Some(target)) => {
                rows.push(row("DB_PORT", &fixed.port.to_string(), of_url(target.port.is_some())));
                rows.push(row("DB_NAME", &fixed.name, of_url(target.name.is_some())));
                rows.extend([row("DB_HOST", &fixed.host, Some(URL)), row("DB_USER", &fixed.user, Some(URL))]);
                rows.push(password(fixed, URL));
            }
            (CredentialsSource::Fixed(fixed), None) => {
                // The variable may have the secret's value instead of its name.
                let of_secret = is_set(SECRET) && (is_set("APPRUNNERSERVICE") || !is_set("DB_PASS"));
                let from = |variable| if of_secret && !is_set(variable) { Some(SECRET) } else { None };
                rows.push(row("DB_HOST", &fixed.host, from("DB_HOST")));
                rows.extend([row("DB_PORT", &fixed.port.to_string(), None), row("DB_NAME", &fixed.name, None)]);
                rows.push(row("DB_USER", &fixed.user, of_secret.then_some(SECRET)));
                rows.push(password(fixed, if of_secret { SECRET } else { otherwise("DB_PASS") }));
            }
            (CredentialsSource::Secret { id, .. }, _) => {
                rows.push(row(SECRET, id, None));
                let open = ["DB_HOST", "DB_PORT", "DB_NAME"].into_iter().filter(|name| !is_set(name));
                let read = |variable| row(variable, "(read at the first connection)", Some("secret"));
                rows.extend(open.chain(["DB_USER", "DB_PASS"]).map(read));
            }
            (CredentialsSource::Iam { target: iam, .. }, target) => {
                let is_url = target.is_some();
                rows.push(row("DB_HOST", &iam.host, of_url(is_url)));
                rows.push(row(
                    "DB_PORT",
                    &iam.port.to_string(),
                    of_url(target.as_ref().is_some_and(|t| t.port.is_some())),
                ));
                rows.push(row("DB_NAME", &iam.name, of_url(target.is_some_and(|t| t.name.is_some()))));
                rows.push(row("DB_USER", &iam.user, of_url(is_url)));
                rows.push(row("DB_PASS", "(a token, signed for each log-in)", Some("DB_AUTH")));
            }
        }
        rows
    }
}

fn password(credentials: &Credentials, source: &str) -> Derived {
    let value = if credentials.password.is_some() { None } else { Some("none".to_owned()) };
    Derived { variable: "DB_PASS", value, source: source.to_owned() }
}
