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
    meaning: "The path, or the record that it names, does not exist. See /docs for the paths of this service.",
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

/// The request's body did not arrive in time.
pub static BODY_TOO_SLOW: Kind = Kind {
    slug: "body-too-slow",
    status: 408,
    title: "Body too slow",
    meaning: "The body of the request did not arrive within the time that this path allows. The detail names the limit.",
    retry: Retry::Later,
};

/// The request's body did not arrive whole.
pub static BODY_INCOMPLETE: Kind = Kind {
    slug: "body-incomplete",
    status: 400,
    title: "Body incomplete",
    meaning: "The connection ended before the body was complete, or the encoding of the body is wrong.",
    retry: Retry::Later,
};

/// The request's body is not what its `Content-Type` says.
pub static BODY_MALFORMED: Kind = Kind {
    slug: "body-malformed",
    status: 400,
    title: "Body malformed",
    meaning: "The body of the request is not what its Content-Type says. The detail names the place.",
    retry: Retry::Never,
};

/// The request's body is of a type that the route does not take.
pub static UNSUPPORTED_MEDIA_TYPE: Kind = Kind {
    slug: "unsupported-media-type",
    status: 415,
    title: "Unsupported media type",
    meaning: "This path does not accept bodies of this Content-Type. The detail names the type that it accepts.",
    retry: Retry::Never,
};

/// Fields of the request were refused.
pub static FIELDS_REFUSED: Kind = Kind {
    slug: "fields-refused",
    status: 422,
    title: "Fields refused",
    meaning: "Fields of the request are missing, unknown or have values that are not accepted. The errors name each.",
    retry: Retry::Never,
};

/// This process is stopping.
pub static DRAINING: Kind = Kind {
    slug: "draining",
    status: 503,
    title: "Shutting down",
    meaning: "This instance is stopping. It finishes its open requests; another instance serves new ones.",
    retry: Retry::Later,
};

/// Too many long bodies arrive at the same time.
pub static TOO_MUCH_ARRIVING: Kind = Kind {
    slug: "too-much-arriving",
    status: 503,
    title: "Too many long bodies arrive",
    meaning: "The long bodies of other requests have not arrived whole yet, and this one has no room beside them. Nothing was changed.",
    retry: Retry::Later,
};

/// Clients do not read the large answers that they asked for.
pub static TOO_MUCH_UNREAD: Kind = Kind {
    slug: "too-much-unread",
    status: 503,
    title: "Too many large answers are unread",
    meaning: "Other clients have not read their large answers yet, and this one has no room beside them. Nothing was changed.",
    retry: Retry::Later,
};

/// The kinds that every service reports.
pub static KINDS: &[&Kind] = &[
    &NOT_FOUND,
    &METHOD_NOT_ALLOWED,
    &BODY_TOO_LARGE,
    &BODY_TOO_SLOW,
    &BODY_INCOMPLETE,
    &BODY_MALFORMED,
    &UNSUPPORTED_MEDIA_TYPE,
    &FIELDS_REFUSED,
    &DRAINING,
    &TOO_MUCH_ARRIVING,
    &TOO_MUCH_UNREAD,
];
