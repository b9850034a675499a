//! The JSON that Secrets Manager keeps for a database.

use secrecy::SecretString;
use serde::Deserialize;

/// As RDS and CDK write it. A secret managed by RDS has no more than `username` and `password`.
pub(super) struct DatabaseSecret {
    pub(super) user: String,
    pub(super) password: SecretString,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    username: Option<String>,
    password: Option<SecretString>,
    host: Option<String>,
    port: Option<Port>,
    dbname: Option<String>,
    engine: Option<String>,
}

/// Values of `engine` in secrets of other databases. Anything else may be a name of somebody's own for PostgreSQL.
const OTHER_ENGINES: [&str; 8] = ["mysql", "mariadb", "sqlserver", "oracle", "mongo", "redshift", "db2", "documentdb"];

#[derive(Deserialize)]
#[serde(untagged)]
enum Port {
    Number(i64),
    Text(String),
}

/// Why a secret can't be used. Names keys and never values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// Not text, or not a JSON object of strings.
    #[error("the secret is not a JSON object of strings")]
    NotJson,
    /// A key that is needed is absent.
    #[error("the secret has no {0:?}")]
    Lacks(&'static str),
    /// `engine` names another kind of database.
    #[error("the secret's \"engine\" is not PostgreSQL")]
    Engine,
    /// `port` is there and is none.
    #[error("the secret's \"port\" is not a port")]
    Port,
}

pub(super) fn parse(json: &str) -> Result<DatabaseSecret, SecretProblem> {
    // serde's own message can quote the value.
    let document: Document = serde_json::from_str(json).map_err(|_| SecretProblem::NotJson)?;
    let port = match document.port {
        None => None,
        Some(Port::Number(port)) => Some(u16::try_from(port).map_err(|_| SecretProblem::Port)?),
        Some(Port::Text(text)) => Some(text.parse().map_err(|_| SecretProblem::Port)?),
    };
    if port == Some(0) {
        return Err(SecretProblem::Port);
    }
    let engine = document.engine.unwrap_or_default().to_lowercase();
    if OTHER_ENGINES.iter().any(|other| engine.contains(other)) {
        return Err(SecretProblem::Engine);
    }
    Ok(DatabaseSecret {
        user: document.username.ok_or(SecretProblem::Lacks("username"))?,
        password: document.password.ok_or(SecretProblem::Lacks("password"))?,
        host: document.host.filter(|host| !host.is_empty()),
        port,
        name: document.dbname.filter(|name| !name.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_secret_has_a_user_and_a_password_and_can_say_where_the_database_is() {
        let cases = [
            ("", (None, None, None)),
            (r#","host":"db.internal","port":6543,"dbname":"demo""#, (Some("db.internal"), Some(6543), Some("demo"))),
            (r#","host":"","port":"5432","dbname":"","engine":"aurora-postgresql""#, (None, Some(5432), None)),
        ];
        for (more, (host, port, name)) in cases {
            let secret =
                parse(&format!(r#"{{"username":"u","password":"p"{more}}}"#)).unwrap_or_else(|_| panic!("{more}"));
            assert_eq!((secret.user.as_str(), secret.password.expose_secret()), ("u", "p"));
            assert_eq!((secret.host.as_deref(), secret.port, secret.name.as_deref()), (host, port, name), "{more}");
        }
    }

    #[test]
    fn a_secret_that_can_t_be_used_says_why() {
        let cases = [
            (r#""text""#, SecretProblem::NotJson),
            (r#"{"password":"p"}"#, SecretProblem::Lacks("username")),
            (r#"{"username":"u"}"#, SecretProblem::Lacks("password")),
            (r#"{"username":"u","password":"p","port":0}"#, SecretProblem::Port),
            (r#"{"username":"u","password":"p","port":"0"}"#, SecretProblem::Port),
            (r#"{"username":"u","password":"p","port":65537}"#, SecretProblem::Port),
            (r#"{"username":"u","password":"p","port":"x"}"#, SecretProblem::Port),
            (r#"{"username":"u","password":"p","engine":"MySQL"}"#, SecretProblem::Engine),
        ];
        for (json, problem) in cases {
            assert_eq!(parse(json).err(), Some(problem), "{json}");
        }
    }
}
