//! Causes that the nameservers' own answers show, where getaddrinfo has one text for everything.

use super::{Cause, causes};
use crate::doctor::stage::StageName::Dns;

causes! {
    FIRST_NAMESERVER_SILENT: "first-nameserver-silent" at [Dns] {
        evidence: "the first nameserver of /etc/resolv.conf does not answer, a later one does",
        cause: "The first nameserver does not answer, so each look-up waits 5 s before it asks the next one.",
        remedy: "Remove the dead nameserver from the DHCP options (AmazonProvidedDNS alone is enough), or make it reachable.",
    }
    AAAA_SILENT: "aaaa-silent" at [Dns] {
        evidence: "the nameserver answers queries for A, and never those for AAAA",
        cause: "The resolver does not answer queries for IPv6 addresses, and the service waits for both answers.",
        remedy: "Let the DNS server or firewall answer AAAA with NOERROR; until then, set the option single-request \
                 or no-aaaa in /etc/resolv.conf.",
    }
    ALIAS_LOOP: "alias-loop" at [Dns] {
        evidence: "the CNAME records lead back to a name that was seen",
        cause: "The name is an alias that refers back to itself.",
        remedy: "Correct the CNAME record that the evidence names.",
    }
    ALIAS_TARGET_GONE: "alias-target-gone" at [Dns] {
        evidence: "a CNAME record, and no address for the name that it leads to",
        cause: "The name is an alias for one that no longer exists or has no address.",
        remedy: "Point the CNAME record to the current endpoint: a new cluster or balancer has a new name.",
    }
    SEARCH_DOMAIN: "name-from-search-domain" at [Dns] {
        evidence: "the name itself does not exist; with a search domain of /etc/resolv.conf appended, it has the \
                   addresses that are used",
        cause: "The address belongs to another name: a search domain was appended, and a wildcard record most likely \
                matched.",
        remedy: "Correct the name, or end it with a dot; remove the wildcard record or the search domain.",
    }
}
