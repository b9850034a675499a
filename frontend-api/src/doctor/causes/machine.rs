//! Causes on this machine, and those of a network that works badly.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Authentication, Dns, Http, Query, Tcp, Tls, Writable};

causes! {
    NO_LOCAL_PORT: "no-local-port" at [Tcp] {
        evidence: "EADDRNOTAVAIL",
        cause: "This machine has no local port left for another connection to this address.",
        remedy: "Look for connections that are opened for each request (TIME_WAIT); reuse them, or widen net.ipv4.ip_local_port_range.",
    }
    NO_DESCRIPTORS: "no-descriptors" at [Dns, Tcp] {
        evidence: "EMFILE or ENFILE, also when a probe opens a file",
        cause: "This process or machine cannot open more files and sockets.",
        remedy: "Raise the limit of open files (ulimits nofile of the ECS container), and look for connections that are never closed.",
    }
    NO_IPV6_ROUTE: "no-ipv6-route" at [Tcp] {
        evidence: "ENETUNREACH for a name that has only IPv6 addresses",
        cause: "The name has only IPv6 addresses, and this network has no route for IPv6.",
        remedy: "Give the name an IPv4 address, or give the subnets an IPv6 range, routes and an egress-only internet gateway.",
    }
    PUBLIC_REFUSED: "public-address-refuses" at [Tcp] {
        evidence: "RST at once from a public address",
        cause: "The public address was reached and refused the connection: nothing listens on the port, or a \
                firewall rejects this caller.",
        remedy: "Check the port; look at the list of allowed sources at the other end, which sees the NAT gateway's address.",
    }
    PACKETS_LOST: "packets-lost" at [Tls, Authentication, Query, Writable] {
        evidence: "the kernel has sent the same packet repeatedly, and small ones are lost as well",
        cause: "Packets are lost after the connection was made.",
        remedy: "Look for a security group or NACL that was just changed, for one-way (asymmetric) routes, and for an overloaded NAT or firewall.",
    }
    MTU_HOLE: "mtu-hole" at [Tls, Authentication, Query, Writable] {
        evidence: "the connection is made, and only large packets are lost: the unacknowledged data is long, or later packets arrived before it",
        cause: "Small packets pass and large ones are lost: a link on the path has a smaller MTU, and its ICMP \
                messages are filtered.",
        remedy: "Allow ICMP type 3 code 4 (fragmentation needed) in NACLs and security groups; set the MTU to 1500, or 1300 behind VPN, peering between regions or a transit gateway.",
    }
    HIGH_LATENCY: "high-latency" at [Tls, Authentication, Query, Writable] {
        evidence: "the kernel measured round trips of 300 ms and more",
        cause: "The path is too slow: the round trips of a stage take longer than its limit.",
        remedy: "Check that both ends are in one region; look at VPN and transit paths, and at the load of each \
                 proxy on the path.",
    }
    STALLED: "stalled-in-the-middle" at [Tls, Authentication, Query, Writable, Http] {
        evidence: "bytes arrived in this stage, then no more, and the peer's kernel acknowledges ours",
        cause: "The server began to answer and then stopped.",
        remedy: "Look at the server's load, locks and disk; behind a proxy, look at the connection from the proxy to \
                 its target.",
    }
    SLOW_HOP: "slow-hop" at [Tcp] {
        evidence: "a connection took 500 ms or more",
        cause: "The path is slow, or the first packet was lost.",
        remedy: "Look at the route (region, VPN, NAT) and at packet loss.",
    }
}
