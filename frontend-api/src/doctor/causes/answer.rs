//! Causes that the answer of an HTTP server shows, by its status and by the program that wrote it.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Http, Identity};

causes! {
    HTTP_REDIRECTED: "http-redirected" at [Http] {
        evidence: "status 3xx; the evidence has the new location",
        cause: "The server sends callers to another URL, and the service follows no redirects.",
        remedy: "Configure the URL that the evidence names; if only the scheme differs, the server requires https.",
    }
    HTTP_SIGN_IN: "http-sign-in-required" at [Http] {
        evidence: "status 401, or a redirect to a path or host of a sign-in page",
        cause: "The server requires callers to sign in, and the service does not sign in.",
        remedy: "Use a path that requires no sign-in, or remove the authentication action from the load balancer's \
                 rule for this path.",
    }
    HTTP_FORBIDDEN: "http-forbidden" at [Http] {
        evidence: "status 403 from the server itself",
        cause: "The server does not allow this request.",
        remedy: "Allow the path to this caller in the server's own rules, for example its list of hosts or addresses.",
    }
    HTTP_FIREWALL: "http-blocked-by-firewall" at [Http] {
        evidence: "status 403 with x-amzn-waf-action, or written by a load balancer, CloudFront or API Gateway",
        cause: "A firewall (AWS WAF) or a rule in front of the server refuses the request.",
        remedy: "Look at the sampled requests of the web ACL, and allow the addresses of this VPC's NAT gateway; check the load balancer's rules and API Gateway's resource policy.",
    }
    HTTP_TOO_MANY: "http-too-many-requests" at [Http] {
        evidence: "status 429; the evidence has Retry-After",
        cause: "The server limits how many requests it takes from this caller.",
        remedy: "Wait for the time in Retry-After; then raise the limit or send fewer requests.",
    }
    NO_HEALTHY_TARGET: "balancer-without-target" at [Http] {
        evidence: "status 503 that a load balancer or proxy wrote",
        cause: "The load balancer answers, but it has no healthy target behind it.",
        remedy: "Look at the health of the target group: whether tasks run, pass the health check's path, port and status, and allow the balancer's security group.",
    }
    TARGET_FAILED: "balancer-target-failed" at [Http] {
        evidence: "status 502 or 504 that a load balancer or proxy wrote",
        cause: "The load balancer answers, but its target breaks the connection (502) or is too slow (504).",
        remedy: "Check the target's port and protocol, its log, and that its keep-alive time is longer than the balancer's idle time-out.",
    }
    HTTP_ENCODED: "http-encoded" at [Http] {
        evidence: "Content-Encoding on an answer to a request without Accept-Encoding",
        cause: "The answer is compressed although the service did not ask for it, so it cannot be read.",
        remedy: "Turn off forced compression in the server, or in the proxy in front of it.",
    }
    HTTP_TRUNCATED: "http-truncated" at [Http] {
        evidence: "the connection ends before as many bytes as Content-Length or the chunks announce",
        cause: "The answer ends before it is complete.",
        remedy: "Look for crashes and time-outs of the server and of each proxy in front of it; check that they \
                 agree on Content-Length.",
    }
    HTTP_TOO_LARGE: "http-too-large" at [Http] {
        evidence: "more than 64 KiB where a task's identity is expected",
        cause: "The answer is far larger than the private service's.",
        remedy: "Correct the URL in ECSPRIVATESERVICE: it leads to another service or path.",
    }
    IDENTITY_NOT_JSON: "identity-not-json" at [Identity] {
        evidence: "status 200, but not the JSON of a task's identity",
        cause: "The server that answers is not the private service.",
        remedy: "Correct the URL in ECSPRIVATESERVICE.",
    }
    IDENTITY_LACKS_TASK: "identity-lacks-task" at [Identity] {
        evidence: "the keys of a task's identity are there, and TaskArn is null",
        cause: "The private service answers, but it does not know which task it is.",
        remedy: "Run the private service on ECS (Fargate platform 1.4.0 or later), and deploy the version of the \
                 private service that belongs to this one.",
    }
}
