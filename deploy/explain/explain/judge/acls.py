"""Network ACLs: stateless; in the order of the numbers the first match decides; without a match, denied."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from explain import remedy
from explain.judge.walk import Trail, Walk
from explain.model import AclEntry, Subnet
from explain.sets import Ports, coverage, split

LINUX = (32768, 60999)
"""From where Linux clients call, and so where replies to them go."""

NAT = (1024, 65535)
"""The same of NAT gateways and load balancers."""

ANY = AclEntry(32767, False, "-1", 0, 65535, "0.0.0.0/0", False)
"""The last entry of every ACL, shown as `*`."""


@dataclass
class Box:
    """A part of the traffic, and the entry that decides about it."""

    network: IPv4Network
    ports: Ports
    entry: AclEntry


@dataclass
class Crossing:
    """Traffic through the ACL of one subnet: `outbound` as seen from the subnet."""

    hop: str
    outbound: bool
    ports: Ports
    networks: list[IPv4Network]
    peer: str


def decide(entries: list[AclEntry], outbound: bool, ports: Ports, networks: list[IPv4Network]) -> list[Box]:
    """Returns the traffic in pieces, each with the entry that decides about it."""
    boxes: list[Box] = []
    left = [(network, ports) for network in networks]
    for entry in in_order([entry for entry in entries if entry.outbound == outbound]):
        rest = []
        for piece in left:
            inside, outside = _cut(piece, entry)
            boxes += [Box(*inside, entry)] if inside else []
            rest += outside
        left = rest
    return boxes + [Box(network, span, ANY) for network, span in left]


def in_order(entries: list[AclEntry]) -> list[AclEntry]:
    """Returns the entries by number; AWS lists them in any order."""
    return sorted(entries, key=lambda entry: entry.number)


def _cut(
    piece: tuple[IPv4Network, Ports], entry: AclEntry
) -> tuple[tuple[IPv4Network, Ports] | None, list[tuple[IPv4Network, Ports]]]:
    """Cuts a piece of traffic into what the entry decides, and the rest."""
    network, (first, last) = piece
    low, high = max(first, entry.first), min(last, entry.last)
    inside, outside = split(network, IPv4Network(entry.cidr, strict=False))
    if entry.protocol not in ("-1", "tcp") or low > high or inside is None:
        return None, [piece]
    rest = [(part, (first, last)) for part in outside]
    rest += [(inside, (first, low - 1))] if first < low else []
    rest += [(inside, (high + 1, last))] if high < last else []
    return (inside, (low, high)), rest


def cross(walk: Walk, trail: Trail, subnet: Subnet, crossing: Crossing) -> None:
    """Judges the traffic through the ACL of `subnet`."""
    acl = walk.acl(subnet)
    direction, preposition = ("outbound", "to") if crossing.outbound else ("inbound", "from")
    way = f"{direction} tcp {span(crossing.ports)} {preposition} {crossing.peer}"
    if acl is None:
        trail.unseen(crossing.hop, subnet.id, "the network ACL of this subnet was not seen")
        return
    boxes = decide(acl.entries, crossing.outbound, crossing.ports, crossing.networks)
    denied = [box for box in boxes if not box.entry.allow]
    if not denied:
        trail.ok(crossing.hop, acl.id, f"{way} is allowed")
        return
    entry = denied[0].entry
    if coverage(crossing.networks, [box.network for box in denied]) == "part":
        trail.unseen(crossing.hop, acl.id, f"{way} depends on the address: entry {describe(entry)}")
        return
    if len(denied) == len(boxes):
        seen = f"denies {way}: entry {describe(entry)}"
    else:
        seen = f"some connections fail: {way} is denied for ports {span(denied[0].ports)} by entry {describe(entry)}"
    trail.blocks(
        crossing.hop, acl.id, seen, "SUBNET_ACL_RESTRICTION", describe(entry), remedy.acl(acl, entry, crossing)
    )


def describe(entry: AclEntry) -> str:
    """Returns the entry as one reads it in the console."""
    number = "*" if entry is ANY or entry.number == ANY.number else str(entry.number)
    protocol = "all traffic" if entry.protocol == "-1" else f"{entry.protocol} {span((entry.first, entry.last))}"
    return f"{number} deny {protocol} {entry.cidr}"


def span(ports: Ports) -> str:
    """Returns a range of ports as text."""
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"
