"""Security groups: stateful, allow only; the union of all rules of all groups of an interface."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network

from explain.judge.walk import Walk
from explain.model import Group, Reference, Rule
from explain.sets import coverage, parse

NOBODY = {"127.0.0.1/32", "255.255.255.255/32"}
"""Rules to these stand for "no rule": the CDK's idioms, because AWS adds one to everywhere where there is none."""


@dataclass
class Peer:
    """The other side of a rule: where it may be, and which groups its interface has, if it has one in sight."""

    networks: list[IPv4Network]
    groups: list[str] | None
    vpc: str | None
    lists: list[str] = field(default_factory=list)
    label: str = ""


@dataclass
class Admission:
    """`verdict` is ok, blocks or unseen; `hint` says what comes near."""

    verdict: str
    resource: str
    seen: str
    empty: bool = False


def admits(walk: Walk, ids: list[str], inbound: bool, port: int, peer: Peer) -> Admission:
    """Returns whether the groups `ids` of one interface admit TCP to `port` from or to `peer`."""
    groups = [group for id in ids if (group := walk.group(id))]
    if not groups:
        return Admission("unseen", ids[0] if ids else "security groups", "its rules were not seen")
    rules = [(group, rule) for group in groups for rule in (group.inbound if inbound else group.outbound)]
    way = f"{'inbound' if inbound else 'outbound'} tcp {port} {'from' if inbound else 'to'} {peer.label}"
    fitting = [(group, rule) for group, rule in rules if _is_for(rule, port)]
    for group, rule in fitting:
        if any(_admits_reference(walk, group, reference, peer) for reference in rule.groups):
            return Admission("ok", group.id, f"{way} is allowed")
    covered, unknown = _ranges(walk, [rule for _, rule in fitting], peer)
    extent = coverage(peer.networks, covered)
    if extent == "all":
        return Admission("ok", fitting[0][0].id, f"{way} is allowed")
    resource = groups[0].id
    if len(groups) < len(ids):
        return Admission("unseen", resource, "the rules of another group of the interface were not seen")
    if unknown:
        return Admission("unseen", resource, f"{way} may be allowed by {', '.join(unknown)}, which was not seen")
    if extent == "part":
        return Admission("unseen", resource, f"{way} is allowed for a part of these addresses only")
    empty = not any(_is_rule(rule) for _, rule in rules)
    return Admission("blocks", resource, f"lacks {way}{_hint(walk, rules, port, peer, empty)}", empty)


def _is_for(rule: Rule, port: int) -> bool:
    return rule.protocol == "-1" or (rule.protocol == "tcp" and rule.first <= port <= rule.last)


def _is_rule(rule: Rule) -> bool:
    return bool(rule.groups or rule.lists or set(rule.ranges) - NOBODY)


def _admits_reference(walk: Walk, group: Group, reference: Reference, peer: Peer) -> bool:
    """A reference admits interfaces that have the group, by their private addresses; across VPCs by a live peering."""
    if peer.groups is None or reference.group not in peer.groups:
        return False
    if peer.vpc == group.vpc:
        return True
    return reference.status in (None, "active") and _peered(walk, group.vpc, peer.vpc)


def _peered(walk: Walk, one: str, other: str | None) -> bool:
    return any(
        {peering.requester.vpc, peering.accepter.vpc} == {one, other}
        and peering.status == "active"
        and peering.requester.region == peering.accepter.region
        for peering in walk.snapshot.peerings or []
    )


def _ranges(walk: Walk, rules: list[Rule], peer: Peer) -> tuple[list[IPv4Network], list[str]]:
    """Returns what the rules cover together, and the prefix lists whose entries were not seen."""
    covered, unknown = [], []
    for rule in rules:
        covered += parse(rule.ranges)
        for list_id in rule.lists:
            entries = walk.snapshot.prefix_lists.get(list_id)
            if list_id in peer.lists:
                covered += peer.networks
            elif entries is None:
                unknown.append(list_id)
            else:
                covered += parse(entries)
    return covered, unknown


def _hint(walk: Walk, rules: list[tuple[Group, Rule]], port: int, peer: Peer, empty: bool) -> str:
    """Says what comes nearest: another group, the same peer at another port."""
    if empty:
        only = [text for _, rule in rules for text in rule.ranges]
        return f" (its only rule names {only[0]}, which admits nothing)" if only else " (it has no rule at all)"
    strangers = [ref.group for _, rule in rules if _is_for(rule, port) for ref in rule.groups]
    if strangers:
        through = "which is not on the other side"
        if peer.groups is not None and set(strangers) & set(peer.groups):
            through = "which counts across VPCs only by an active peering"
        elif peer.groups is None:
            through = "which does not count for an address outside the VPC"
        return f" (its rule names {walk.called(strangers[0])}, {through})"
    ports = [
        _ports(rule)
        for _, rule in rules
        if any(ref.group in (peer.groups or []) for ref in rule.groups)
        or coverage(peer.networks, parse(rule.ranges)) == "all"
    ]
    if ports:
        return f" (its rule for this peer is for {ports[0]})"
    return ""


def _ports(rule: Rule) -> str:
    span = str(rule.first) if rule.first == rule.last else f"{rule.first}-{rule.last}"
    return f"{rule.protocol} {span}"
