//! A nameserver that answers as it is told, the wrong ways too.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use causeway_testing::network::Network;
use tokio::net::UdpSocket;

/// Where the VPC's resolver is.
const ADDRESS: &str = "10.77.0.2";
/// The zone that says that a name does not exist.
pub const ZONE: &str = "apprunner.demo";

#[derive(Debug, Clone)]
pub enum Answer {
    Addresses(Vec<IpAddr>),
    /// The name exists, and has records of other types alone.
    NoAddress,
    NxDomain,
    ServFail,
    Refused,
    /// No answer at all.
    Silence,
    /// These addresses to questions for A, and nothing to those for AAAA.
    OnlyA(IpAddr),
    /// An alias of this name, of which nothing is known.
    AliasOf(&'static str),
    /// Two aliases of each other.
    Loop(&'static str),
}

const AAAA: u16 = 28;
const CNAME: u16 = 5;

/// The resolver of a network. What it says can change between two questions.
pub struct NameServer(Arc<Mutex<Answers>>);

struct Answers {
    names: HashMap<String, Answer>,
    /// For every other name.
    otherwise: Answer,
}

impl NameServer {
    /// Knows no name yet.
    pub fn start(network: &Network) -> Self {
        network.add(ADDRESS);
        network.resolv_conf(&format!("nameserver {ADDRESS}\n"));
        let answers = Arc::new(Mutex::new(Answers { names: HashMap::new(), otherwise: Answer::NxDomain }));
        let socket = network.bind_udp(SocketAddr::new(ADDRESS.parse().unwrap(), 53));
        tokio::spawn(serve(socket, answers.clone()));
        Self(answers)
    }

    pub fn says(&self, name: &str, answer: Answer) {
        self.0.lock().unwrap().names.insert(name.to_owned(), answer);
    }

    /// The name has these addresses, given with blanks between.
    pub fn knows(&self, name: &str, addresses: &str) {
        self.says(name, Answer::Addresses(addresses.split(' ').map(|address| address.parse().unwrap()).collect()));
    }

    /// Every name is answered so.
    pub fn says_of_all(&self, answer: Answer) {
        *self.0.lock().unwrap() = Answers { names: HashMap::new(), otherwise: answer };
    }
}

async fn serve(socket: UdpSocket, answers: Arc<Mutex<Answers>>) {
    let mut query = [0; 1500];
    while let Ok((length, client)) = socket.recv_from(&mut query).await {
        let question = Question::parse(&query[..length]);
        let answer = {
            let answers = answers.lock().unwrap();
            answers.names.get(&question.name).unwrap_or(&answers.otherwise).clone()
        };
        if let Some(message) = question.answered_by(&answer) {
            socket.send_to(&message, client).await.unwrap();
        }
    }
}

/// RFC 1035, 4.1: a header of 12 bytes, then the name as labels, its type and its class.
struct Question<'a> {
    id: &'a [u8],
    name: String,
    kind: u16,
    bytes: &'a [u8],
}

impl<'a> Question<'a> {
    fn parse(message: &'a [u8]) -> Self {
        let mut labels = Vec::new();
        let mut at = 12;
        while message[at] != 0 {
            let end = at + 1 + usize::from(message[at]);
            labels.push(String::from_utf8_lossy(&message[at + 1..end]).to_lowercase());
            at = end;
        }
        let kind = u16::from_be_bytes([message[at + 1], message[at + 2]]);
        Self { id: &message[..2], name: labels.join("."), kind, bytes: &message[12..at + 5] }
    }

    fn answered_by(&self, answer: &Answer) -> Option<Vec<u8>> {
        let (code, records) = match answer {
            Answer::Silence => return None,
            Answer::OnlyA(_) if self.kind == AAAA => return None,
            Answer::OnlyA(address) => (0, self.record(address).into_iter().collect()),
            Answer::AliasOf(target) => (3, vec![record(&[0xc0, 12], CNAME, &labels(target))]),
            Answer::Loop(other) => {
                let there = record(&[0xc0, 12], CNAME, &labels(other));
                (0, vec![there, record(&labels(other), CNAME, &labels(&self.name))])
            }
            Answer::NxDomain => (3, Vec::new()),
            Answer::ServFail => (2, Vec::new()),
            Answer::Refused => (5, Vec::new()),
            Answer::NoAddress => (0, Vec::new()),
            Answer::Addresses(addresses) => (0, addresses.iter().filter_map(|address| self.record(address)).collect()),
        };
        let soa = if records.is_empty() && matches!(code, 0 | 3) { vec![soa()] } else { Vec::new() };
        let counts = [1, records.len(), soa.len(), 0].map(|count| u16::try_from(count).unwrap().to_be_bytes());
        // A response, recursion desired and available.
        let head = [self.id, &[0x81, 0x80 | code], counts.as_flattened(), self.bytes];
        Some([head.concat(), records.concat(), soa.concat()].concat())
    }

    /// A record of the type that was asked for, if the address is of it.
    fn record(&self, address: &IpAddr) -> Option<Vec<u8>> {
        let (kind, data) = match address {
            IpAddr::V4(v4) => (1_u16, v4.octets().to_vec()),
            IpAddr::V6(v6) => (AAAA, v6.octets().to_vec()),
        };
        // The name is the question's: a pointer to byte 12.
        (kind == self.kind).then(|| record(&[0xc0, 12], kind, &data))
    }
}

fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let ttl = 300_u32.to_be_bytes();
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    [name, &kind.to_be_bytes(), &[0, 1], &ttl, &length, data].concat()
}

fn soa() -> Vec<u8> {
    let zone = labels(ZONE);
    let times = [1_u32, 2, 3, 4, 300].map(u32::to_be_bytes);
    record(&zone, 6, &[&labels("ns.invalid"), &labels("admin.invalid"), times.as_flattened()].concat())
}

fn labels(name: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        name.split('.').flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}
