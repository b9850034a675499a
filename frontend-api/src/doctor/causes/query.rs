//! Causes of what the database answers once it has let the user in.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Query, Ready, Writable};

causes! {
    TABLE_MISSING: "table-missing" at [Query] {
        evidence: "SQLSTATE 42P01 or 3F000",
        cause: "The table of visits does not exist: the migrations could not make it.",
        remedy: "Allow CREATE on the schema to the user (the log says why migrations failed), or correct TABLE_NAME.",
    }
    PERMISSION_DENIED: "permission-denied" at [Query, Writable] {
        evidence: "SQLSTATE 42501; row-level security answers so, too",
        cause: "The user lacks rights on the table of visits.",
        remedy: "GRANT SELECT, INSERT on the table to the user, and USAGE on its schema.",
    }
    TABLE_DIFFERS: "table-differs" at [Query, Writable] {
        evidence: "SQLSTATE 42703, 42804, 42809 or 55000",
        cause: "The table of visits is not the one that the service makes: a column is missing or of another type, or it is a view.",
        remedy: "Compare it with (last_update timestamp, user_agent varchar(250)), or set TABLE_NAME to a name that is free.",
    }
    VISIT_REFUSED: "visit-refused" at [Writable] {
        evidence: "SQLSTATE 23…, 44… or P0… for the doctor's own INSERT, deferred constraints included",
        cause: "The database refuses visits: a constraint, an additional column that must not be null, or a trigger.",
        remedy: "Remove the constraint, column or trigger that the evidence names, or set TABLE_NAME to a name that is free.",
    }
    DISK_FULL: "disk-full" at [Writable] {
        evidence: "SQLSTATE 53100",
        cause: "The database's disk is full.",
        remedy: "Free space or enlarge the storage; look for replication slots that keep the log (pg_replication_slots).",
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

    // The service itself
    MIGRATION_FAILED: "migration-failed" at [Ready] {
        evidence: "the service's newest attempt ended in a migration; the evidence has its error",
        cause: "The service can't make its tables, so it serves no data although the database can be used.",
        remedy: "Fix what the evidence names: most often CREATE on the schema is missing (GRANT CREATE ON SCHEMA public TO the user).",
    }
    NOT_READY: "service-not-ready" at [Ready] {
        evidence: "/ready is 503, although every earlier stage passed just now",
        cause: "The service itself does not reach the database that the doctor reaches.",
        remedy: "Look at the evidence and the service's log; check DB_CONNECT_TIMEOUT_MS and DB_POOL_SIZE, and restart the service if it stays so.",
    }
}
