//! DNS: resolve the way the service does, and ask the nameservers themselves about a failure, and about a name to which
//! a search domain may have been added.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

use super::nameserver::{self, Answer, Says, System};
use super::{is_out_of_descriptors, name_not_found};
use crate::doctor::causes::{
    AAAA_SILENT, ALIAS_LOOP, ALIAS_TARGET_GONE, FIRST_NAMESERVER_SILENT, NAME_WITHOUT_ADDRESS, NO_DESCRIPTORS,
    RESOLVER_FAILED, RESOLVER_SILENT, SEARCH_DOMAIN,
};
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found};

/// getaddrinfo gives up on a silent resolver after 10 s and more; that is longer than a report may take.
const LOOKUP_LIMIT: Duration = Duration::from_millis(1500);
/// For the question whether a search domain was added.
const SEARCH_LIMIT: Duration = Duration::from_millis(500);

/// For the whole stage, diagnosis included.
pub(in crate::doctor) const STAGE_LIMIT: Duration = Duration::from_secs(3);

/// The addresses of `host`, as the service itself would get them.
pub(in crate::doctor) async fn resolve(
    host: &str,
    port: u16,
    subject: &Subject,
) -> Result<Found<Vec<SocketAddr>>, Fault> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(Found::new(vec![SocketAddr::new(address, port)], format!("{address}, given as an address")));
    }
    match timeout(LOOKUP_LIMIT, lookup_host((host, port))).await {
        Ok(Ok(found)) => {
            let mut addresses: Vec<_> = found.collect();
            addresses.sort_unstable();
            addresses.dedup();
            let evidence = format!("{host} is {}", super::list(addresses.iter().map(SocketAddr::ip)));
            match timeout(SEARCH_LIMIT, search_domain(host, &addresses)).await {
                Ok(Some(name)) => {
                    Ok(Found::warning(addresses, Fault::new(&SEARCH_DOMAIN, format!("{evidence}, which is {name}"))))
                }
                Ok(None) | Err(_) => Ok(Found::new(addresses, evidence)),
            }
        }
        Ok(Err(error)) => Err(diagnose(host, subject, &error.to_string(), Some(&error)).await),
        Err(_) => Err(diagnose(host, subject, "no answer in time", None).await),
    }
}

/// Returns the name that has these addresses if `host` itself does not exist. A name without a dot is meant to be
/// completed.
async fn search_domain(host: &str, addresses: &[SocketAddr]) -> Option<Name> {
    let system = System::read().ok()?;
    let (server, name) = (*system.servers.first()?, absolute(host)?);
    if system.search.is_empty() || !host.contains('.') || host.ends_with('.') {
        return None;
    }
    if !matches!(nameserver::ask(server, &name, RecordType::A).await, Says::NxDomain(_)) {
        return None;
    }
    for domain in &system.search {
        let Ok(longer) = Name::from_str(host).and_then(|name| name.append_domain(domain)) else { continue };
        if let Says::Addresses(found) = nameserver::ask(server, &longer, RecordType::A).await
            && addresses.iter().any(|address| found.contains(&address.ip()))
        {
            return Some(longer);
        }
    }
    None
}

fn absolute(host: &str) -> Option<Name> {
    let mut name = Name::from_str(host).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// getaddrinfo has one text for every failure; the nameservers' own answers show more.
async fn diagnose(host: &str, subject: &Subject, lookup: &str, error: Option<&io::Error>) -> Fault {
    let evidence = |seen: String| format!("{host}: {seen}");
    if let Some(lack) = lack_of_descriptors(error).await {
        return Fault::new(&NO_DESCRIPTORS, evidence(lack));
    }
    let system = match System::read() {
        Ok(system) => system,
        Err(problem) => {
            return Fault::new(&RESOLVER_FAILED, format!("{host}: {lookup}; no usable resolver: {problem}"));
        }
    };
    let Some(name) = absolute(host) else {
        return Fault::new(name_not_found(subject), evidence("not a possible name in the DNS".to_owned()));
    };
    let answers = nameserver::ask_all(&system.servers, &name).await;
    let Some(heard) = answers.iter().find(|answer| answer.v4 != Says::Nothing) else {
        return Fault::new(&RESOLVER_SILENT, evidence("no nameserver answered".to_owned()));
    };
    if let Some(first) = answers.first().filter(|first| first.v4 == Says::Nothing) {
        let seen = format!("{} does not answer, {} does", first.server, heard.server);
        return Fault::new(&FIRST_NAMESERVER_SILENT, evidence(seen));
    }
    let (cause, seen) = explain(heard, subject, lookup);
    Fault::new(cause, evidence(seen))
}

fn explain(
    Answer { server, v4, v6 }: &Answer,
    subject: &Subject,
    lookup: &str,
) -> (&'static crate::doctor::causes::Cause, String) {
    match v4 {
        Says::Loop(name) => (&ALIAS_LOOP, format!("the aliases lead back to {name}")),
        Says::AliasOf(target) => {
            (&ALIAS_TARGET_GONE, format!("the name is an alias of {target}, which has no address"))
        }
        Says::NxDomain(zone) => (name_not_found(subject), format!("NXDOMAIN{zone}")),
        Says::NoData(zone) => (&NAME_WITHOUT_ADDRESS, format!("NOERROR without an address{zone}")),
        Says::Code(code) => (&RESOLVER_FAILED, format!("the nameserver answered {code}")),
        Says::Addresses(_) if *v6 == Says::Nothing => {
            (&AAAA_SILENT, format!("{server} answers queries for A, and never those for AAAA"))
        }
        Says::Addresses(_) | Says::Nothing => {
            let seen = "although a nameserver knows the name now: it is new, or nsswitch.conf differs";
            (&RESOLVER_FAILED, format!("{lookup}, {seen}"))
        }
    }
}

/// The C library reports some local failures as an unknown name, so this opens a socket to find out.
async fn lack_of_descriptors(error: Option<&io::Error>) -> Option<String> {
    if let Some(error) = error.filter(|error| is_out_of_descriptors(error)) {
        return Some(error.to_string());
    }
    let error = UdpSocket::bind("0.0.0.0:0").await.err()?;
    is_out_of_descriptors(&error).then(|| error.to_string())
}
