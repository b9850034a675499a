//! Names that do not resolve, or not to what they should.

use crate::dns_server::{Answer, ZONE};
use crate::helpers::{DATABASE, PRIVATE_SERVICE, Run, SECRETS_MANAGER, TARGET};
use crate::world::{DATABASE_NAME, PRIVATE_NAME, PUBLIC_ADDRESS, SERVICE_NAME, World};

#[tokio::test]
async fn all_names_resolve_and_all_is_well() {
    let Some(world) = World::start().await else { return };
    let run = world.doctor().await;
    run.assert_healthy();
    assert_eq!(run.evidence(DATABASE, "dns"), format!("{DATABASE_NAME} is 10.77.0.10"));
}

pub async fn a_database_name_that_does_not_exist_and_the_zone_that_says_so() -> Option<Run> {
    let world = World::start().await?;
    world.dns.says(DATABASE_NAME, Answer::NxDomain);
    let run = world.doctor().await;
    run.assert_only(DATABASE, "dns", "name-not-found");
    let evidence = run.evidence(DATABASE, "dns");
    assert!(evidence.contains("NXDOMAIN") && evidence.contains(DATABASE_NAME), "{evidence}");
    Some(run)
}

pub async fn a_private_service_that_cloud_map_does_not_know() -> Option<Run> {
    let world = World::start().await?;
    world.dns.says(SERVICE_NAME, Answer::NxDomain);
    let run = world.doctor().await;
    run.assert_only(PRIVATE_SERVICE, "dns", "cloud-map-name-not-found");
    let evidence = run.evidence(PRIVATE_SERVICE, "dns");
    assert!(evidence.contains(&format!("from zone {ZONE}., cached for 300 s")), "{evidence}");
    Some(run)
}

