//! The problems that concern the caller.

use causeway_common::http::problem::{Kind, Retry};

/// The request needs a session and has none.
pub static NOT_SIGNED_IN: Kind = Kind {
    slug: "not-signed-in",
    status: 401,
    title: "Not signed in",
    meaning: "This path requires a session, named by the cookie or the bearer token that POST /sessions returns. The \
              request names none, or its session has ended or expired.",
    retry: Retry::Never,
};

/// The bearer of `ADMIN_TOKEN` asks for what belongs to a user.
pub static NOT_FOR_THE_ADMIN: Kind = Kind {
    slug: "not-for-the-admin",
    status: 403,
    title: "Not available to the admin",
    meaning: "ADMIN_TOKEN is not a session: its bearer manages users, but cannot read or write what belongs to a user.",
    retry: Retry::Never,
};

/// A page of another site sent the request.
pub static CROSS_SITE: Kind = Kind {
    slug: "cross-site",
    status: 403,
    title: "Sent by another site",
    meaning: "A page of another site made the browser send this request. Only pages of this site may change \
              anything. A program must send neither Origin nor Sec-Fetch-Site.",
    retry: Retry::Never,
};

/// A limit on attempts is reached.
pub static TOO_MANY_ATTEMPTS: Kind = Kind {
    slug: "too-many-attempts",
    status: 429,
    title: "Too many attempts",
    meaning: "Too many attempts to sign in or to sign up came from this address, or too many sign-ins to this \
              account failed. The password was not checked. Retry-After says when the next attempt is accepted.",
    retry: Retry::Later,
};

/// What is reported about callers.
pub static KINDS: &[&Kind] = &[&NOT_SIGNED_IN, &NOT_FOR_THE_ADMIN, &CROSS_SITE, &TOO_MANY_ATTEMPTS];
