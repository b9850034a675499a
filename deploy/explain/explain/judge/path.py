"""From each source subnet to each place of the target: groups, routes, network ACLs, and the way back."""

from explain import remedy
from explain.judge import acls, gateways, groups, routes
from explain.judge.services import instead_remedy
from explain.judge.walk import Destination, Instead, Place, Trail, Walk
from explain.model import Evidence, Subnet
from explain.sets import PUBLIC, parse

PUBLIC_HOPS = ("route", "nat gateway")


def judge(walk: Walk, destination: Destination) -> list[Evidence]:
    """Returns the evidence of every path; each source subnet is judged alone."""
    if not walk.source.in_vpc:
        return _outside(walk, destination)
    evidence: list[Evidence] = []
    for id in walk.source.subnets:
        subnet = walk.subnet(id)
        if subnet is None:
            trail = Trail(id)
            trail.unseen("source", id, "this subnet was not seen")
            evidence += trail.evidence
            continue
        tries = [_try(walk, subnet, place, destination) for place in _places(walk, subnet, destination)]
        evidence += _any_of(tries) if destination.uncertain else [each for trail in tries for each in trail.evidence]
    return evidence


def _outside(walk: Walk, destination: Destination) -> list[Evidence]:
    """The source calls from a network of App Runner's own, which leads to public addresses alone."""
    trail = Trail()
    if destination.places and all(place.is_public for place in destination.places):
        trail.ok("route", walk.source.name, "its own egress leads to public addresses")
    else:
        trail.blocks(
            "source",
            walk.source.name,
            f"its egress does not use the VPC, and {destination.name} is inside",
            "EGRESS_NOT_VPC",
            "EgressType DEFAULT",
            remedy.egress(walk.source),
        )
    return trail.evidence


def _places(walk: Walk, subnet: Subnet, destination: Destination) -> list[Place]:
    """A gateway endpoint counts only in the subnets whose table has it."""
    table = walk.table(subnet)
    gateways = [each for each in walk.snapshot.endpoints or [] if each.id in destination.gateways]
    for gateway in gateways:
        if table is not None and table.id in gateway.tables:
            known = walk.snapshot.prefix_lists.get(walk.snapshot.gateway_list or "")
            lists = [walk.snapshot.gateway_list] if walk.snapshot.gateway_list else []
            return [Place(destination.name, parse(known) if known else PUBLIC, lists=lists, gateway=gateway.id)]
    return destination.places


def _any_of(tries: list[Trail]) -> list[Evidence]:
    """The target is in one of several places: a block of some of them proves nothing."""
    blocked = [trail for trail in tries if trail.blocked]
    if 0 < len(blocked) < len(tries):
        for trail in blocked:
            for each in trail.evidence:
                if each.verdict == "blocks":
                    each.verdict, each.command, each.cdk = "unseen", None, None
                    each.seen = f"where the target is was not seen; if it is there: {each.seen}"
    return [each for trail in tries for each in trail.evidence]


def _try(walk: Walk, subnet: Subnet, place: Place, destination: Destination) -> Trail:
    trail = Trail(subnet.id)
    _group_out(walk, trail, place, destination.port)
    vpc = walk.vpc(subnet.vpc)
    if vpc is None:
        trail.unseen("route", subnet.vpc, "the VPC was not seen")
    else:
        for what in vpc.unjudged:
            trail.unseen("route", vpc.id, f"the VPC has {what}, which is not judged")
    if place.gateway:
        _to_gateway(walk, trail, subnet, place, destination.port)
    elif place.vpc == subnet.vpc:
        routes.local(walk, trail, subnet, place)
        _across(walk, trail, subnet, place, destination.port)
    else:
        hop = routes.leave(walk, trail, subnet, place, destination.port)
        if hop is not None and hop.kind == "peering":
            _across(walk, trail, subnet, place, destination.port)
            gateways.back(walk, trail, subnet, place, hop.target)
        elif hop is not None:
            _to_public(walk, trail, subnet, place, destination.port)
    if place.groups:
        _group_in(walk, trail, subnet, place, destination)
    elif place.groups == []:
        trail.ok("security group, in", place.name, "has no security group")
    _explain_missing_way(walk, trail, subnet, destination)
    return trail


def _names(walk: Walk, destination: Destination) -> tuple[str, str]:
    """What the CDK might call both sides."""
    source = walk.source.name if walk.source.name.isidentifier() else "source"
    kind = "endpoint" if destination.endpoint else "cluster" if destination.name in _databases(walk) else "target"
    return source, kind


def _databases(walk: Walk) -> set[str]:
    return {each.id for each in walk.snapshot.databases or []}


def _group_out(walk: Walk, trail: Trail, place: Place, port: int) -> None:
    ids = walk.source.groups
    label = ", ".join(walk.called(id) for id in place.groups) if place.groups else _address(place)
    peer = groups.Peer(place.networks, place.groups, place.vpc, place.lists, label)
    found = groups.admits(walk, ids, False, port, peer)
    resource = found.resource
    if found.verdict == "ok":
        trail.ok("security group, out", resource, found.seen)
    elif found.verdict == "unseen":
        trail.unseen("security group, out", resource, found.seen)
    else:
        code = "SG_HAS_NO_RULES" if found.empty else "ENI_SG_RULES_MISMATCH"
        source = walk.source.name if walk.source.name.isidentifier() else "source"
        fix = remedy.group(resource, False, port, peer, (source, "target"))
        trail.blocks("security group, out", resource, found.seen, code, f"outbound tcp {port} to {label}", fix)


