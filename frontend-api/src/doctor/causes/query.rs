//! Causes of what the database answers once it has let the user in.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Query, Writable};

causes! {
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
}
