//! No false alarm, however often one asks, with everything there is to check.

use std::time::Duration;

use causeway_testing::aws::{SecretsManager, on_app_runner, rds_secret};
use causeway_testing::postgres::Authority;
use serde_json::Value;
use wiremock::ResponseTemplate;

use crate::helpers::{PASSWORD, doctor, healthy_database};
use crate::server::{ROLE, Server};
use crate::world::{DATABASE_NAME, World, http_server, identity};

/// How many runs there are; 1,000 are promised.
const RUNS: &str = "DOCTOR_HEALTHY_RUNS";
const DEFAULT_RUNS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stderr, reason = "the figure is what one asks for with more runs")]
async fn many_runs_find_no_fault_where_there_is_none_and_leave_no_connection_behind() {
    let Some(mut world) = World::start().await else { return };
    let server = Server::start().await;
    let authority = Authority::default();
    server.postgres.speak_tls(authority.issue(DATABASE_NAME)).await;
    let roots = server.postgres.write("roots.pem", &authority.pem()).await.display().to_string();
    let database = format!("127.0.0.1:{}", server.postgres.port());
    world.network.add("10.77.0.12");
    world.network.forward("10.77.0.12:5432".parse().unwrap(), database.parse().unwrap());
    world.dns.knows(DATABASE_NAME, "10.77.0.12");

    let aws = SecretsManager::start().await;
    aws.tells(&rds_secret(DATABASE_NAME, 5432, ROLE, PASSWORD));
    world.network.forward("10.77.0.12:443".parse().unwrap(), aws.address());
    world.dns.knows("secretsmanager.us-east-1.amazonaws.com", "10.77.0.12");
    world.unset("DATABASE_URL");
    for (name, value) in on_app_runner("http://secretsmanager.us-east-1.amazonaws.com:443") {
        world.set(name, value);
    }
    world.set("DB_SSLMODE", "verify-full");
    world.set("DB_SSLROOTCERT", roots);

    let runs = std::env::var(RUNS).ok().map_or(DEFAULT_RUNS, |runs| runs.parse().unwrap());
    let mut slowest_checks = Vec::new();
    for _ in 0..runs {
        let run = world.doctor().await;
        run.assert_healthy();
        let checks = run.report["Checks"].as_array().unwrap();
        assert_eq!(checks.len(), 6, "{:#}", run.report);
        // They run side by side, so the slowest is what the run took.
        slowest_checks.push(checks.iter().map(milliseconds).fold(0.0, f64::max));
    }
    assert_eq!(server.sessions().await, 0);
    slowest_checks.sort_by(f64::total_cmp);
    let at = |part: usize| slowest_checks[(slowest_checks.len() - 1) * part / 100];
    eprintln!("{runs} healthy runs: median {:.1} ms, 99 % {:.1} ms, slowest {:.1} ms", at(50), at(99), at(100));
}

fn milliseconds(check: &Value) -> f64 {
    check["milliseconds"].as_f64().unwrap()
}

/// It takes its time, and comes within the limits.
#[tokio::test]
async fn slow_answers_within_their_limits_are_no_fault() {
    let slow = ResponseTemplate::new(200).set_body_json(identity()).set_delay(Duration::from_millis(1000));
    let service = http_server(slow).await;
    let database = healthy_database().await;
    let target = format!("{}/health", service.uri());
    let env = [("DATABASE_URL", database.url()), ("ECSPRIVATESERVICE", &service.uri()), ("DOCTOR_TARGETS", &target)];
    doctor(&env).await.assert_healthy();
}
