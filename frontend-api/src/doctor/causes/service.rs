//! Causes that the service's own state shows, and its configuration.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Configuration, Query, Requests};

causes! {
    CONFIGURATION_WRONG: "configuration-wrong" at [Configuration] {
        evidence: "the service rejects its environment; the evidence names each variable",
        cause: "The configuration has mistakes, so the service does not start.",
        remedy: "Correct the variables that the evidence names (docs/configuration.md).",
    }
    MAY_NOT_CREATE: "may-not-create" at [Query] {
        evidence: "has_schema_privilege(…, 'CREATE') is false before the first deployment (--pre)",
        cause: "The user may not create the tables that the first start makes.",
        remedy: "GRANT CREATE ON SCHEMA public TO the user (or the schema of its search_path).",
    }
    REQUESTS_FAIL: "requests-fail" at [Requests] {
        evidence: "three or more requests for visits failed in a row within the last 10 s, although every stage passes",
        cause: "Requests for visits fail although every stage of the doctor passes.",
        remedy: "In the service's log, look for what distinguishes the failed requests from the doctor's visit, such as the User-Agent or the concurrency.",
    }
    REQUESTS_SUCCEED: "requests-succeed" at [Requests] {
        evidence: "requests for visits are served in the last 10 s and none fails, although an earlier stage failed just now",
        cause: "The service still serves requests, with connections that it has; only new connections fail.",
        remedy: "Repair the stage that failed before the service replaces its connections (DB_MAX_LIFETIME_MS) or restarts.",
    }
}
