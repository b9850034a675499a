//! Where the services can be reached from this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::settings::Settings;

/// Base URLs, without a slash at the end.
#[derive(Debug)]
pub(crate) struct Urls {
    pub(crate) frontend: String,
    pub(crate) private: String,
    pub(crate) balancer: String,
}

impl Urls {
    pub(crate) fn of(settings: &Settings) -> Self {
        let host: IpAddr = match settings.bind_address {
            IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            address => address,
        };
        let url = |port| format!("http://{}", SocketAddr::new(host, port));
        Self {
            frontend: url(settings.port),
            private: url(settings.private_port),
            balancer: url(settings.balancer_port),
        }
    }
}
