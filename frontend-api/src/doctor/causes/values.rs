//! Causes of configured values that cannot be right, found before the network is used.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Configuration, Read, Secret};

causes! {
    HOST_MALFORMED: "host-malformed" at [Configuration, Secret, Read] {
        evidence: "the host has a scheme, a port, a space, a line break, or / @ # ? {",
        cause: "The database's host is neither a name nor an address.",
        remedy: "Set only the name in DB_HOST, DATABASE_URL or the secret's host. The port has its own variable, and \
                 @ / # in a URL's password must be percent-encoded.",
    }
    PASSWORD_LINE_BREAK: "password-line-break" at [Configuration, Secret, Read] {
        evidence: "the password has a line break or another control character",
        cause: "The password was stored with a line break, most likely from a file or from echo.",
        remedy: "Store the password again without a line break (printf %s, aws secretsmanager put-secret-value \
                 --secret-string).",
    }
    PASSWORD_BLANK: "password-blank" at [Configuration, Secret, Read] {
        evidence: "the password begins or ends with a space",
        cause: "The password begins or ends with a space, which is most often a mistake.",
        remedy: "If the login fails, store the password again without the space.",
    }
    SECRET_PORT: "secret-port" at [Secret, Read] {
        evidence: "the secret's port is not a number from 1 to 65535",
        cause: "The secret's port is not a port number.",
        remedy: "Store the database's port in the secret, as a number; PostgreSQL's is 5432.",
    }
    SECRET_ENGINE: "secret-engine" at [Secret, Read] {
        evidence: "the secret's engine is not PostgreSQL",
        cause: "The secret belongs to another kind of database.",
        remedy: "Set DBSECRETSNAME to the secret of the PostgreSQL cluster.",
    }
}
