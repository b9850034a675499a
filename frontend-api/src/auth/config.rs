//! The lifetime of sessions, and the limits on attempts to sign in.

use std::time::Duration;

use causeway_common::config::{Group, Var, Vars};

const SESSION_IDLE_HOURS: Var<u32> =
    Var::int("SESSION_IDLE_HOURS", 14 * 24, 1..=365 * 24, "Hours without a request after which a session ends.");
const SESSION_LIFETIME_HOURS: Var<u32> =
    Var::int("SESSION_LIFETIME_HOURS", 90 * 24, 1..=365 * 24, "Hours after the sign-in at which a session ends.");
const FAILURES_PER_ACCOUNT_AND_ADDRESS: Var<i32> = Var::int(
    "FAILURES_PER_ACCOUNT_AND_ADDRESS",
    10,
    1..=1_000_000,
    "Failed sign-ins to one account from one address in 15 minutes; more are answered with 429.",
);
const FAILURES_PER_ADDRESS: Var<i32> = Var::int(
    "FAILURES_PER_ADDRESS",
    50,
    1..=1_000_000,
    "Failed sign-ins from one address in 15 minutes; more are answered with 429.",
);
const FAILURES_PER_ACCOUNT: Var<i32> = Var::int(
    "FAILURES_PER_ACCOUNT",
    100,
    1..=1_000_000,
    "Failed sign-ins to one account in an hour; more are answered with 429. A low limit lets others lock its owner out.",
);
const HASHES_PER_ADDRESS: Var<i32> = Var::int(
    "HASHES_PER_ADDRESS",
    300,
    1..=1_000_000,
    "Maximum number of passwords from one address that are hashed in 5 minutes, right or wrong; further attempts get a 429.",
);
const SIGN_UPS_PER_ADDRESS: Var<i32> = Var::int(
    "SIGN_UPS_PER_ADDRESS",
    60,
    1..=1_000_000,
    "Attempts from one address to sign up in an hour; more are answered with 429.",
);

/// The lifetime of sessions, and the limits on attempts to sign in.
#[derive(Debug)]
pub struct AuthConfig {
    pub(super) sessions: SessionLimits,
    pub(super) attempts: AttemptLimits,
}

/// How long a session lasts.
#[derive(Debug)]
pub(super) struct SessionLimits {
    /// Without being used.
    pub(super) idle: Duration,
    /// Since the sign-in.
    pub(super) lifetime: Duration,
}

/// How much may be counted in the time of each counter.
#[derive(Debug, Clone)]
pub(super) struct AttemptLimits {
    pub(super) failures_per_pair: i32,
    pub(super) failures_per_address: i32,
    pub(super) failures_per_account: i32,
    pub(super) hashes_per_address: i32,
    pub(super) sign_ups_per_address: i32,
}

impl AuthConfig {
    /// The variables of sessions.
    pub const SESSIONS: Group = Group { title: "Sessions", variables: &[&SESSION_IDLE_HOURS, &SESSION_LIFETIME_HOURS] };

    /// The variables of attempts.
    pub const ATTEMPTS: Group = Group {
        title: "Attempts to sign in and up",
        variables: &[
            &FAILURES_PER_ACCOUNT_AND_ADDRESS,
            &FAILURES_PER_ADDRESS,
            &FAILURES_PER_ACCOUNT,
            &HASHES_PER_ADDRESS,
            &SIGN_UPS_PER_ADDRESS,
        ],
    };

    /// Reads [`Self::SESSIONS`] and [`Self::ATTEMPTS`].
    pub fn load(vars: &mut Vars<'_>) -> Self {
        let hours = |hours: u32| Duration::from_secs(3600 * u64::from(hours));
        let sessions = SessionLimits {
            idle: hours(vars.read(&SESSION_IDLE_HOURS)),
            lifetime: hours(vars.read(&SESSION_LIFETIME_HOURS)),
        };
        let attempts = AttemptLimits {
            failures_per_pair: vars.read(&FAILURES_PER_ACCOUNT_AND_ADDRESS),
            failures_per_address: vars.read(&FAILURES_PER_ADDRESS),
            failures_per_account: vars.read(&FAILURES_PER_ACCOUNT),
            hashes_per_address: vars.read(&HASHES_PER_ADDRESS),
            sign_ups_per_address: vars.read(&SIGN_UPS_PER_ADDRESS),
        };
        Self { sessions, attempts }
    }
}
