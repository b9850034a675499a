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
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Port {
    Number(u16),
    Text(String),
}

/// Why a secret can't be used. Tells keys and nothing of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// Not text, or not a JSON object of strings.
    #[error("the secret is not a JSON object of strings")]
    NotJson,
    /// A key that is needed is absent.
    #[error("the secret has no {0:?}")]
    Lacks(&'static str),
    /// `port` is there and is none.
    #[error("the secret's \"port\" is not a port")]
    Port,
}

pub(super) fn parse(json: &str) -> Result<DatabaseSecret, SecretProblem> {
    // serde's own message can quote the value.
    let document: Document = serde_json::from_str(json).map_err(|_| SecretProblem::NotJson)?;
    let port = match document.port {
        None => None,
        Some(Port::Number(port)) => Some(port),
        Some(Port::Text(text)) => Some(text.parse().map_err(|_| SecretProblem::Port)?),
    };
    Ok(DatabaseSecret {
        user: document.username.ok_or(SecretProblem::Lacks("username"))?,
        password: document.password.ok_or(SecretProblem::Lacks("password"))?,
        host: document.host.filter(|host| !host.is_empty()),
        port,
        name: document.dbname.filter(|name| !name.is_empty()),
    })
}
