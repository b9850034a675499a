//! Causes that several checks show together, and none of them alone.

use super::{Cause, causes};

causes! {
    NO_NAME_RESOLVES: "no-name-resolves" at [] {
        evidence: "the resolver answers none of two or more checks",
        cause: "DNS does not work for this service at all.",
        remedy: "Set enableDnsSupport and enableDnsHostnames on the VPC, and check that the DHCP options name a \
                 resolver that can be reached.",
    }
    EVERYTHING_TIMES_OUT: "everything-times-out" at [] {
        evidence: "TCP times out for all of two or more checks, private ones among them",
        cause: "No packet leaves the service: the VPC connector's security group has no outbound rule, a NACL drops \
                packets, or the VPC is the wrong one.",
        remedy: "Allow outbound traffic in the security group of the VPC connector or task; check the NACLs of its \
                 subnets in both directions, and the VPC.",
    }
    PUBLIC_TIMES_OUT: "public-times-out" at [] {
        evidence: "TCP times out for all of two or more public destinations, and connects to a private one",
        cause: "The subnets have no path to the internet: no NAT gateway, or the connector is in a public subnet, \
                where its interfaces have no public address.",
        remedy: "Put the connector into private subnets and route 0.0.0.0/0 to a NAT gateway in a public subnet; if \
                 only AWS services are needed, VPC endpoints are enough.",
    }
}
