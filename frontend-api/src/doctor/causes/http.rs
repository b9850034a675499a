//! Causes of HTTP itself.

use super::{Cause, causes};
use crate::doctor::stage::StageName::Http;

causes! {
    HTTP_NOT_FOUND: "http-not-found" at [Http] {
        evidence: "status 404",
        cause: "The server answers, but not at this path: wrong path, port or service.",
        remedy: "Correct the URL: that of --target, or in DOCTOR_TARGETS or ECSPRIVATESERVICE.",
    }
    HTTP_FAILED: "http-failed" at [Http] {
        evidence: "any other status that is not a success; for a target whose URL has no path only 5xx",
        cause: "The server answers with an error.",
        remedy: "Look at the server's log.",
    }
    HTTP_SLOW: "http-slow" at [Http] {
        evidence: "connected, but no complete answer in time",
        cause: "The server accepts the connection and does not answer the request in time.",
        remedy: "Look at the server's load, and at what the request waits for.",
    }
    HTTP_BROKEN: "http-broken" at [Http] {
        evidence: "the connection ends before an answer, or the answer is not HTTP",
        cause: "The process on this port does not speak HTTP, or it crashes.",
        remedy: "Check the port and scheme (http or https), and the server's log.",
    }
    METADATA_MISSING: "task-metadata-missing" at [Http] {
        evidence: "status 503 with the problem type task-metadata-…",
        cause: "The private service runs but can't read its ECS task metadata.",
        remedy: "Run the private service on ECS (Fargate platform 1.4.0 or later): ECS sets \
                 ECS_CONTAINER_METADATA_URI_V4.",
    }
}
