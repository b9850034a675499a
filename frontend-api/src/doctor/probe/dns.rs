//! DNS: resolve the way the service does, and ask the nameservers themselves only about a failure.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::ResponseCode;
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::name_not_found;
use crate::doctor::causes::{NAME_WITHOUT_ADDRESS, RESOLVER_FAILED, RESOLVER_SILENT};
use crate::doctor::subject::Subject;
use crate::doctor::walk::{Fault, Found};

/// getaddrinfo gives up on a silent resolver after 10 s and more; that is longer than a report may take.
const LOOKUP_LIMIT: Duration = Duration::from_millis(1500);
const QUERY_LIMIT: Duration = Duration::from_secs(1);

/// For the whole stage, diagnosis included.
pub(in crate::doctor) const LIMIT: Duration = Duration::from_secs(3);

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
            Ok(Found::new(addresses, evidence))
        }
        Ok(Err(error)) => Err(diagnose(host, subject, &error.to_string()).await),
        Err(_) => Err(diagnose(host, subject, "no answer in time").await),
    }
}

/// getaddrinfo has one text for everything; the nameservers' own answers tell more.
async fn diagnose(host: &str, subject: &Subject, lookup: &str) -> Fault {
    let resolver = TokioResolver::builder_tokio().and_then(|mut builder| {
        let options = builder.options_mut();
        (options.timeout, options.attempts) = (QUERY_LIMIT, 0);
        builder.build()
    });
    let answer = match resolver {
        Ok(resolver) => timeout(QUERY_LIMIT + QUERY_LIMIT / 4, resolver.lookup_ip(host)).await,
        Err(error) => return Fault::new(&RESOLVER_FAILED, format!("{host}: {lookup}; no usable resolver: {error}")),
    };
    let evidence = |seen: String| format!("{host}: {seen}");
    match answer {
        Err(_) | Ok(Err(NetError::Timeout | NetError::NoConnections)) => {
            Fault::new(&RESOLVER_SILENT, evidence("no nameserver answered".to_owned()))
        }
        Ok(Err(NetError::Dns(DnsError::NoRecordsFound(no_records)))) => match no_records.response_code {
            ResponseCode::NXDomain => {
                Fault::new(name_not_found(subject), evidence(format!("NXDOMAIN{}", zone(&no_records))))
            }
            ResponseCode::NoError => {
                Fault::new(&NAME_WITHOUT_ADDRESS, evidence(format!("NOERROR without an address{}", zone(&no_records))))
            }
            code => Fault::new(&RESOLVER_FAILED, evidence(format!("the nameserver answered {code}"))),
        },
        Ok(Err(NetError::Dns(DnsError::ResponseCode(code)))) => {
            Fault::new(&RESOLVER_FAILED, evidence(format!("the nameserver answered {code}")))
        }
        Ok(Err(error)) => Fault::new(&RESOLVER_FAILED, evidence(error.to_string())),
        Ok(Ok(_)) => Fault::new(
            &RESOLVER_FAILED,
            evidence(format!(
                "{lookup}, though a nameserver knows it now: it came up just now, or nsswitch.conf differs"
            )),
        ),
    }
}

/// Which zone said so: a private zone that answers is attached to the VPC, its parent's answer says that it is not.
fn zone(no_records: &NoRecords) -> String {
    let Some(soa) = &no_records.soa else { return String::new() };
    let ttl = no_records.negative_ttl.map(|ttl| format!(", remembered for {ttl} s")).unwrap_or_default();
    format!(" from zone {}{ttl}", soa.name)
}
