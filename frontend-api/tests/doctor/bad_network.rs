//! Networks that connect and then lose packets, and the limits of this machine.

use causeway_testing::postgres::Authority;

use crate::helpers::{BINARY, DATABASE, Run, TARGET, run};
use crate::server::Server;
use crate::world::{DATABASE_ADDRESS, DATABASE_NAME, PRIVATE_NAME, PUBLIC_ADDRESS, World};

pub async fn every_packet_after_the_connection_is_lost() -> Option<Run> {
    let world = World::start().await?;
    world.network.drop_matching(&["--dport", "5432", "--tcp-flags", "PSH", "PSH"]);
    let run = world.doctor().await;
    run.assert_only(DATABASE, "authentication", "packets-lost");
    let evidence = run.evidence(DATABASE, "authentication");
    assert!(evidence.contains("kernel: round trip ") && evidence.contains(" retransmits"), "{evidence}");
    Some(run)
}

/// Long packets vanish, both ways and one way, without TLS and with it.
pub async fn long_packets_are_lost() -> Option<Run> {
    const LONG: [&str; 4] = ["-m", "length", "--length", "1000:65535"];
    let mut last = None;
    for way in ["--dport", "--sport"] {
        let world = World::start().await?;
        world.network.mtu(1500);
        world.network.drop_matching(&[&[way, "5432"], &LONG[..]].concat());
        let run = world.doctor().await;
        run.assert_only(DATABASE, "writable", "mtu-hole");
        last = Some(run);
    }
    let mut world = World::start().await?;
    let server = Server::start().await;
    let authority = Authority::default();
    // A chain of the length that RDS has.
    let long = |params: &mut rcgen::CertificateParams| {
        let names = (0..80).map(|number| format!("name-{number}.cluster.example"));
        params.subject_alt_names.extend(names.map(|name| rcgen::SanType::DnsName(name.try_into().unwrap())));
    };
    server.postgres.speak_tls(authority.issue_with(DATABASE_NAME, long)).await;
    let roots = server.postgres.write("roots.pem", &authority.pem()).await.display().to_string();
    world.network.add("10.77.0.12");
    let upstream = format!("127.0.0.1:{}", server.postgres.port());
    world.network.forward("10.77.0.12:5432".parse().unwrap(), upstream.parse().unwrap());
    world.dns.knows(DATABASE_NAME, "10.77.0.12");
    world.set(
        "DATABASE_URL",
        format!("postgres://app:hunter2-of-the-role@{DATABASE_NAME}:5432/postgres?sslmode=verify-full"),
    );
    world.set("DB_SSLROOTCERT", roots);
    world.network.mtu(1500);
    world.doctor().await.assert_healthy();
    world.network.drop_matching(&[&["--sport", "5432"], &LONG[..]].concat());
    world.doctor().await.assert_only(DATABASE, "tls", "mtu-hole");
    last
}

/// Packets queue for a fifth of a second and more before a link of 3000 bit/s, once what may pass at once is used up.
pub async fn round_trips_are_slow() -> Option<Run> {
    let mut world = World::start().await?;
    for name in ["ECSPRIVATESERVICE", "TARGET", "TARGETPORT", "DOCTOR_TARGETS"] {
        world.unset(name);
    }
    let url = world.env().iter().find(|(name, _)| *name == "DATABASE_URL")?.1.replace(DATABASE_NAME, DATABASE_ADDRESS);
    world.set("DATABASE_URL", url);
    let [sender, receiver] =
        ["10.77.0.30:9000", "10.77.0.30:9001"].map(|at| world.network.bind_udp(at.parse().unwrap()));
    world.network.mtu(1500);
    world.network.slow_down(3000);
    for _ in 0..2 {
        sender.send_to(&[0; 800], receiver.local_addr().unwrap()).await.unwrap();
    }
    let run = world.doctor().await;
    Some(run)
}

pub async fn no_local_port_is_left() -> Option<Run> {
    let mut world = World::start().await?;
    world.network.local_ports(40_000, 40_001);
    let target = "10.77.0.30:443";
    world.set("DOCTOR_TARGETS", [target; 6].join(","));
    let run = world.doctor().await;
    assert!(run.codes().contains(&"no-local-port"), "{:#}", run.report);
    Some(run)
}

pub async fn no_descriptor_is_left() -> Option<Run> {
    let world = World::start().await?;
    let targets = (1..=20).map(|port| format!("10.77.0.30:{port}")).collect::<Vec<_>>().join(",");
    let shell = format!("ulimit -n 24; exec {BINARY} doctor --json");
    let (program, arguments) = world.network.command("/bin/sh", &["-c", &shell]);
    let mut env = world.env();
    env.retain(|(name, _)| *name != "DOCTOR_TARGETS");
    env.push(("DOCTOR_TARGETS", &targets));
    let run = run(program, &arguments, &env).await;
    assert!(run.codes().contains(&"no-descriptors"), "{:#}", run.report);
    Some(run)
}

pub async fn a_name_has_ipv6_addresses_alone() -> Option<Run> {
    let world = World::start().await?;
    world.dns.knows(PRIVATE_NAME, "2001:db8::30");
    let run = world.doctor().await;
    run.assert_only(TARGET, "tcp", "no-ipv6-route");
    Some(run)
}

/// A name with both kinds of addresses is well where there is no IPv6.
#[tokio::test]
async fn where_there_is_no_ipv6_a_name_with_both_kinds_of_addresses_is_well() {
    let Some(world) = World::start().await else { return };
    world.dns.knows(PRIVATE_NAME, "10.77.0.30 2001:db8::30");
    world.doctor().await.assert_healthy();
}

pub async fn a_public_address_refuses() -> Option<Run> {
    let world = World::start().await?;
    world.dns.knows(DATABASE_NAME, PUBLIC_ADDRESS);
    let run = world.doctor().await;
    run.assert_only(DATABASE, "tcp", "public-address-refuses");
    Some(run)
}

/// The first SYN is lost, and the kernel's second one is not.
pub async fn the_first_packet_is_lost() -> Option<Run> {
    let world = World::start().await?;
    let first = ["--dport", "443", "--syn", "-m", "statistic", "--mode", "nth", "--every", "2", "--packet", "0"];
    world.network.drop_matching(&first);
    let run = world.doctor().await;
    run.assert_warned(TARGET, "tcp", "slow-hop");
    assert!(run.evidence(TARGET, "tcp").contains(" after 1"), "{}", run.evidence(TARGET, "tcp"));
    Some(run)
}
