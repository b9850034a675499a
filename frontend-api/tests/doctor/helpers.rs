//! The doctor as a command, and what every report must keep to.

use std::collections::BTreeMap;

pub use causeway_testing::app::{PATIENCE, eventually};
use causeway_testing::network::Network;
use causeway_testing::postgres::TestDatabase;
use causeway_testing::service;
use serde_json::Value;

pub const BINARY: &str = env!("CARGO_BIN_EXE_frontend-api");
/// Of a role, in most tests. No output may hold it.
pub const PASSWORD: &str = "hunter2-of-the-role";
pub const TABLE: &str = "CREATE TABLE access (last_update TIMESTAMP, user_agent VARCHAR(250))";

pub const DATABASE: &str = "database";
pub const PRIVATE_SERVICE: &str = "private service";
pub const SECRETS_MANAGER: &str = "secrets manager";
pub const TARGET: &str = "target";

/// One run of `frontend-api doctor --json`.
pub struct Run {
    pub code: Option<i32>,
    pub report: Value,
}

/// The doctor on this machine's own network: give it addresses of this machine alone.
pub async fn doctor(env: &[(&str, &str)]) -> Run {
    run(BINARY.as_ref(), &["doctor", "--json"], env).await
}

/// The doctor inside a network of the test's own.
pub async fn doctor_in(network: &Network, env: &[(&str, &str)]) -> Run {
    let (program, arguments) = network.command(BINARY, &["doctor", "--json"]);
    run(program, &arguments, env).await
}

pub async fn run(program: &std::path::Path, arguments: &[&str], env: &[(&str, &str)]) -> Run {
    let output = service::run(program, arguments, env.iter().copied()).await;
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    for output in [&stdout, &stderr] {
        assert_tells_no_secret(output, env);
    }
    let report = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout:?}\n{stderr}"));
    Run { code: output.status.code(), report }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Nothing that this environment keeps secret may be in any output.
pub fn assert_tells_no_secret(output: &str, env: &[(&str, &str)]) {
    let given = env.iter().filter_map(|&(name, value)| match name {
        "DB_PASS" | "AWS_SECRET_ACCESS_KEY" | "ADMIN_TOKEN" => Some(value),
        "DATABASE_URL" => value.split_once("://")?.1.split_once('@')?.0.split_once(':').map(|(_, password)| password),
        _ => None,
    });
    for secret in given.chain([PASSWORD, "dbClusterIdentifier"]) {
        // An empty or very short one is found anywhere.
        assert!(secret.len() < 6 || !output.contains(secret), "{secret:?} is told: {output}");
    }
}

impl Run {
    /// What a running service reports.
    pub fn of_service(report: Value) -> Self {
        let failed = report["Verdict"]["outcome"] == "failed";
        Self { code: Some(i32::from(failed)), report }
    }

    pub fn check(&self, name: &str) -> &Value {
        check(&self.report, name)
    }

    pub fn stage(&self, check: &str, name: &str) -> &Value {
        let stages = self.check(check)["stages"].as_array().unwrap();
        let stage = stages.iter().find(|stage| stage["name"] == name);
        stage.unwrap_or_else(|| panic!("{check} has no stage {name}: {:#}", self.report))
    }

    pub fn evidence(&self, check: &str, stage: &str) -> &str {
        self.stage(check, stage)["evidence"].as_str().unwrap_or_default()
    }

    /// The codes of the verdict and of all stages.
    pub fn codes(&self) -> Vec<&str> {
        let stages =
            self.report["Checks"].as_array().unwrap().iter().flat_map(|check| check["stages"].as_array().unwrap());
        let named = stages.chain([&self.report["Verdict"]]).filter_map(|place| place["code"].as_str());
        named.collect()
    }

    /// The check works, with a warning at this stage for this reason, and the exit code is that of success.
    pub fn assert_warned(&self, check: &str, stage: &str, code: &str) -> &Self {
        assert_eq!(self.code, Some(0), "{:#}", self.report);
        let (check, found) = (self.check(check), self.stage(check, stage));
        let outcomes = (&check["outcome"], &found["outcome"], &found["code"]);
        assert_eq!(outcomes, (&"warning".into(), &"warning".into(), &code.into()), "{:#}", self.report);
        assert!(
            check["stages"].as_array().unwrap().iter().all(|stage| stage["outcome"] != "skipped"),
            "{:#}",
            self.report
        );
        assert!(stages_of(code).iter().any(|listed| listed == stage), "the catalogue does not have {code} at {stage}");
        let verdict = &self.report["Verdict"];
        let named = (&verdict["outcome"], &verdict["check"], &verdict["code"]);
        assert_eq!(named, (&"warning".into(), &check["name"], &code.into()), "{:#}", self.report);
        let response = self.report["Response"].as_str().unwrap();
        assert!(response.starts_with("All checks passed: ") && response.contains(" Warning: "), "{response}");
        self
    }

