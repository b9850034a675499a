//! Causes of servers that use an unexpected protocol, and of refusals by poolers.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Authentication, Http, Query, Tls, Writable};

causes! {
    SPEAKS_HTTP: "speaks-http" at [Tls, Authentication] {
        evidence: "the answer to a plain request begins with HTTP/",
        cause: "The server on this port is an HTTP server without TLS.",
        remedy: "For a database, correct the host or the port. For a URL, write http:// instead of https://, or use \
                 the server's port for TLS.",
    }
    SPEAKS_SSH: "speaks-ssh" at [Tls, Authentication, Http] {
        evidence: "the server greets with SSH-",
        cause: "The server on this port is an SSH server.",
        remedy: "Correct the port; through a bastion, use the local port of the tunnel and not the bastion's own.",
    }
    SPEAKS_MYSQL: "speaks-mysql" at [Tls, Authentication, Http] {
        evidence: "the server greets with MySQL's handshake",
        cause: "The server on this port is MySQL or MariaDB.",
        remedy: "Correct the host or the port. An Aurora cluster has one engine, and this one is Aurora MySQL.",
    }
    SPEAKS_REDIS: "speaks-redis" at [Tls, Authentication, Http] {
        evidence: "a line of text is answered in Redis's protocol",
        cause: "The server on this port is Redis or Valkey.",
        remedy: "Correct the host or the port.",
    }
    SPEAKS_TLS: "speaks-tls-at-once" at [Tls, Authentication, Http] {
        evidence: "a TLS handshake succeeds at once, without an SSLRequest",
        cause: "The server speaks TLS from the first byte, as an NLB's TLS listener or an https server does.",
        remedy: "For a database, use a TCP listener of the NLB, which leaves TLS to PostgreSQL. For a URL, write \
                 https://.",
    }
    SPEAKS_POSTGRES: "speaks-postgresql" at [Tls, Http] {
        evidence: "the answer to SSLRequest is S or N",
        cause: "The server on this port is PostgreSQL, not an HTTP server.",
        remedy: "Correct the port of the URL, or give the target as host:port.",
    }

    POOLER_PARAMETER: "pooler-refuses-parameter" at [Authentication] {
        evidence: "SQLSTATE 08P01, unsupported startup parameter",
        cause: "The pooler refuses a start-up parameter of the session.",
        remedy: "Add the parameter that the evidence names to ignore_startup_parameters in pgbouncer.ini.",
    }
    POOLER_FULL: "pooler-exhausted" at [Authentication, Query, Writable] {
        evidence: "max_client_conn, query_wait_timeout or client_login_timeout of pgbouncer, or RDS Proxy's time-out for a database connection",
        cause: "The pooler has no connection left for this client.",
        remedy: "Raise max_client_conn and default_pool_size, or RDS Proxy's maximum connections; look for sessions that stay in a transaction or pin the proxy.",
    }
    POOLER_BACKEND: "pooler-cannot-connect" at [Authentication, Query] {
        evidence: "the pooler reports that it can't connect or log in to its server",
        cause: "The pooler answers, but it cannot reach the database behind it or log in there.",
        remedy: "Check host, password and TLS of the pooler's own entry for this database, and the security group \
                 between the two. The pooler's log has the cause.",
    }
    PROXY_CREDENTIALS: "proxy-without-credentials" at [Authentication] {
        evidence: "RDS Proxy has no credentials for the role",
        cause: "RDS Proxy has no secret for this user.",
        remedy: "Add the user's secret to the proxy, and let the proxy's role read it.",
    }
    SHUTTING_DOWN: "shutting-down" at [Authentication, Query, Writable] {
        evidence: "SQLSTATE 57P01, or 57P03 of a server or pooler that is shutting down",
        cause: "The server is shutting down, or an administrator has just ended the session.",
        remedy: "Wait for the restart or fail-over; if none was planned, look at the events of the cluster.",
    }
    CONNECTION_LIMIT: "connection-limit" at [Authentication] {
        evidence: "SQLSTATE 53300, too many connections for role or database",
        cause: "The limit of this role or database is reached, although the server has connections left.",
        remedy: "Raise the limit (ALTER ROLE … or ALTER DATABASE … CONNECTION LIMIT), or lower DB_POOL_SIZE × \
                 instances.",
    }
    CUT_SHORT: "cut-in-the-middle" at [Query, Writable] {
        evidence: "logged in, then EOF or RST before the answer to a statement",
        cause: "The connection ended in the middle of the session.",
        remedy: "Look for a crash, restart or fail-over in the server's log, and for a firewall or proxy that ends connections.",
    }
}