pub async fn a_misspelt_region_has_no_secrets_manager() -> Option<Run> {
    let mut world = World::start().await?;
    world.unset("DATABASE_URL");
    for (name, value) in [
        ("DBSECRETSNAME", "demo/database"),
        ("AWS_REGION", "us-esat-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "key-of-aws-itself"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ] {
        world.set(name, value);
    }
    let run = world.doctor().await;
    run.assert_failed(SECRETS_MANAGER, "dns", "region-unknown").assert_verdict(
        SECRETS_MANAGER,
        "dns",
        "region-unknown",
    );
    assert_eq!(run.check(SECRETS_MANAGER)["target"], "https://secretsmanager.us-esat-1.amazonaws.com/");
    Some(run)
}

pub async fn a_name_with_records_of_other_types_alone() -> Option<Run> {
    let world = World::start().await?;
    world.dns.says(SERVICE_NAME, Answer::NoAddress);
    let run = world.doctor().await;
    run.assert_only(PRIVATE_SERVICE, "dns", "name-without-address");
    Some(run)
}

pub async fn a_resolver_that_fails_or_refuses_for_one_name() -> Option<Run> {
    let world = World::start().await?;
    let mut last = None;
    for (answer, seen) in [(Answer::ServFail, "Server Failure"), (Answer::Refused, "Query Refused")] {
        world.dns.says(DATABASE_NAME, answer);
        let run = world.doctor().await;
        run.assert_only(DATABASE, "dns", "resolver-failed");
        assert!(run.evidence(DATABASE, "dns").contains(seen), "{}", run.evidence(DATABASE, "dns"));
        last = Some(run);
    }
    last
}

pub async fn a_resolver_that_is_silent_about_one_name() -> Option<Run> {
    let world = World::start().await?;
    world.dns.says(DATABASE_NAME, Answer::Silence);
    let run = world.doctor().await;
    run.assert_only(DATABASE, "dns", "resolver-silent");
    Some(run)
}

pub async fn a_resolver_that_is_silent_about_all_names_is_one_fault() -> Option<Run> {
    let world = World::start().await?;
    world.dns.says_of_all(Answer::Silence);
    let run = world.doctor().await;
    for check in [DATABASE, PRIVATE_SERVICE, TARGET] {
        run.assert_failed(check, "dns", "resolver-silent");
    }
    run.assert_verdict_of_all("no-name-resolves");
    Some(run)
}

#[tokio::test]
async fn a_resolver_that_refuses_all_names_is_one_fault() {
    let Some(world) = World::start().await else { return };
    for answer in [Answer::ServFail, Answer::Refused] {
        world.dns.says_of_all(answer);
        let run = world.doctor().await;
        for check in [DATABASE, PRIVATE_SERVICE, TARGET] {
            run.assert_failed(check, "dns", "resolver-failed");
        }
        run.assert_verdict_of_all("no-name-resolves");
    }
}

#[tokio::test]
async fn without_any_nameserver_in_resolv_conf_no_name_resolves() {
    let Some(world) = World::start().await else { return };
    world.network.resolv_conf("nameserver 10.77.0.3\n");
    let run = world.doctor().await;
    run.assert_failed(DATABASE, "dns", "resolver-silent").assert_verdict_of_all("no-name-resolves");
}

pub async fn a_database_name_that_resolves_to_a_public_address_is_asked_from_outside_its_vpc() -> Option<Run> {
    let world = World::start().await?;
    world.network.drop_packets(PUBLIC_ADDRESS, 5432);
    world.dns.knows(DATABASE_NAME, PUBLIC_ADDRESS);
    let run = world.doctor().await;
    run.assert_only(DATABASE, "dns", "database-public-address");
    assert!(run.evidence(DATABASE, "dns").contains(PUBLIC_ADDRESS), "{}", run.evidence(DATABASE, "dns"));
    Some(run)
}

#[tokio::test]
async fn a_public_database_that_can_be_reached_is_no_fault() {
    let Some(world) = World::start().await else { return };
    let config: tokio_postgres::Config = world.database.url().parse().unwrap();
    let upstream = tokio::net::lookup_host(("127.0.0.1", config.get_ports()[0])).await.unwrap().next().unwrap();
    world.network.forward(format!("{PUBLIC_ADDRESS}:5432").parse().unwrap(), upstream);
    world.dns.knows(DATABASE_NAME, PUBLIC_ADDRESS);
    world.doctor().await.assert_healthy();
}

#[tokio::test]
async fn names_in_the_hosts_file_need_no_nameserver() {
    let Some(world) = World::start().await else { return };
    world.network.hosts(&format!("10.77.0.10 {DATABASE_NAME}\n10.77.0.20 {SERVICE_NAME}\n10.77.0.30 {PRIVATE_NAME}\n203.0.113.7 api.example.com\n"));
    world.dns.says_of_all(Answer::ServFail);
    world.doctor().await.assert_healthy();
}

pub async fn the_first_nameserver_is_dead() -> Option<Run> {
    let world = World::start().await?;
    world.network.resolv_conf("nameserver 10.77.0.3\nnameserver 10.77.0.2\n");
    // It is there, and says nothing.
    world.network.add("10.77.0.3");
    let _silent = world.network.bind_udp("10.77.0.3:53".parse().unwrap());
    let run = world.doctor().await;
    run.assert_failed(DATABASE, "dns", "first-nameserver-silent");
    assert!(run.evidence(DATABASE, "dns").ends_with("10.77.0.3 does not answer, 10.77.0.2 does"));
    Some(run)
}

pub async fn questions_for_ipv6_are_never_answered() -> Option<Run> {
    let world = World::start().await?;
    world.dns.says(DATABASE_NAME, Answer::OnlyA("10.77.0.10".parse().unwrap()));
    let run = world.doctor().await;
    run.assert_only(DATABASE, "dns", "aaaa-silent");
    Some(run)
}

pub async fn an_alias_leads_back_to_itself() -> Option<Run> {
    let world = World::start().await?;
    world.dns.says(DATABASE_NAME, Answer::Loop("other.example.com"));
    let run = world.doctor().await;
    run.assert_only(DATABASE, "dns", "alias-loop");
    Some(run)
}

pub async fn what_the_alias_leads_to_is_gone() -> Option<Run> {
    let world = World::start().await?;
    world.dns.says(DATABASE_NAME, Answer::AliasOf("old-cluster.example.com"));
    let run = world.doctor().await;
    run.assert_only(DATABASE, "dns", "alias-target-gone");
    assert!(run.evidence(DATABASE, "dns").contains("old-cluster.example.com"), "{}", run.evidence(DATABASE, "dns"));
    Some(run)
}

/// The name is misspelt, and a wildcard record of the search domain has an address for it.
pub async fn a_search_domain_completes_the_name() -> Option<Run> {
    let mut world = World::start().await?;
    world.network.resolv_conf("nameserver 10.77.0.2\nsearch corp.example\n");
    world.dns.knows("endpiont.example.com.corp.example", "10.77.0.30");
    world.set("TARGET", "endpiont.example.com");
    let run = world.doctor().await;
    run.assert_warned("target", "dns", "name-from-search-domain");
    assert!(run.evidence("target", "dns").contains("endpiont.example.com.corp.example"));
    Some(run)
}

/// As in every VPC: the search domain is there, and no name needs it.
#[tokio::test]
async fn a_search_domain_that_adds_nothing_is_no_fault() {
    let Some(world) = World::start().await else { return };
    world.network.resolv_conf("nameserver 10.77.0.2\nsearch ec2.internal\n");
    world.doctor().await.assert_healthy();
}
