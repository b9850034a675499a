//! Causes right after connecting: TLS and authentication.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Authentication, Tls};

causes! {
    SILENT: "silent-after-connect" at [Tls, Authentication] {
        evidence: "TCP connects, then no byte arrives",
        cause: "The connection is accepted, but then no answer comes: the server has stalled or is resuming, or a \
                proxy has no target.",
        remedy: "Check that the port is the server's; look at the server's load. An Aurora cluster that resumes from \
                 a pause needs up to 45 s.",
    }
    CLOSED: "closed-after-connect" at [Tls, Authentication] {
        evidence: "TCP connects, then EOF or RST",
        cause: "The server or a proxy closes the connection at once: wrong port, or an Aurora cluster that resumes from a pause.",
        remedy: "Try again after 45 s; if the fault remains, check the port and what listens there. To prevent \
                 pauses, set a minimum capacity above 0 ACU.",
    }
    NOT_POSTGRES: "not-postgres" at [Tls, Authentication] {
        evidence: "the answer to SSLRequest is neither S nor N",
        cause: "The server on this port is not PostgreSQL.",
        remedy: "Correct the host or the port.",
    }
    TLS_NOT_OFFERED: "tls-not-offered" at [Tls] {
        evidence: "the server answers N to SSLRequest",
        cause: "The server does not offer TLS, and DB_SSLMODE requires it.",
        remedy: "Enable TLS on the server, or lower DB_SSLMODE. Aurora always offers TLS, so a server without it is \
                 not Aurora.",
    }
    TLS_UNKNOWN_AUTHORITY: "tls-unknown-authority" at [Tls] {
        evidence: "UnknownIssuer; the issuer is in the evidence",
        cause: "The certificate comes from an authority that is not trusted here.",
        remedy: "Point DB_SSLROOTCERT to the RDS global bundle; RDS Proxy needs the public (Amazon) authorities \
                 instead. If every host fails in this way, a proxy intercepts TLS.",
    }
    TLS_EXPIRED: "tls-expired" at [Tls] {
        evidence: "the certificate has expired, or is not valid yet",
        cause: "The certificate is not valid at this time.",
        remedy: "Rotate the server's certificate (RDS: a newer authority, then update the bundle); check the clock.",
    }
    TLS_WRONG_NAME: "tls-wrong-name" at [Tls] {
        evidence: "the certificate does not have the host's name",
        cause: "The certificate is for another name: a CNAME or an address is used instead of the server's own name.",
        remedy: "Use the name that the certificate has (the RDS endpoint) in DB_HOST or the secret.",
    }
    TLS_FAILED: "tls-failed" at [Tls] {
        evidence: "any other error of the handshake",
        cause: "The TLS handshake failed.",
        remedy: "See the evidence; check that both sides share a version of TLS (1.2 or 1.3).",
    }

    PASSWORD_REFUSED: "password-refused" at [Authentication] {
        evidence: "SQLSTATE 28P01 with credentials from the environment (PostgreSQL also reports it for an unknown \
                   user)",
        cause: "The server refuses the password, or does not know the user.",
        remedy: "Correct DB_USER and DB_PASS or DATABASE_URL; if both are right, the password may have expired \
                 (VALID UNTIL in pg_roles), which the server does not report.",
    }
    PASSWORD_EXPIRED: "password-expired" at [Authentication] {
        evidence: "SQLSTATE 28P01, and an earlier log-in of this process read a VALID UNTIL that has passed",
        cause: "The password of the database's user has expired (VALID UNTIL).",
        remedy: "Set a new password and date (ALTER ROLE … PASSWORD … VALID UNTIL …), or rotate the secret. Then find out why the password was not renewed.",
    }
    SECRET_OUTDATED: "secret-and-database-differ" at [Authentication] {
        evidence: "SQLSTATE 28P01 although the secret was just read again",
        cause: "The secret's password is not the database's: a rotation failed, or the password was changed by hand.",
        remedy: "Rotate the secret again, or set the user's password to the secret's.",
    }
    IAM_GRANT_MISSING: "iam-grant-missing" at [Authentication] {
        evidence: "SQLSTATE 28P01 without PAM although DB_AUTH is iam",
        cause: "The server compares the token with a password: the user does not exist, does not have rds_iam, or the cluster does not have IAM authentication enabled.",
        remedy: "GRANT rds_iam TO the user of DB_USER, create it if it does not exist, and enable IAM database authentication on the cluster.",
    }
    IAM_POLICY_MISSING: "iam-policy-missing" at [Authentication] {
        evidence: "a failed PAM or IAM log-in with a token that is still valid, and a clock that agrees with AWS's as far as that is known",
        cause: "AWS refuses the token: the role of this service may not connect as this user.",
        remedy: "Allow rds-db:connect on arn:aws:rds-db:REGION:ACCOUNT:dbuser:CLUSTER-RESOURCE-ID/USER to the task or instance role. The id is the cluster's resource id (cluster-…), not its name; DB_HOST must be the cluster's own endpoint, and AWS_REGION its region.",
    }
    DSQL_ACCESS_DENIED: "dsql-access-denied" at [Authentication] {
        evidence: "SQLSTATE 28… or \"access denied\" of Aurora DSQL, with a token that is still valid, and a clock that agrees with AWS's as far as that is known",
        cause: "DSQL refuses the token: the role of this service may not connect to the cluster, or the cluster does not map it to this user.",
        remedy: "Allow dsql:DbConnect on the cluster's ARN to the task or instance role, and run AWS IAM GRANT user TO 'arn:aws:iam::ACCOUNT:role/ROLE' as admin. DB_HOST must be the cluster's own endpoint, and AWS_REGION its region.",
    }
    IAM_CLOCK_SKEWED: "iam-clock-skewed" at [Authentication] {
        evidence: "a failed PAM or IAM log-in, and a Date of Secrets Manager more than 4 minutes from this clock",
        cause: "This machine's clock is wrong, so the token is not valid yet or no longer valid.",
        remedy: "Synchronise the clock with the Amazon Time Sync Service (169.254.169.123), on the host if this is a container.",
    }
    IAM_TOKEN_EXPIRED: "iam-token-expired" at [Authentication] {
        evidence: "a failed PAM or IAM log-in with a token that had expired, or was signed with credentials that had",
        cause: "The token has expired with the credentials of the role that signed it: their endpoint returns outdated ones.",
        remedy: "Start the task again, so that it gets new credentials; for credentials of your own (AWS_SESSION_TOKEN, a profile), sign in to AWS again.",
    }
    USER_UNKNOWN: "user-unknown" at [Authentication] {
        evidence: "SQLSTATE 28000, role does not exist",
        cause: "The user does not exist.",
        remedy: "Create the role, or correct the user's name.",
    }
    ENCRYPTION_REQUIRED: "encryption-required" at [Authentication] {
        evidence: "SQLSTATE 28000, no pg_hba.conf entry … no encryption, from a server that offers TLS",
        cause: "The server accepts only TLS connections (rds.force_ssl).",
        remedy: "Set DB_SSLMODE to verify-full.",
    }
    NO_PG_HBA_ENTRY: "no-pg-hba-entry" at [Authentication] {
        evidence: "SQLSTATE 28000, no pg_hba.conf entry, on an encrypted connection or from a server without TLS",
        cause: "The server has no rule that admits this user from this address.",
        remedy: "Add a pg_hba.conf entry for user, database and address; on Aurora, check that the cluster is not \
                 resuming from a pause.",
    }
    LOGIN_REFUSED: "login-refused" at [Authentication] {
        evidence: "SQLSTATE 28000 otherwise, 42501 at login, 55000 when the database accepts no connections, or a \
                   failed PAM or IAM login",
        cause: "The server does not let this user log in.",
        remedy: "Check LOGIN and CONNECT rights and ALLOW_CONNECTIONS; for IAM authentication, check rds-db:connect, \
                 rds_iam and the age of the token.",
    }
    DATABASE_MISSING: "database-missing" at [Authentication] {
        evidence: "SQLSTATE 3D000",
        cause: "The database does not exist on the server.",
        remedy: "Create the database, or correct DB_NAME or the secret's dbname.",
    }
    TOO_MANY_CONNECTIONS: "too-many-connections" at [Authentication] {
        evidence: "SQLSTATE 53300",
        cause: "The server has no connection left.",
        remedy: "Lower DB_POOL_SIZE × instances, raise max_connections or the maximum ACU, or place RDS Proxy in front of the database.",
    }
    DATABASE_STARTING: "database-starting" at [Authentication] {
        evidence: "SQLSTATE 57P03, or 55000 otherwise",
        cause: "The database is starting up, recovering or resuming from a pause.",
        remedy: "Wait: Aurora resumes in 15 to 45 s. To prevent pauses, set a minimum capacity above 0 ACU.",
    }
    LOGIN_FAILED: "login-failed" at [Authentication] {
        evidence: "any other error before the first query",
        cause: "The connection could not be set up.",
        remedy: "See the evidence and the server's log.",
    }
}
