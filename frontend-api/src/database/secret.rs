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

/// Errors name the key that is at fault, and nothing of the value.
pub(super) fn parse(json: &str) -> Result<DatabaseSecret, String> {
    // serde's own message can quote the value.
    let document: Document = serde_json::from_str(json)
        .map_err(|error| format!("the secret is not a JSON object of strings (column {})", error.column()))?;
    let port = match document.port {
        None => None,
        Some(Port::Number(port)) => Some(port),
        Some(Port::Text(text)) => Some(text.parse().map_err(|_| "the secret's \"port\" is not a port")?),
    };
    Ok(DatabaseSecret {
        user: document.username.ok_or("the secret has no \"username\"")?,
        password: document.password.ok_or("the secret has no \"password\"")?,
        host: document.host.filter(|host| !host.is_empty()),
        port,
        name: document.dbname.filter(|name| !name.is_empty()),
    })
}