def _group_in(walk: Walk, trail: Trail, subnet: Subnet, place: Place, destination: Destination) -> None:
    source = walk.source
    label = ", ".join(walk.called(id) for id in source.groups)
    networks = parse([source.address or subnet.cidr])
    peer = groups.Peer(networks, source.groups, subnet.vpc, label=label)
    found = groups.admits(walk, place.groups or [], True, destination.port, peer)
    if found.verdict == "ok":
        trail.ok("security group, in", found.resource, found.seen)
    elif found.verdict == "unseen":
        trail.unseen("security group, in", found.resource, found.seen)
    else:
        code = "SG_HAS_NO_RULES" if found.empty else "ENI_SG_RULES_MISMATCH"
        if "counts across VPCs" in found.seen:
            code = "UNKNOWN_PEERED_SGS"
        asked = (
            peer
            if place.vpc == subnet.vpc or _is_peered(walk)
            else groups.Peer(networks, None, subnet.vpc, label=label)
        )
        fix = remedy.group(found.resource, True, destination.port, asked, _names(walk, destination))
        trail.blocks(
            "security group, in", found.resource, found.seen, code, f"inbound tcp {destination.port} from {label}", fix
        )


def _is_peered(walk: Walk) -> bool:
    return any(each.status == "active" for each in walk.snapshot.peerings or [])


def _address(place: Place) -> str:
    if place.networks == PUBLIC:
        return "public addresses"
    return ", ".join(str(each) for each in place.networks[:3]).replace("/32", "")


def _across(walk: Walk, trail: Trail, subnet: Subnet, place: Place, port: int) -> None:
    """Both subnets' ACLs, there and back. None looks at traffic that stays inside one subnet."""
    if stays_inside(subnet, place):
        trail.ok("nacl, out", subnet.id, "source and target are in one subnet: no network ACL looks at them")
        return
    other = walk.subnet(place.subnet)
    here = parse([walk.source.address or subnet.cidr])
    there, asked = _address(place), (port, port)
    acls.cross(walk, trail, subnet, acls.Crossing("nacl, out", True, asked, place.networks, there))
    if other is None:
        trail.unseen("nacl, in", place.name, "the target's subnet was not seen")
    else:
        acls.cross(walk, trail, other, acls.Crossing("nacl, in", False, asked, here, subnet.cidr))
        replies(walk, trail, other, acls.Crossing("nacl, reply out", True, acls.LINUX, here, subnet.cidr))
    replies(walk, trail, subnet, acls.Crossing("nacl, reply in", False, acls.LINUX, place.networks, there))


def stays_inside(subnet: Subnet, place: Place) -> bool:
    """Returns whether source and target are in one subnet."""
    return subnet.id == place.subnet


def replies(walk: Walk, trail: Trail, subnet: Subnet, crossing: acls.Crossing) -> None:
    """Judges the way back: ACLs are stateless, so replies need separate entries."""
    acls.cross(walk, trail, subnet, crossing)


def _to_public(walk: Walk, trail: Trail, subnet: Subnet, place: Place, port: int) -> None:
    there = _address(place)
    acls.cross(walk, trail, subnet, acls.Crossing("nacl, out", True, (port, port), place.networks, there))
    replies(walk, trail, subnet, acls.Crossing("nacl, reply in", False, acls.LINUX, place.networks, there))


def _to_gateway(walk: Walk, trail: Trail, subnet: Subnet, place: Place, port: int) -> None:
    table = walk.table(subnet)
    trail.ok("route", table.id if table else subnet.id, f"the service's addresses lead to {place.gateway}")
    acls.cross(
        walk, trail, subnet, acls.Crossing("nacl, out", True, (port, port), place.networks, "the service's addresses")
    )
    replies(
        walk,
        trail,
        subnet,
        acls.Crossing("nacl, reply in", False, acls.LINUX, place.networks, "the service's addresses"),
    )


def _explain_missing_way(walk: Walk, trail: Trail, subnet: Subnet, destination: Destination) -> None:
    """No way in public, and an endpoint that was meant to make one unnecessary: then that is the finding."""
    missing = [each for each in trail.evidence if each.verdict == "blocks" and each.hop in PUBLIC_HOPS]
    if not missing:
        return
    if destination.gateways:
        table = walk.table(subnet)
        gateway, lacking = destination.gateways[0], table.id if table else subnet.id
        trail.evidence = [each for each in trail.evidence if each not in missing]
        trail.blocks(
            "route",
            gateway,
            f"is not in {lacking}, the table of {walk.called(subnet.id)}, which has no other way there",
            "VPCE_GATEWAY_NOT_IN_ROUTE_TABLE",
            lacking,
            remedy.add_to_gateway(gateway, lacking),
        )
    elif destination.instead:
        instead: Instead = destination.instead
        trail.evidence = [each for each in trail.evidence if each not in missing]
        trail.blocks("dns", instead.resource, instead.seen, instead.code, None, instead_remedy(instead))
