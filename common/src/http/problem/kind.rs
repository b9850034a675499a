//! The kinds of problems: what `/problems/<slug>` explains and the OpenAPI document lists.

use std::fmt;

/// Whether sending the same request again can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request can succeed later. The answer has `Retry-After`.
    Later,
    /// The same request fails again until the caller changes it or somebody changes the service.
    Never,
}

/// A kind of problem. Each is a `static`, named in the `KINDS` of the module that reports it.
#[derive(Debug)]
pub struct Kind {
    /// The last part of its URI, `/problems/<slug>`. Stable, made for programs.
    pub slug: &'static str,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The kind in a few words.
    pub title: &'static str,
    /// When it happens and what the caller can do, for the page that lists all kinds.
    pub meaning: &'static str,
    /// Whether a retry helps.
    pub retry: Retry,
}

impl Kind {
    /// Returns the URI reference that the `type` of a problem has.
    pub fn uri(&self) -> impl fmt::Display + use<> {
        struct Uri(&'static str);
        impl fmt::Display for Uri {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "/problems/{}", self.0)
            }
        }
        Uri(self.slug)
    }

    /// Returns true if `uri` is the `type` of this kind.
    pub fn is(&self, uri: &str) -> bool {
        uri.strip_prefix("/problems/") == Some(self.slug)
    }
}

/// The request's path does not exist.
pub static NOT_FOUND: Kind = Kind {
    slug: "not-found",
    status: 404,
    title: "Not found",
    meaning: "The path, or the thing that it names, does not exist. See /docs for the paths of this service.",
    retry: Retry::Never,
};

/// The request's path exists, but not with the request's method.
pub static METHOD_NOT_ALLOWED: Kind = Kind {
    slug: "method-not-allowed",
    status: 405,
    title: "Method not allowed",
    meaning: "The path exists, but does not support the method of the request. The header Allow lists those it supports.",
    retry: Retry::Never,
};

/// The request's body is longer than the route takes.
pub static BODY_TOO_LARGE: Kind = Kind {
    slug: "body-too-large",
    status: 413,
    title: "Body too large",
    meaning: "The body of the request is longer than this path accepts. The detail names the limit.",
    retry: Retry::Never,
};

/// This process is stopping.
pub static DRAINING: Kind = Kind {
    slug: "draining",
    status: 503,
    title: "Shutting down",
    meaning: "This instance was told to stop and finishes the requests that it has. Another instance serves new requests.",
    retry: Retry::Later,
};

/// The kinds that every service reports.
pub static KINDS: &[&Kind] = &[&NOT_FOUND, &METHOD_NOT_ALLOWED, &BODY_TOO_LARGE, &DRAINING];
