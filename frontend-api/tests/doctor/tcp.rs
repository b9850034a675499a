//! Packets that are dropped, ports that refuse, routes that lead nowhere.

use causeway_testing::aws::on_app_runner;
use causeway_testing::network::DeadEnd;

use crate::helpers::{BINARY, DATABASE, PRIVATE_SERVICE, Run, SECRETS_MANAGER, TARGET};
use crate::world::{
    DATABASE_ADDRESS, DATABASE_NAME, OTHER_PUBLIC, OTHER_PUBLIC_ADDRESS, PRIVATE_ADDRESS, PUBLIC_ADDRESS,
    SERVICE_ADDRESS, SERVICE_NAME, World,
};

const PUBLIC: &str = "http://api.example.com/";

pub async fn packets_to_the_database_are_dropped() -> Option<Run> {
    let world = World::start().await?;
    world.silence(DATABASE_ADDRESS);
    let run = world.doctor().await;
    run.assert_only(DATABASE, "tcp", "database-timed-out");
    assert_eq!(run.evidence(DATABASE, "tcp"), "10.77.0.10:5432: no answer within 1500 ms");
    assert!(run.stage(DATABASE, "tcp")["remedy"].as_str().unwrap().contains("security group"));
    Some(run)
}

pub async fn packets_to_the_private_service_are_dropped() -> Option<Run> {
    let world = World::start().await?;
    world.silence(SERVICE_ADDRESS);
    let run = world.doctor().await;
    run.assert_only(PRIVATE_SERVICE, "tcp", "private-service-timed-out");
    Some(run)
}

pub async fn packets_to_another_private_address_are_dropped() -> Option<Run> {
    let world = World::start().await?;
    world.silence(PRIVATE_ADDRESS);
    let run = world.doctor().await;
    run.assert_only(TARGET, "tcp", "private-endpoint-timed-out");
    Some(run)
}

pub async fn packets_to_one_public_address_are_dropped_while_another_answers() -> Option<Run> {
    let world = World::start().await?;
    world.silence(PUBLIC_ADDRESS);
    let run = world.doctor().await;
    run.assert_only(PUBLIC, "tcp", "public-endpoint-timed-out");
    Some(run)
}

pub async fn all_public_addresses_time_out_while_private_ones_answer() -> Option<Run> {
    let world = World::start().await?;
    world.silence(PUBLIC_ADDRESS);
    world.silence(OTHER_PUBLIC_ADDRESS);
    let run = world.doctor().await;
    for check in [PUBLIC, OTHER_PUBLIC] {
        run.assert_failed(check, "tcp", "public-endpoint-timed-out");
    }
    run.assert_verdict_of_all("public-times-out");
    assert_eq!(run.check(DATABASE)["outcome"], "ok");
    Some(run)
}

pub async fn everything_times_out_though_names_resolve() -> Option<Run> {
    let world = World::start().await?;
    world.network.drop_all_tcp();
    let run = world.doctor().await;
    run.assert_failed(DATABASE, "tcp", "database-timed-out");
    run.assert_failed(PRIVATE_SERVICE, "tcp", "private-service-timed-out");
    run.assert_failed(TARGET, "tcp", "private-endpoint-timed-out");
    run.assert_failed(PUBLIC, "tcp", "public-endpoint-timed-out");
    run.assert_verdict_of_all("everything-times-out");
    Some(run)
}

