//! Every fault that the doctor tells apart: how it shows, what causes it, what mends it.
//!
//! This is data on purpose: `docs/connectivity.md` has the same table, and a test holds the two together.

use std::fmt::Write;

use super::report::StageName;
use StageName::{
    Authentication, Configuration, Credentials, Dns, Http, Identity, Query, Read, Secret, Tcp, Tls, Writable,
};

/// One fault.
#[derive(Debug)]
pub struct Cause {
    /// Stable, made for programs and alarms.
    pub code: &'static str,
    /// Where it shows; empty for what only several checks together show.
    pub stages: &'static [StageName],
    /// What tells it from its neighbours.
    pub evidence: &'static str,
    /// What is wrong, in one sentence.
    pub text: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

/// The whole catalogue as the table of `docs/connectivity.md`.
pub(super) fn table() -> String {
    let mut table = "| code | stage | evidence | cause | remedy |\n|---|---|---|---|---|\n".to_owned();
    for Cause { code, stages, evidence, text, remedy } in ALL {
        let stages: Vec<_> = stages.iter().map(ToString::to_string).collect();
        let stages = if stages.is_empty() { "verdict".to_owned() } else { stages.join(", ") };
        writeln!(table, "| `{code}` | {stages} | {evidence} | {text} | {remedy} |").expect("memory takes any text");
    }
    table
}

/// Declares each fault as a constant, and all of them as [`ALL`].
macro_rules! catalogue {
    ($($name:ident: $code:literal at [$($stage:ident),*] {
        evidence: $evidence:literal, cause: $text:literal, remedy: $remedy:literal $(,)?
    })*) => {
        $(pub(super) const $name: Cause =
            Cause { code: $code, stages: &[$($stage),*], evidence: $evidence, text: $text, remedy: $remedy };)*
        /// The whole catalogue, in the order of the walk.
        static ALL: &[&Cause] = &[$(&$name),*];
    };
}

catalogue! {
    // Configuration, credentials, secret
    REGION_MISSING: "region-missing" at [Configuration] {
        evidence: "AWS_REGION is not set and no profile names a region",
        cause: "Nothing says which AWS region to ask.",
        remedy: "Set AWS_REGION to the region of the secret.",
    }
    REGION_MISMATCH: "region-mismatch" at [Configuration] {
        evidence: "the region in the secret's ARN is not the client's",
        cause: "The secret lies in another region than the one that is asked.",
        remedy: "Set AWS_REGION to the region in the secret's ARN, or replicate the secret to this region.",
    }
    REGION_UNKNOWN: "region-unknown" at [Dns] {
        evidence: "NXDOMAIN for the region's Secrets Manager endpoint",
        cause: "The region has no Secrets Manager endpoint: its name is most likely misspelt.",
        remedy: "Correct AWS_REGION.",
    }
    CREDENTIALS_MISSING: "credentials-missing" at [Credentials, Secret] {
        evidence: "the SDK's whole chain (environment, profile, container, instance) has no credentials",
        cause: "This service has no AWS role.",
        remedy: "Give the App Runner service an instance role (trust tasks.apprunner.amazonaws.com), or the ECS task a task role; the access or execution role does not count.",
    }
    CREDENTIALS_REJECTED: "credentials-rejected" at [Secret, Read] {
        evidence: "UnrecognizedClientException, InvalidSignatureException, ExpiredTokenException or the like",
        cause: "AWS does not accept the credentials: static keys that are old most likely shadow the role.",
        remedy: "Remove AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from the environment; check the clock.",
    }
    SECRET_ACCESS_DENIED: "secret-access-denied" at [Secret, Read] {
        evidence: "AccessDeniedException",
        cause: "The role may not read the secret.",
        remedy: "Allow secretsmanager:GetSecretValue on the secret's ARN to the instance or task role; check the VPC endpoint's policy and the secret's own.",
    }
    SECRET_KMS_DENIED: "secret-kms-denied" at [Secret, Read] {
        evidence: "AccessDeniedException whose message names KMS",
        cause: "The role may read the secret but not use the key that encrypts it.",
        remedy: "Allow kms:Decrypt to the role, in its policy and in the key's.",
    }
    SECRET_NOT_FOUND: "secret-not-found" at [Secret, Read] {
        evidence: "ResourceNotFoundException",
        cause: "There is no such secret in this region and account.",
        remedy: "Correct DBSECRETSNAME or AWS_REGION; a name's case and the ARN's six-character suffix count.",
    }
    SECRET_DISABLED: "secret-disabled" at [Secret, Read] {
        evidence: "InvalidRequestException or DecryptionFailure",
        cause: "The secret is scheduled for deletion, or its key is disabled.",
        remedy: "Restore the secret, or enable the key.",
    }
    SECRET_NOT_JSON: "secret-not-json" at [Secret, Read] {
        evidence: "the value does not parse as a JSON object",
        cause: "The secret is not the JSON that RDS writes.",
        remedy: "Store {\"username\", \"password\", \"host\", \"port\", \"dbname\"} as the secret's string.",
    }
    SECRET_LACKS_KEY: "secret-lacks-key" at [Secret, Read] {
        evidence: "the JSON parses, but a key that is needed is absent, or its port is none",
        cause: "The secret lacks a key that is needed.",
        remedy: "Add the key; for a secret that RDS manages set DB_HOST, DB_PORT and DB_NAME instead.",
    }
    SECRET_UNREADABLE: "secret-unreadable" at [Secret, Read] {
        evidence: "no answer from Secrets Manager, or one of its own failures",
        cause: "Secrets Manager does not give the secret.",
        remedy: "See the check of Secrets Manager itself.",
    }

    // DNS
    NAME_NOT_FOUND: "name-not-found" at [Dns] {
        evidence: "NXDOMAIN; the owner of its SOA tells which zone said so",
        cause: "The name does not exist where this service asks.",
        remedy: "Correct the name; for a private hosted zone associate it with this VPC and enable both VPC DNS attributes.",
    }
    CLOUD_MAP_NAME_NOT_FOUND: "cloud-map-name-not-found" at [Dns] {
        evidence: "NXDOMAIN for the private service's name",
        cause: "Cloud Map has no such record: no healthy task is registered, or its namespace is not associated with this VPC.",
        remedy: "See that the ECS service runs tasks and registers them; associate the private DNS namespace's zone with this VPC. A name that just came up stays unknown for the SOA's negative TTL.",
    }
    NAME_WITHOUT_ADDRESS: "name-without-address" at [Dns] {
        evidence: "NOERROR without A or AAAA",
        cause: "The name exists but has no address.",
        remedy: "Add an A record; a Cloud Map service with SRV records alone needs DnsRecordType A.",
    }
    RESOLVER_SILENT: "resolver-silent" at [Dns] {
        evidence: "no answer from any nameserver of /etc/resolv.conf in time",
        cause: "The DNS resolver does not answer.",
        remedy: "Set enableDnsSupport on the VPC, and see that the DHCP options name a resolver that can be reached. Security groups and NACLs can't block the VPC's own resolver.",
    }
    RESOLVER_FAILED: "resolver-failed" at [Dns] {
        evidence: "SERVFAIL, REFUSED or another error code at once",
        cause: "The DNS resolver can't or won't answer for this name.",
        remedy: "Check the DHCP options' resolver and its forwarding rules; more than 1,024 queries a second from one interface are refused, too.",
    }
    DATABASE_PUBLIC_ADDRESS: "database-public-address" at [Dns] {
        evidence: "the database's name resolves to public addresses, and none of them accepts a connection",
        cause: "The name resolves to a public address where a private one is expected: it was asked from outside the database's VPC.",
        remedy: "Run this service with a VPC connector in the database's VPC; with peering enable DNS resolution over it; make the database not publicly accessible.",
    }

    // TCP
    DATABASE_TIMED_OUT: "database-timed-out" at [Tcp] {
        evidence: "no answer to SYN from a private address",
        cause: "Packets to the database are dropped: its security group most likely lacks the rule.",
        remedy: "Allow the database's port inbound in the database's security group from the security group of the VPC connector or task; then check that group's outbound rules, the subnets' NACLs (replies: 32768-60999 for Linux clients) and routes.",
    }
    PRIVATE_SERVICE_TIMED_OUT: "private-service-timed-out" at [Tcp] {
        evidence: "no answer to SYN from the private service",
        cause: "Packets to the private service are dropped: its security group most likely lacks the rule.",
        remedy: "Allow its port inbound in the private service's security group from the security group of the VPC connector or task; a record can also outlive its task by its TTL.",
    }
    PRIVATE_ENDPOINT_TIMED_OUT: "private-endpoint-timed-out" at [Tcp] {
        evidence: "no answer to SYN from a private address of an AWS service or other target",
        cause: "Packets to a private address are dropped: the security group of the VPC endpoint or target most likely lacks the rule.",
        remedy: "Allow the port inbound in the endpoint's or target's security group from that of the VPC connector or task, and outbound there.",
    }
    PUBLIC_ENDPOINT_TIMED_OUT: "public-endpoint-timed-out" at [Tcp] {
        evidence: "no answer to SYN from a public address",
        cause: "There is no way from the VPC to this public address.",
        remedy: "Add a VPC endpoint with private DNS for an AWS service (S3: a gateway endpoint in the subnets' route tables), or route 0.0.0.0/0 of private subnets to a NAT gateway; allow the port outbound.",
    }
    REFUSED: "refused" at [Tcp] {
        evidence: "RST at once (ECONNREFUSED)",
        cause: "The host was reached but nothing listens on the port: not a security group or NACL, which drop.",
        remedy: "Check the port, and that the process runs and listens on its network address; right after a deployment a record may name a task that is gone.",
    }
    NO_ROUTE: "no-route" at [Tcp] {
        evidence: "ENETUNREACH, EHOSTUNREACH, EINVAL (blackhole) or EACCES (prohibit) at once",
        cause: "There is no route to the address.",
        remedy: "Add a route for it to the subnet's route table; remove blackhole routes left by deleted NAT gateways or peerings.",
    }
    SOME_ADDRESSES_FAIL: "some-addresses-fail" at [Tcp] {
        evidence: "one address of the name accepts connections, another does not",
        cause: "Only some addresses of the name can be reached.",
        remedy: "Look at the subnet of the failing address: its route table and NACL; or at a task that is gone but still registered.",
    }

    // TLS, and what else happens right after connecting
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

    // Authentication
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

    // Query and writing
    TABLE_MISSING: "table-missing" at [Query] {
        evidence: "SQLSTATE 42P01 or 3F000",
        cause: "The table of visits does not exist: the migrations could not make it.",
        remedy: "Allow CREATE on the schema to the user (the log says why migrations failed), or correct TABLE_NAME.",
    }
    PERMISSION_DENIED: "permission-denied" at [Query, Writable] {
        evidence: "SQLSTATE 42501, or has_table_privilege() says no",
        cause: "The user lacks rights on the table of visits.",
        remedy: "GRANT SELECT, INSERT on the table to the user, and USAGE on its schema.",
    }
    SLOW_QUERY: "slow-query" at [Query, Writable] {
        evidence: "no result in time, or SQLSTATE 57014, 55P03",
        cause: "The database took the connection but does not answer a trivial query in time.",
        remedy: "Look for locks (pg_locks, a long transaction or a migration) and for load (Performance Insights).",
    }
    QUERY_FAILED: "query-failed" at [Query, Writable] {
        evidence: "any other SQLSTATE",
        cause: "The database answered a trivial query with an error.",
        remedy: "See the evidence and the server's log.",
    }
    READ_ONLY_REPLICA: "read-only-replica" at [Writable] {
        evidence: "pg_is_in_recovery()",
        cause: "This is a reader or a writer that was demoted: it takes no writes.",
        remedy: "Use the cluster's writer endpoint, not .cluster-ro-; after a fail-over wait for its DNS (5 s).",
    }
    READ_ONLY: "read-only" at [Writable] {
        evidence: "transaction_read_only is on, and the server is no replica",
        cause: "The database takes no writes.",
        remedy: "Reset default_transaction_read_only for the user or database; on a full disk free space first.",
    }

    // HTTP
    HTTP_NOT_FOUND: "http-not-found" at [Http] {
        evidence: "status 404",
        cause: "The server answers, but not at this path: wrong path, port or service.",
        remedy: "Correct the URL in ECSPRIVATESERVICE.",
    }
    HTTP_FAILED: "http-failed" at [Http] {
        evidence: "another status that is no success; for DOCTOR_TARGETS only 5xx",
        cause: "The server answers with an error.",
        remedy: "Look at its log.",
    }
    HTTP_SLOW: "http-slow" at [Http] {
        evidence: "connected, but no complete answer in time",
        cause: "The server accepts the connection and does not answer the request in time.",
        remedy: "Look at its load and at what it waits for.",
    }
    HTTP_BROKEN: "http-broken" at [Http] {
        evidence: "the connection ends before an answer, or the answer is not HTTP",
        cause: "What listens there does not speak HTTP, or crashes.",
        remedy: "Check the port and scheme (http or https), and its log.",
    }
    METADATA_MISSING: "task-metadata-missing" at [Http] {
        evidence: "status 503 with the problem type task-metadata-…",
        cause: "The private service runs but can't read its ECS task metadata.",
        remedy: "Run it on ECS (Fargate platform 1.4.0 or later): ECS sets ECS_CONTAINER_METADATA_URI_V4.",
    }
    IDENTITY_NOT_JSON: "identity-not-json" at [Identity] {
        evidence: "status 200, but not the JSON of a task's identity",
        cause: "What answers is not the private service.",
        remedy: "Correct the URL in ECSPRIVATESERVICE.",
    }

    // What several checks show together
    NO_NAME_RESOLVES: "no-name-resolves" at [] {
        evidence: "the resolver answers none of two or more checks",
        cause: "DNS does not work for this service at all.",
        remedy: "Set enableDnsSupport and enableDnsHostnames on the VPC, and see that the DHCP options name a resolver that can be reached.",
    }
    EVERYTHING_TIMES_OUT: "everything-times-out" at [] {
        evidence: "TCP times out for all of two or more checks, private ones among them",
        cause: "No packet leaves: the VPC connector's security group has no outbound rule, a NACL drops, or it is the wrong VPC.",
        remedy: "Allow outbound traffic in the security group of the VPC connector or task; check the NACLs of its subnets both ways, and the VPC.",
    }
    PUBLIC_TIMES_OUT: "public-times-out" at [] {
        evidence: "TCP times out for all of two or more public destinations, and connects to a private one",
        cause: "The subnets have no way to the internet: no NAT gateway, or the connector is in a public subnet, where its interfaces have no public address.",
        remedy: "Put the connector into private subnets and route 0.0.0.0/0 to a NAT gateway in a public subnet; for AWS services alone VPC endpoints will do.",
    }
}
