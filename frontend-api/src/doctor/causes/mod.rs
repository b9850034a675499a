//! Every fault that the doctor distinguishes: how it shows, what causes it, how to fix it.
//!
//! This is data on purpose: `docs/connectivity.md` has the same table, and a test compares the two.

mod answer;
mod aws;
mod dns;
mod http;
mod login;
mod machine;
mod network;
mod protocol;
mod query;
mod secret;
mod service;
mod tls;
mod together;
mod values;

use std::fmt::Write;

pub(super) use self::answer::*;
pub(super) use self::aws::*;
pub(super) use self::dns::*;
pub(super) use self::http::*;
pub(super) use self::login::*;
pub(super) use self::machine::*;
pub(super) use self::network::*;
pub(super) use self::protocol::*;
pub(super) use self::query::*;
pub(super) use self::secret::*;
pub(super) use self::service::*;
pub(super) use self::tls::*;
pub(super) use self::together::*;
pub(super) use self::values::*;
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
        format!("/test-connection/faults/{}", self.code)
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
    [
        secret::ALL,
        values::ALL,
        aws::ALL,
        dns::ALL,
        network::ALL,
        machine::ALL,
        login::ALL,
        tls::ALL,
        protocol::ALL,
        query::ALL,
        service::ALL,
        http::ALL,
        answer::ALL,
        together::ALL,
    ]
    .into_iter()
    .flatten()
    .copied()
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