#[tokio::test]
async fn secrets_manager_can_not_be_reached_and_is_blamed_rather_than_the_database() {
    let Some(mut world) = World::start().await else { return };
    world.unset("DATABASE_URL");
    for (name, value) in on_app_runner("") {
        world.set(name, value);
    }
    let endpoint = |address: &str| format!("http://{address}:443");
    // An interface endpoint in the VPC, then the public one.
    for (address, code) in
        [(PRIVATE_ADDRESS, "private-endpoint-timed-out"), (OTHER_PUBLIC_ADDRESS, "public-endpoint-timed-out")]
    {
        world.set("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint(address));
        world.unset("TARGET");
        world.silence(address);
        world.set("DOCTOR_TARGETS", PUBLIC);
        let run = world.doctor().await;
        run.assert_failed(SECRETS_MANAGER, "tcp", code).assert_verdict(SECRETS_MANAGER, "tcp", code);
        run.assert_failed(DATABASE, "secret", "secret-unreadable");
    }
}

#[tokio::test]
async fn nothing_listens_on_the_port() {
    let Some(mut world) = World::start().await else { return };
    world.set("ECSPRIVATESERVICE", format!("http://{SERVICE_NAME}:8081"));
    let run = world.doctor().await;
    run.assert_only(PRIVATE_SERVICE, "tcp", "refused");
    assert_eq!(run.evidence(PRIVATE_SERVICE, "tcp"), "10.77.0.20:8081: Connection refused (os error 111)");
}

pub async fn the_database_refuses() -> Option<Run> {
    let world = World::start().await?;
    world.network.add("10.77.0.11");
    world.dns.knows(DATABASE_NAME, "10.77.0.11");
    let run = world.doctor().await;
    run.assert_only(DATABASE, "tcp", "refused");
    Some(run)
}

pub async fn no_route_leads_to_the_address() -> Option<Run> {
    let world = World::start().await?;
    world.network.dead_end(DeadEnd::Unreachable, "10.77.1.1");
    world.network.dead_end(DeadEnd::Blackhole, "10.77.1.2");
    world.network.dead_end(DeadEnd::Prohibit, "10.77.1.3");
    let ends = [("10.77.1.1", 113), ("10.77.1.2", 22), ("10.77.1.3", 13), ("10.77.1.4", 101)];
    let mut last = None;
    for (address, errno) in ends {
        world.dns.knows(DATABASE_NAME, address);
        let run = world.doctor().await;
        run.assert_only(DATABASE, "tcp", "no-route");
        let evidence = run.evidence(DATABASE, "tcp");
        assert!(evidence.ends_with(&format!("(os error {errno})")), "{evidence}");
        last = Some(run);
    }
    last
}

pub async fn some_addresses_of_a_name_answer_and_the_walk_goes_on() -> Option<Run> {
    let world = World::start().await?;
    world.network.add("10.77.0.11");
    world.silence("10.77.0.11");
    world.dns.knows(SERVICE_NAME, "10.77.0.20 10.77.0.11");
    let run = world.doctor().await;
    run.assert_warned(PRIVATE_SERVICE, "tcp", "some-addresses-fail");
    let evidence = run.evidence(PRIVATE_SERVICE, "tcp");
    assert_eq!(evidence, "connected to 10.77.0.20:8080; 10.77.0.11:8080: no answer within 1500 ms");
    Some(run)
}

#[tokio::test]
async fn some_addresses_of_the_database_answer() {
    let Some(world) = World::start().await else { return };
    world.dns.knows(DATABASE_NAME, "10.77.0.10 10.77.1.4");
    world.doctor().await.assert_warned(DATABASE, "tcp", "some-addresses-fail");
}

#[tokio::test]
async fn an_ipv6_address_without_a_route_is_no_fault_and_hides_none() {
    let Some(world) = World::start().await else { return };
    world.dns.knows(DATABASE_NAME, "10.77.0.10 fd00:77::10");
    world.doctor().await.assert_healthy();
    world.silence(DATABASE_ADDRESS);
    world.doctor().await.assert_only(DATABASE, "tcp", "database-timed-out");
}

#[tokio::test]
async fn a_warning_fails_the_command_only_if_it_is_asked_to() {
    let Some(world) = World::start().await else { return };
    world.dns.knows(DATABASE_NAME, "10.77.0.10 10.77.1.4");
    let (program, arguments) = world.network.command(BINARY, &["doctor", "--json", "--fail-on", "warning"]);
    let run = crate::helpers::run(program, &arguments, &world.env()).await;
    assert_eq!((run.code, &run.report["Verdict"]["outcome"]), (Some(1), &"warning".into()), "{:#}", run.report);
    world.doctor().await.assert_warned(DATABASE, "tcp", "some-addresses-fail");
}
