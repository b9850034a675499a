//! A VPC in a network namespace, all well until a test breaks it.

use causeway_testing::network::Network;
use causeway_testing::postgres::TestDatabase;
use serde_json::{Value, json};
use tokio_postgres::config::Host;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::dns_server::NameServer;
use crate::helpers::{Run, doctor_in, healthy_database};

pub const DATABASE_NAME: &str = "demo.cluster-abc.us-east-1.rds.amazonaws.com";
pub const DATABASE_ADDRESS: &str = "10.77.0.10";
pub const SERVICE_NAME: &str = "privateservice.apprunner.demo";
pub const SERVICE_ADDRESS: &str = "10.77.0.20";
/// Of an interface endpoint, say.
pub const PRIVATE_NAME: &str = "endpoint.example.com";
pub const PRIVATE_ADDRESS: &str = "10.77.0.30";
pub const PUBLIC_NAME: &str = "api.example.com";
pub const PUBLIC_ADDRESS: &str = "203.0.113.7";
/// Another of the internet, given without a name.
pub const OTHER_PUBLIC_ADDRESS: &str = "203.0.113.8";
pub const OTHER_PUBLIC: &str = "203.0.113.8:80";

pub struct World {
    pub network: Network,
    pub dns: NameServer,
    pub database: TestDatabase,
    /// The private service, and every other HTTP server.
    pub http: MockServer,
    pub env: Vec<(&'static str, String)>,
}

/// What a private service says of itself.
pub fn identity() -> Value {
    json!({
        "TaskArn": "arn:aws:ecs:us-east-1:123456789012:task/demo/0123456789abcdef", "Cluster": "demo",
        "LaunchType": "FARGATE", "ServiceName": "privateservice", "IpAddress": "10.0.1.23",
    })
}

/// A server that answers every GET so.
pub async fn http_server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    server
}

impl World {
    /// A database, a private service, a private target and two public ones. `None` where there can be no network.
    pub async fn start() -> Option<Self> {
        let network = Network::create()?;
        let dns = NameServer::start(&network);
        let database = healthy_database().await;
        let http = http_server(ResponseTemplate::new(200).set_body_json(identity())).await;
        let config: tokio_postgres::Config = database.url().parse().unwrap();
        let Host::Tcp(host) = &config.get_hosts()[0] else { panic!("a host") };
        let upstream = tokio::net::lookup_host((host.as_str(), config.get_ports()[0])).await.unwrap().next().unwrap();
        let places = [
            (DATABASE_NAME, DATABASE_ADDRESS, 5432, upstream),
            (SERVICE_NAME, SERVICE_ADDRESS, 8080, *http.address()),
            (PRIVATE_NAME, PRIVATE_ADDRESS, 443, *http.address()),
            (PUBLIC_NAME, PUBLIC_ADDRESS, 80, *http.address()),
            ("", OTHER_PUBLIC_ADDRESS, 80, *http.address()),
        ];
        for (name, address, port, upstream) in places {
            network.add(address);
            network.forward(format!("{address}:{port}").parse().unwrap(), upstream);
            dns.knows(name, address);
        }
        let user = config.get_user().unwrap_or("postgres");
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default());
        let url = format!("postgres://{user}:{password}@{DATABASE_NAME}:5432/{}?sslmode=disable", database.name());
        let env = vec![
            ("DATABASE_URL", url),
            ("ECSPRIVATESERVICE", format!("http://{SERVICE_NAME}:8080")),
            ("TARGET", PRIVATE_NAME.to_owned()),
            ("TARGETPORT", "443".to_owned()),
            ("DOCTOR_TARGETS", format!("http://{PUBLIC_NAME}/, {OTHER_PUBLIC}")),
        ];
        Some(Self { network, dns, database, http, env })
    }

    /// Instead of what was there.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.unset(name);
        self.env.push((name, value.into()));
    }

    pub fn unset(&mut self, name: &str) {
        self.env.retain(|(known, _)| *known != name);
    }

    /// All of the environment.
    pub fn env(&self) -> Vec<(&str, &str)> {
        self.env.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    pub async fn doctor(&self) -> Run {
        doctor_in(&self.network, &self.env()).await
    }

    /// The address no longer answers: packets to it are dropped.
    pub fn silence(&self, address: &str) {
        for port in [80, 443, 5432, 8080] {
            self.network.drop_packets(address, port);
        }
    }
}
