//! Every fault that the doctor distinguishes: how it shows, what causes it, how to fix it.
//!
//! This is data on purpose: `docs/connectivity.md` has the same table, and a test compares the two.

mod http;
mod login;
mod network;
mod query;
mod secret;
mod together;

use std::fmt::Write;

pub(super) use self::http::*;
pub(super) use self::login::*;
pub(super) use self::network::*;
pub(super) use self::query::*;
pub(super) use self::secret::*;
pub(super) use self::together::*;
use super::stage::StageName;

/// One fault.
#[derive(Debug)]
pub struct Cause {
    /// Stable, for programs and alarms.
    pub code: &'static str,
    /// Where it shows; empty for what only several checks together show.
    pub stages: &'static [StageName],
    /// What distinguishes it from its neighbours.
    pub evidence: &'static str,
    /// What is wrong, in one sentence.
    pub text: &'static str,
    /// How to fix it.
    pub remedy: &'static str,
}

impl Cause {
    /// Returns where the service explains it.
    pub fn link(&self) -> String {
        format!("/test-connection/faults#{}", self.code)
    }
}

impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

/// Declares each fault as a constant, and all of them as `ALL`.
macro_rules! causes {
    ($($name:ident: $code:literal at [$($stage:ident),*] {
        evidence: $evidence:literal, cause: $text:literal, remedy: $remedy:literal $(,)?
    })*) => {
        $(pub(in crate::doctor) static $name: Cause =
            Cause { code: $code, stages: &[$($stage),*], evidence: $evidence, text: $text, remedy: $remedy };)*
        pub(super) static ALL: &[&Cause] = &[$(&$name),*];
    };
}
use causes;

/// Returns every cause, in the order in which a check goes.
pub fn all() -> impl Iterator<Item = &'static Cause> {
    [secret::ALL, network::ALL, login::ALL, query::ALL, http::ALL, together::ALL].into_iter().flatten().copied()
}

/// Returns all causes as the table of `docs/connectivity.md`.
pub(super) fn table() -> String {
    let mut table = "| code | stage | evidence | cause | remedy |\n|---|---|---|---|---|\n".to_owned();
    for Cause { code, stages, evidence, text, remedy } in all() {
        let stages: Vec<_> = stages.iter().map(ToString::to_string).collect();
        let stages = if stages.is_empty() { "verdict".to_owned() } else { stages.join(", ") };
        writeln!(table, "| <a id=\"{code}\"></a>`{code}` | {stages} | {evidence} | {text} | {remedy} |")
            .expect("memory takes any text");
    }
    table
}
