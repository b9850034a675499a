//! Causes of DNS and TCP.

use super::{Cause, causes};
use crate::doctor::stage::StageName::{Dns, Tcp};

causes! {
    NAME_NOT_FOUND: "name-not-found" at [Dns] {
        evidence: "NXDOMAIN; the owner of the SOA names the zone that answered",
        cause: "The name does not exist for this service's resolver.",
        remedy: "Correct the name. If it is in a private hosted zone, associate the zone with this VPC and enable \
                 both VPC DNS attributes.",
    }
    CLOUD_MAP_NAME_NOT_FOUND: "cloud-map-name-not-found" at [Dns] {
        evidence: "NXDOMAIN for the private service's name",
        cause: "Cloud Map has no such record: no healthy task is registered, or its namespace is not associated with this VPC.",
        remedy: "Check that the ECS service runs tasks and registers them; associate the private DNS namespace's \
                 zone with this VPC. A new name stays unknown for the SOA's negative TTL.",
    }
    NAME_WITHOUT_ADDRESS: "name-without-address" at [Dns] {
        evidence: "NOERROR without A or AAAA",
        cause: "The name exists but has no address.",
        remedy: "Add an A record; a Cloud Map service with SRV records alone needs DnsRecordType A.",
    }
    RESOLVER_SILENT: "resolver-silent" at [Dns] {
        evidence: "no answer from any nameserver of /etc/resolv.conf in time",
        cause: "The DNS resolver does not answer.",
        remedy: "Set enableDnsSupport on the VPC, and check that the DHCP options name a resolver that can be \
                 reached. Security groups and NACLs can't block the VPC's own resolver.",
    }
    RESOLVER_FAILED: "resolver-failed" at [Dns] {
        evidence: "SERVFAIL, REFUSED or another error code at once",
        cause: "The DNS resolver can't or won't answer for this name.",
        remedy: "Check the DHCP options' resolver and its forwarding rules; more than 1,024 queries a second from \
                 one interface are also refused.",
    }
    DATABASE_PUBLIC_ADDRESS: "database-public-address" at [Dns] {
        evidence: "the database's name resolves to public addresses, and none of them accepts a connection",
        cause: "The name resolves to a public address where a private one is expected: it was resolved outside the \
                database's VPC.",
        remedy: "Run this service with a VPC connector in the database's VPC. With peering, enable DNS resolution \
                 over it. Make the database not publicly accessible.",
    }

    DATABASE_TIMED_OUT: "database-timed-out" at [Tcp] {
        evidence: "no answer to SYN from a private address",
        cause: "Packets to the database are dropped: its security group most likely lacks the rule.",
        remedy: "Allow the database's port inbound in the database's security group from the security group of the VPC connector or task; then check that group's outbound rules, the subnets' NACLs (replies: 32768-60999 for Linux clients) and routes.",
    }
    PRIVATE_SERVICE_TIMED_OUT: "private-service-timed-out" at [Tcp] {
        evidence: "no answer to SYN from the private service",
        cause: "Packets to the private service are dropped: its security group most likely lacks the rule.",
        remedy: "Allow its port inbound in the private service's security group from the security group of the VPC connector or task; a record can also outlive its task by its TTL.",
    }
    PRIVATE_ENDPOINT_TIMED_OUT: "private-endpoint-timed-out" at [Tcp] {
        evidence: "no answer to SYN from a private address of an AWS service or other target",
        cause: "Packets to a private address are dropped: the security group of the VPC endpoint or target most likely lacks the rule.",
        remedy: "Allow the port inbound in the endpoint's or target's security group from that of the VPC connector or task, and outbound there.",
    }
    PUBLIC_ENDPOINT_TIMED_OUT: "public-endpoint-timed-out" at [Tcp] {
        evidence: "no answer to SYN from a public address",
        cause: "The VPC has no path to this public address.",
        remedy: "Add a VPC endpoint with private DNS for an AWS service (S3: a gateway endpoint in the subnets' route tables), or route 0.0.0.0/0 of private subnets to a NAT gateway; allow the port outbound.",
    }
    REFUSED: "refused" at [Tcp] {
        evidence: "RST at once (ECONNREFUSED)",
        cause: "The host was reached, but nothing listens on the port. Security groups and NACLs drop packets, so \
                they are not the cause.",
        remedy: "Check the port, and that the process runs and listens on its network address. A firewall of the host \
                 that rejects packets looks the same. Right after a deployment, a record may name a task that has ended.",
    }
    NO_ROUTE: "no-route" at [Tcp] {
        evidence: "ENETUNREACH, EHOSTUNREACH, EINVAL (blackhole) or EACCES (prohibit) at once",
        cause: "There is no route to the address.",
        remedy: "Add a route for the address to the subnet's route table; remove blackhole routes of deleted NAT \
                 gateways or peerings.",
    }
    SOME_ADDRESSES_FAIL: "some-addresses-fail" at [Tcp] {
        evidence: "one address of the name accepts connections, another does not",
        cause: "Only some addresses of the name can be reached.",
        remedy: "Look at the route table and NACL of the failing address's subnet, or for a task that has ended but \
                 is still registered.",
    }
}
