//! Causes of HTTP, and of what a private service answers.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Http, Identity};

causes! {
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
}
