//! Causes of what the database answers once it has let the user in.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Query, Ready, Writable};

causes! {
    TABLE_MISSING: "table-missing" at [Query] {
        evidence: "SQLSTATE 42P01 or 3F000",
        cause: "The table of visits does not exist: the migrations could not create it.",
        remedy: "Grant the user CREATE on the schema (the log says why migrations failed), or correct TABLE_NAME.",
    }
    PERMISSION_DENIED: "permission-denied" at [Query, Writable] {
        evidence: "SQLSTATE 42501; row-level security has the same code",
        cause: "The user lacks rights on the table of visits.",
        remedy: "GRANT SELECT, INSERT on the table to the user, and USAGE on its schema.",
    }
    TABLE_DIFFERS: "table-differs" at [Query, Writable] {
        evidence: "SQLSTATE 42703, 42804, 42809 or 55000",
        cause: "The table of visits is not the one that the service creates: a column is missing or of another type, \
                or it is a view.",
        remedy: "Compare it with (last_update timestamp, user_agent varchar(250)), or set TABLE_NAME to an unused \
                 name.",
    }
    VISIT_REFUSED: "visit-refused" at [Writable] {
        evidence: "SQLSTATE 23…, 44… or P0… for the doctor's own INSERT, deferred constraints included",
        cause: "The database refuses visits: a constraint, an additional column that must not be null, or a trigger.",
        remedy: "Remove the constraint, column or trigger that the evidence names, or set TABLE_NAME to an unused \
                 name.",
    }
    DISK_FULL: "disk-full" at [Writable] {
        evidence: "SQLSTATE 53100",
        cause: "The database's disk is full.",
        remedy: "Free space or enlarge the storage; look for replication slots that retain WAL (pg_replication_slots).",
    }
    SLOW_QUERY: "slow-query" at [Query, Writable] {
        evidence: "no result in time, or SQLSTATE 57014, 55P03; a lock on any table that requests use counts",
        cause: "The database accepted the connection but does not answer a trivial query in time.",
        remedy: "End the session that the evidence names (pg_terminate_backend), or look for locks (pg_locks, a long transaction or a migration) and for load (Performance Insights).",
    }
    QUERY_FAILED: "query-failed" at [Query, Writable] {
        evidence: "any other SQLSTATE",
        cause: "The database answered a trivial query with an error.",
        remedy: "See the evidence and the server's log.",
    }
    READ_ONLY_REPLICA: "read-only-replica" at [Writable] {
        evidence: "pg_is_in_recovery()",
        cause: "This is a reader, or a writer that was demoted: it accepts no writes.",
        remedy: "Use the cluster's writer endpoint, not .cluster-ro-; after a fail-over, wait for its DNS record (5 \
                 s).",
    }
    READ_ONLY: "read-only" at [Writable] {
        evidence: "transaction_read_only is on, and the server is not a replica",
        cause: "The database accepts no writes.",
        remedy: "Reset default_transaction_read_only for the user or database; if the disk is full, free space first.",
    }

    CLOCK_DIFFERS: "clock-differs" at [Writable] {
        evidence: "the server's clock and this machine's are more than 60 s apart",
        cause: "One of the two clocks is wrong.",
        remedy: "Synchronise this machine's clock with the Amazon Time Sync Service (169.254.169.123); AWS refuses signatures from 5 minutes on.",
    }
    CONNECTIONS_SCARCE: "connections-nearly-used-up" at [Writable] {
        evidence: "nine tenths of max_connections are in use, or more",
        cause: "The server has few connections left.",
        remedy: "Lower DB_POOL_SIZE × instances, raise max_connections or the maximum ACU, or place RDS Proxy in front of the database.",
    }

    PASSWORD_EXPIRES_SOON: "password-expires-soon" at [Writable] {
        evidence: "rolvaliduntil of the user in pg_roles is at most seven days ahead",
        cause: "The password of the database's user expires soon (VALID UNTIL): new connections fail from then on.",
        remedy: "Extend the date (ALTER ROLE … VALID UNTIL), or check that the rotation of the password still works.",
    }

    // The service itself
    POOL_USED_UP: "pool-used-up" at [Ready] {
        evidence: "no connection of the service's pool for single requests became free within 200 ms",
        cause: "The service's own pool is used up: requests wait for a connection, and fail with 503 after DB_CONNECT_TIMEOUT_MS.",
        remedy: "Look for slow statements and locks; raise DB_POOL_SIZE if the server has connections left, or add instances.",
    }
    MIGRATION_FAILED: "migration-failed" at [Ready] {
        evidence: "the service's newest attempt ended in a migration; the evidence has its error",
        cause: "The service cannot create its tables, so it serves no data although the database can be used.",
        remedy: "Fix what the evidence names: most often CREATE on the schema is missing (GRANT CREATE ON SCHEMA public TO the user).",
    }
    NOT_READY: "service-not-ready" at [Ready] {
        evidence: "/ready is 503, although every earlier stage has just passed",
        cause: "The service itself does not reach the database that the doctor reaches.",
        remedy: "Look at the evidence and the service's log; check DB_CONNECT_TIMEOUT_MS and DB_POOL_SIZE, and \
                 restart the service if the fault remains.",
    }
}
