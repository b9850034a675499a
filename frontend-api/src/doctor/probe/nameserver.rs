//! Asks one nameserver one question, as the resolver of the C library does, and shows the whole answer.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use tokio::net::UdpSocket;
use tokio::time::timeout;

const PORT: u16 = 53;
/// The C library waits 5 s for a nameserver before it asks the next one.
const QUERY_LIMIT: Duration = Duration::from_secs(1);
const LONGEST_ANSWER: usize = 4096;

/// What `/etc/resolv.conf` says.
pub(in crate::doctor) struct System {
    pub(in crate::doctor) servers: Vec<IpAddr>,
    pub(in crate::doctor) search: Vec<Name>,
}

impl System {
    /// Reads the file.
    pub(in crate::doctor) fn read() -> Result<Self, String> {
        let (config, _) = read_system_conf().map_err(|error| error.to_string())?;
        let servers = config.name_servers.iter().map(|server| server.ip).collect();
        Ok(Self { servers, search: config.search })
    }
}

/// What a nameserver says of the addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) enum Says {
    Addresses(Vec<IpAddr>),
    /// An alias, and no address for what it leads to.
    AliasOf(String),
    /// An alias that leads back to this name.
    Loop(String),
    /// The name exists and has no such record. The text names the zone.
    NoData(String),
    NxDomain(String),
    Code(ResponseCode),
    Nothing,
}

/// What one nameserver says of a name.
pub(in crate::doctor) struct Answer {
    pub(in crate::doctor) server: IpAddr,
    pub(in crate::doctor) v4: Says,
    pub(in crate::doctor) v6: Says,
}

/// Asks all servers side by side.
pub(in crate::doctor) async fn ask_all(servers: &[IpAddr], name: &Name) -> Vec<Answer> {
    join_all(servers.iter().map(|&server| async move {
        let (v4, v6) = tokio::join!(ask(server, name, RecordType::A), ask(server, name, RecordType::AAAA));
        Answer { server, v4, v6 }
    }))
    .await
}

/// Asks for the records of one type.
pub(in crate::doctor) async fn ask(server: IpAddr, name: &Name, kind: RecordType) -> Says {
    match timeout(QUERY_LIMIT, exchange(server, name, kind)).await {
        Ok(Some(answer)) => read(&answer, name, kind),
        Ok(None) | Err(_) => Says::Nothing,
    }
}

/// `None` if the server refuses the packet or sends no answer.
async fn exchange(server: IpAddr, name: &Name, kind: RecordType) -> Option<Message> {
    let local: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((local, 0)).await.ok()?;
    socket.connect(SocketAddr::new(server, PORT)).await.ok()?;
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name.clone(), kind));
    socket.send(&question.to_vec().ok()?).await.ok()?;
    let mut bytes = vec![0; LONGEST_ANSWER];
    loop {
        let count = socket.recv(&mut bytes).await.ok()?;
        let answer = Message::from_vec(&bytes[..count]).ok()?;
        if answer.metadata.id == question.metadata.id {
            return Some(answer);
        }
    }
}

/// Follows the aliases of the answer from `name` on.
fn read(answer: &Message, name: &Name, kind: RecordType) -> Says {
    let mut seen = HashSet::new();
    let mut at = name.clone();
    loop {
        if !seen.insert(at.to_lowercase()) {
            return Says::Loop(at.to_string());
        }
        let records = || answer.answers.iter().filter(|record| record.name.to_lowercase() == at.to_lowercase());
        let addresses: Vec<_> = records().filter_map(|record| address(record, kind)).collect();
        if !addresses.is_empty() {
            return Says::Addresses(addresses);
        }
        let alias = records().find_map(|record| match &record.data {
            RData::CNAME(target) => Some(target.0.clone()),
            _ => None,
        });
        match alias {
            Some(target) => at = target,
            None => break,
        }
    }
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain if seen.len() > 1 => Says::AliasOf(at.to_string()),
        ResponseCode::NoError => Says::NoData(zone(answer)),
        ResponseCode::NXDomain => Says::NxDomain(zone(answer)),
        code => Says::Code(code),
    }
}

fn address(record: &Record, kind: RecordType) -> Option<IpAddr> {
    match &record.data {
        RData::A(address) if kind == RecordType::A => Some(address.0.into()),
        RData::AAAA(address) if kind == RecordType::AAAA => Some(address.0.into()),
        _ => None,
    }
}

/// Returns the zone that answered: a private zone that answers is associated with the VPC; if its parent answers, it is
/// not.
fn zone(answer: &Message) -> String {
    let soa = answer.authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some((&record.name, record.ttl.min(soa.minimum))),
        _ => None,
    });
    soa.map_or_else(String::new, |(name, ttl)| format!(" from zone {name}, cached for {ttl} s"))
}
