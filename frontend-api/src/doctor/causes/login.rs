//! Causes right after connecting: TLS and authentication.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Authentication, Tls};

causes! {
    SILENT: "silent-after-connect" at [Tls, Authentication] {
        evidence: "TCP connects, then no byte comes",
        cause: "Something accepts the connection and then says nothing: a stalled or resuming server, or a proxy without its target.",
        remedy: "Check that the port is the server's own; look at the server's load; an Aurora cluster that resumes from a pause needs up to 45 s.",
    }
    CLOSED: "closed-after-connect" at [Tls, Authentication] {
        evidence: "TCP connects, then EOF or RST",
        cause: "The server or a proxy closes the connection at once: wrong port, or an Aurora cluster that resumes from a pause.",
        remedy: "Try again in 45 s; if it stays, check the port and what listens there. For no pauses set a minimum capacity above 0 ACU.",
    }
    NOT_POSTGRES: "not-postgres" at [Tls, Authentication] {
        evidence: "the answer to SSLRequest is neither S nor N",
        cause: "What listens there is not PostgreSQL.",
        remedy: "Correct the host or the port.",
    }
    TLS_NOT_OFFERED: "tls-not-offered" at [Tls] {
        evidence: "the server answers N to SSLRequest",
        cause: "The server does not offer TLS, and DB_SSLMODE demands it.",
        remedy: "Switch TLS on at the server (Aurora always has it: then it is another server), or lower DB_SSLMODE.",
    }
    TLS_UNKNOWN_AUTHORITY: "tls-unknown-authority" at [Tls] {
        evidence: "UnknownIssuer; the issuer is in the evidence",
        cause: "The certificate comes from an authority that is not trusted here.",
        remedy: "Point DB_SSLROOTCERT to the RDS global bundle; RDS Proxy needs the public (Amazon) authorities instead. If every host fails so, a proxy intercepts TLS.",
    }
    TLS_EXPIRED: "tls-expired" at [Tls] {
        evidence: "the certificate's validity has ended or not begun",
        cause: "The certificate is not valid at this time.",
        remedy: "Rotate the server's certificate (RDS: a newer authority, then update the bundle); check the clock.",
    }
    TLS_WRONG_NAME: "tls-wrong-name" at [Tls] {
        evidence: "the certificate's names do not hold the host's",
        cause: "The certificate is for another name: a CNAME or an address is used instead of the server's own name.",
        remedy: "Use the name that the certificate has (the RDS endpoint) in DB_HOST or the secret.",
    }
    TLS_FAILED: "tls-failed" at [Tls] {
        evidence: "any other error of the handshake",
        cause: "The TLS handshake failed.",
        remedy: "See the evidence; check that both sides share a version of TLS (1.2 or 1.3).",
    }

    PASSWORD_REFUSED: "password-refused" at [Authentication] {
        evidence: "SQLSTATE 28P01 with credentials from the environment (PostgreSQL gives it for an unknown user, too)",
        cause: "The server refuses the password, or does not know the user.",
        remedy: "Correct DB_USER and DB_PASS or DATABASE_URL.",
    }
    SECRET_OUTDATED: "secret-and-database-differ" at [Authentication] {
        evidence: "SQLSTATE 28P01 although the secret was just read again",
        cause: "The secret's password is not the database's: a rotation failed, or the password was changed by hand.",
        remedy: "Rotate the secret again, or set the user's password to the secret's.",
    }
    USER_UNKNOWN: "user-unknown" at [Authentication] {
        evidence: "SQLSTATE 28000, role does not exist",
        cause: "There is no such user.",
        remedy: "Create the role, or correct the user's name.",
    }
    ENCRYPTION_REQUIRED: "encryption-required" at [Authentication] {
        evidence: "SQLSTATE 28000, no pg_hba.conf entry … no encryption, from a server that offers TLS",
        cause: "The server takes only TLS connections (rds.force_ssl).",
        remedy: "Set DB_SSLMODE to verify-full.",
    }
    NO_PG_HBA_ENTRY: "no-pg-hba-entry" at [Authentication] {
        evidence: "SQLSTATE 28000, no pg_hba.conf entry, on an encrypted connection or from a server without TLS",
        cause: "The server has no rule that lets this user in from here.",
        remedy: "Add a pg_hba.conf entry for user, database and address; on Aurora see that it is not a cluster that resumes.",
    }
    LOGIN_REFUSED: "login-refused" at [Authentication] {
        evidence: "SQLSTATE 28000 otherwise, 42501 at login, 55000 when the database takes no connections, or a failed PAM or IAM login",
        cause: "The server does not let this user log in.",
        remedy: "Check LOGIN and CONNECT rights and ALLOW_CONNECTIONS; for IAM authentication rds-db:connect, rds_iam and a fresh token.",
    }
    DATABASE_MISSING: "database-missing" at [Authentication] {
        evidence: "SQLSTATE 3D000",
        cause: "There is no such database on the server.",
        remedy: "Create it, or correct DB_NAME or the secret's dbname.",
    }
    TOO_MANY_CONNECTIONS: "too-many-connections" at [Authentication] {
        evidence: "SQLSTATE 53300",
        cause: "The server has no connection left.",
        remedy: "Lower DB_POOL_SIZE × instances, raise max_connections or the maximum ACU, or put RDS Proxy between.",
    }
    DATABASE_STARTING: "database-starting" at [Authentication] {
        evidence: "SQLSTATE 57P03, or 55000 otherwise",
        cause: "The database is starting up, recovering or resuming from a pause.",
        remedy: "Wait: Aurora resumes in 15 to 45 s. For no pauses set a minimum capacity above 0 ACU.",
    }
    LOGIN_FAILED: "login-failed" at [Authentication] {
        evidence: "any other error before the first query",
        cause: "The connection could not be set up.",
        remedy: "See the evidence and the server's log.",
    }
}
