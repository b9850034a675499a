//! Several faults at once: the verdict is the one that blocks first, and what follows from it is not blamed.

use causeway_testing::aws::{SecretsManager, on_app_runner, rds_secret};
use wiremock::matchers::any;
use wiremock::{Mock, ResponseTemplate};

use crate::dns_server::Answer;
use crate::helpers::{DATABASE, PRIVATE_SERVICE, SECRETS_MANAGER, TARGET};
use crate::world::{
    DATABASE_ADDRESS, DATABASE_NAME, OTHER_PUBLIC_ADDRESS, PRIVATE_ADDRESS, PUBLIC_ADDRESS, SERVICE_ADDRESS,
    SERVICE_NAME, World,
};

const ENDPOINT: &str = "secretsmanager.us-east-1.amazonaws.com";

/// The database's credentials come from Secrets Manager, which is at this address.
async fn use_secret(world: &mut World, address: &str) -> SecretsManager {
    let aws = SecretsManager::start().await;
    aws.tells(&rds_secret(DATABASE_NAME, 5432, "postgres", "hunter2-of-the-role"));
    world.network.add(address);
    world.network.forward(format!("{address}:443").parse().unwrap(), aws.address());
    world.dns.knows(ENDPOINT, address);
    world.unset("DATABASE_URL");
    world.set("DB_SSLMODE", "disable");
    for (name, value) in on_app_runner(&format!("http://{ENDPOINT}:443")) {
        world.set(name, value);
    }
    aws
}

fn cut_off_from_the_internet(world: &World) {
    world.silence(PUBLIC_ADDRESS);
    world.silence(OTHER_PUBLIC_ADDRESS);
}

#[tokio::test]
async fn a_wrong_region_comes_before_a_network_that_is_dead() {
    let Some(mut world) = World::start().await else { return };
    use_secret(&mut world, "203.0.113.9").await;
    world.set("AWS_REGION", "eu-west-1");
    world.network.drop_all_tcp();
    let run = world.doctor().await;
    run.assert_failed(PRIVATE_SERVICE, "tcp", "private-service-timed-out");
    run.assert_verdict(SECRETS_MANAGER, "configuration", "region-mismatch");
}

#[tokio::test]
async fn missing_credentials_come_before_an_internet_that_is_away() {
    let Some(mut world) = World::start().await else { return };
    use_secret(&mut world, "10.77.0.40").await;
    world.set("AWS_ACCESS_KEY_ID", "");
    world.set("AWS_SECRET_ACCESS_KEY", "");
    cut_off_from_the_internet(&world);
    world.doctor().await.assert_verdict(SECRETS_MANAGER, "credentials", "credentials-missing");
}

#[tokio::test]
async fn a_missing_secret_comes_before_a_private_service_that_is_away() {
    let Some(mut world) = World::start().await else { return };
    let aws = use_secret(&mut world, "10.77.0.40").await;
    aws.fails("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    world.dns.says(SERVICE_NAME, Answer::NxDomain);
    let run = world.doctor().await;
    run.assert_failed(PRIVATE_SERVICE, "dns", "cloud-map-name-not-found");
    run.assert_verdict(SECRETS_MANAGER, "read", "secret-not-found");
}

#[tokio::test]
async fn an_internet_that_is_away_explains_secrets_manager_and_all_that_follows() {
    let Some(mut world) = World::start().await else { return };
    use_secret(&mut world, "203.0.113.9").await;
    world.silence("203.0.113.9");
    cut_off_from_the_internet(&world);
    let run = world.doctor().await;
    run.assert_failed(SECRETS_MANAGER, "tcp", "public-endpoint-timed-out");
    run.assert_failed(DATABASE, "secret", "secret-unreadable");
    run.assert_verdict_of_all("public-times-out");
}

#[tokio::test]
async fn a_silent_resolver_comes_before_packets_that_are_dropped() {
    let Some(world) = World::start().await else { return };
    world.dns.says_of_all(Answer::Silence);
    world.network.drop_all_tcp();
    world.doctor().await.assert_verdict_of_all("no-name-resolves");
}

#[tokio::test]
async fn a_database_name_that_does_not_exist_is_not_explained_by_an_internet_that_is_away() {
    let Some(world) = World::start().await else { return };
    world.dns.says(DATABASE_NAME, Answer::NxDomain);
    cut_off_from_the_internet(&world);
    world.doctor().await.assert_verdict(DATABASE, "dns", "name-not-found");
}

#[tokio::test]
async fn a_database_behind_a_closed_security_group_is_not_explained_by_an_internet_that_is_away() {
    let Some(world) = World::start().await else { return };
    world.silence(DATABASE_ADDRESS);
    cut_off_from_the_internet(&world);
    world.doctor().await.assert_verdict(DATABASE, "tcp", "database-timed-out");
}

#[tokio::test]
async fn a_database_name_that_does_not_exist_comes_before_everything_else_timing_out() {
    let Some(world) = World::start().await else { return };
    world.dns.says(DATABASE_NAME, Answer::NxDomain);
    world.network.drop_all_tcp();
    world.doctor().await.assert_verdict(DATABASE, "dns", "name-not-found");
}

#[tokio::test]
async fn the_database_comes_before_the_private_service() {
    let Some(world) = World::start().await else { return };
    world.http.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(500)).mount(&world.http).await;
    world.database.client().await.batch_execute("ALTER TABLE access DROP COLUMN user_agent").await.unwrap();
    let run = world.doctor().await;
    run.assert_failed(PRIVATE_SERVICE, "http", "http-failed");
    run.assert_verdict(DATABASE, "query", "table-differs");
    assert!(run.report["Response"].as_str().unwrap().ends_with("(3 checks failed; fix this one first.)"));
}

#[tokio::test]
async fn the_private_service_comes_before_other_targets() {
    let Some(world) = World::start().await else { return };
    world.silence(SERVICE_ADDRESS);
    world.silence(PRIVATE_ADDRESS);
    let run = world.doctor().await;
    run.assert_failed(TARGET, "tcp", "private-endpoint-timed-out");
    run.assert_verdict(PRIVATE_SERVICE, "tcp", "private-service-timed-out");
}

#[tokio::test]
async fn a_public_address_of_the_database_comes_before_a_target_that_refuses() {
    let Some(mut world) = World::start().await else { return };
    world.network.drop_packets(OTHER_PUBLIC_ADDRESS, 5432);
    world.dns.knows(DATABASE_NAME, OTHER_PUBLIC_ADDRESS);
    world.set("TARGETPORT", "444");
    let run = world.doctor().await;
    run.assert_failed(TARGET, "tcp", "refused");
    run.assert_verdict(DATABASE, "dns", "database-public-address");
}