    /// All is well.
    pub fn assert_healthy(&self) {
        assert_eq!((self.code, &self.report["Verdict"]["outcome"]), (Some(0), &"ok".into()), "{:#}", self.report);
        for check in self.report["Checks"].as_array().unwrap() {
            for stage in check["stages"].as_array().unwrap() {
                assert_eq!((&stage["outcome"], &stage["code"]), (&"ok".into(), &Value::Null), "{:#}", self.report);
            }
        }
        assert!(self.report["Response"].as_str().unwrap().starts_with("All checks passed: "), "{}", self.report);
    }

    /// The check failed at this stage for this reason, and what was seen of it is told.
    pub fn assert_failed(&self, check: &str, stage: &str, code: &str) -> &Self {
        assert_eq!(self.code, Some(1), "{:#}", self.report);
        assert_failed(&self.report, check, stage, code);
        self
    }

    /// The verdict blames this check's stage, for this reason, with the words of the stage itself.
    pub fn assert_verdict(&self, check: &str, stage: &str, code: &str) -> &Self {
        let verdict = &self.report["Verdict"];
        let found = (&verdict["check"], &verdict["stage"], &verdict["code"]);
        assert_eq!(found, (&check.into(), &stage.into(), &code.into()), "{:#}", self.report);
        let response = self.report["Response"].as_str().unwrap();
        let (cause, remedy) = (verdict["cause"].as_str().unwrap(), verdict["remedy"].as_str().unwrap());
        assert!(response.starts_with(&format!("{check} failed at {stage}: {cause} {remedy}")), "{response}");
        self
    }

    /// The verdict is one that only several checks together tell.
    pub fn assert_verdict_of_all(&self, code: &str) -> &Self {
        let verdict = &self.report["Verdict"];
        assert_eq!((&verdict["check"], &verdict["code"]), (&Value::Null, &code.into()), "{:#}", self.report);
        self
    }

    /// This is the only fault, and the verdict.
    pub fn assert_only(&self, check: &str, stage: &str, code: &str) -> &Self {
        self.assert_failed(check, stage, code).assert_verdict(check, stage, code);
        let failed = self.report["Checks"].as_array().unwrap().iter().filter(|check| check["outcome"] == "failed");
        assert_eq!(failed.count(), 1, "{:#}", self.report);
        self
    }
}

pub fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = report["Checks"].as_array().unwrap().iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no check {name}: {report:#}"))
}

/// The stages before passed, this one failed for this reason, those after it were not reached.
fn assert_failed(report: &Value, name: &str, stage: &str, code: &str) {
    let check = check(report, name);
    assert_eq!(check["outcome"], "failed", "{report:#}");
    let stages = check["stages"].as_array().unwrap();
    let at = stages.iter().position(|stage| stage["outcome"] == "failed").unwrap();
    let failed = &stages[at];
    assert_eq!((&failed["name"], &failed["code"]), (&stage.into(), &code.into()), "{report:#}");
    for told in ["evidence", "cause", "remedy"] {
        assert!(failed[told].as_str().is_some_and(|text| !text.is_empty()), "{told}: {report:#}");
    }
    assert!(stages_of(code).iter().any(|listed| listed == stage), "the catalogue does not have {code} at {stage}");
    assert!(stages[..at].iter().all(|stage| stage["outcome"] == "ok"), "{report:#}");
    assert!(stages[at + 1..].iter().all(|stage| stage["outcome"] == "skipped"), "{report:#}");
}

/// Where the catalogue says that this fault shows.
fn stages_of(code: &str) -> Vec<String> {
    let stages = catalogue().remove(code).unwrap_or_else(|| panic!("{code} is not in docs/connectivity.md"));
    stages.split(", ").map(str::to_owned).collect()
}

pub const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/connectivity.md");

/// Each code of the documented table, and its stages.
pub fn catalogue() -> BTreeMap<String, String> {
    let document = std::fs::read_to_string(DOCUMENT).unwrap();
    let rows = document.lines().filter_map(|line| {
        let (code, rest) = line.strip_prefix("| <a id=")?.split_once('`')?.1.split_once("` | ")?;
        Some((code.to_owned(), rest.split_once(" | ")?.0.to_owned()))
    });
    rows.collect()
}

/// A database with the table, and nothing wrong with it.
pub async fn healthy_database() -> TestDatabase {
    let database = TestDatabase::create().await;
    database.client().await.batch_execute(TABLE).await.unwrap();
    database
}
