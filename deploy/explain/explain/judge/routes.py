"""Routes: the longest prefix decides; what it leads to must work, and lead back."""

from ipaddress import IPv4Network

from explain import remedy
from explain.judge import gateways
from explain.judge.table import Piece, pieces
from explain.judge.walk import Place, Trail, Walk
from explain.model import Peering, Route, Subnet, Table
from explain.sets import parse


def local(walk: Walk, trail: Trail, subnet: Subnet, place: Place) -> None:
    """Judges the route inside one VPC: `local`, unless a middlebox has a more specific one."""
    table = walk.table(subnet)
    if table is None:
        trail.unseen("route", subnet.id, "the route table of this subnet was not seen")
        return
    found, _ = pieces(walk, table, place.networks)
    others = [piece.route.target for piece in found if piece.route and piece.route.target != "local"]
    others = [each for each in others if each != "unknown" and _is_more_specific(walk, table, each, subnet)]
    if others:
        trail.unseen(
            "route",
            table.id,
            f"a route more specific than local leads to {others[0]}, a middlebox, which is not judged",
        )
    else:
        trail.ok("route", table.id, "the target is in the same VPC: local")


def _is_more_specific(walk: Walk, table: Table, target: str, subnet: Subnet) -> bool:
    """0.0.0.0/0 decides about addresses of the own VPC only where the answer left the local route out."""
    vpc = walk.vpc(subnet.vpc)
    own = parse(vpc.cidrs) if vpc else []
    ranges = [
        network
        for route in table.routes
        if route.target == target
        for network in parse([route.destination])
        if not route.destination.startswith("pl-")
    ]
    return any(network.subnet_of(each) for network in ranges for each in own)


def leave(walk: Walk, trail: Trail, subnet: Subnet, place: Place, port: int) -> gateways.Hop | None:
    """Judges the way out of the VPC; returns the hop if it can be followed."""
    table = walk.table(subnet)
    if table is None:
        trail.unseen("route", subnet.id, "the route table of this subnet was not seen")
        return None
    found, unknown = pieces(walk, table, place.networks)
    tries = [_follow(walk, subnet, table, piece, place, port) for piece in found]
    blocked = [each for each, _ in tries if each.blocked]
    if unknown and (blocked or len(found) > 1):
        trail.unseen("route", table.id, f"may lead there by {unknown[0]}, which was not seen")
        return None
    if blocked and len(blocked) < len(tries):
        trail.unseen("route", table.id, "leads to a part of these addresses only")
        return None
    for each, _ in tries:
        trail.evidence += each.evidence
    return tries[0][1]


def _follow(
    walk: Walk, subnet: Subnet, table: Table, piece: Piece, place: Place, port: int
) -> tuple[Trail, gateways.Hop | None]:
    trail, route = Trail(subnet.id), piece.route
    if route is None:
        _no_route(walk, trail, subnet, table, place)
        return trail, None
    kind = route.target.split("-")[0]
    if not route.active or _is_gone(walk, route):
        nat = gateways.usable_nat(walk, subnet.vpc)
        trail.blocks(
            "route",
            table.id,
            f"{route.destination} leads to {route.target}, which is gone: a blackhole",
            "BAD_STATE_ROUTE",
            f"{route.destination} {route.target}",
            remedy.replace_route(table.id, route.destination, nat),
        )
        return trail, None
    if kind == "pcx":
        return trail, gateways.peering_connection(walk, trail, subnet, table, route, place)
    if kind in ("igw", "nat") and not place.is_public:
        _no_route(walk, trail, subnet, table, place, route)
        return trail, None
    if kind == "igw":
        return trail, gateways.internet_gateway(walk, trail, subnet, table, route)
    if kind == "nat":
        return trail, gateways.nat_gateway(walk, trail, subnet, table, route, place, port)
    trail.unseen("route", table.id, f"{route.destination} leads to {route.target}, which is not judged")
    return trail, None


def _is_gone(walk: Walk, route: Route) -> bool:
    nats, peerings = walk.snapshot.nats, walk.snapshot.peerings
    if route.target.startswith("nat-") and nats is not None:
        return all(nat.id != route.target or nat.state == "deleted" for nat in nats)
    if route.target.startswith("pcx-") and peerings is not None:
        return all(each.id != route.target or each.status == "deleted" for each in peerings)
    return False


def _no_route(walk: Walk, trail: Trail, subnet: Subnet, table: Table, place: Place, only: Route | None = None) -> None:
    where = f"{only.destination} leads to {only.target}, which does not lead there" if only else "no route leads there"
    if place.is_public:
        fix = remedy.route_to_nat(table.id, gateways.usable_nat(walk, subnet.vpc))
        trail.blocks(
            "route",
            table.id,
            f"{where}: neither NAT gateway nor internet gateway for public addresses",
            "NO_ROUTE_TO_DESTINATION",
            "0.0.0.0/0",
            fix,
        )
        return
    other, cidr = walk.vpc(place.vpc), str(place.networks[0])
    peering = _between(walk, subnet.vpc, place.vpc)
    if place.vpc and walk.snapshot.peerings is None:
        trail.unseen("route", table.id, f"{where}, and the peering connections were not seen")
    elif place.vpc and walk.source.kind == "express" and (vpc := walk.vpc(subnet.vpc)) and vpc.default:
        trail.blocks(
            "source",
            walk.source.name,
            f"runs in the default VPC {vpc.id}, the target in {place.vpc}",
            "EXPRESS_IN_DEFAULT_VPC",
            vpc.id,
            remedy.express_network(walk.source, place.groups[0] if place.groups else None),
        )
    elif place.vpc and peering is None:
        trail.blocks(
            "route",
            table.id,
            f"{where}: {subnet.vpc} and {place.vpc} are not connected",
            "DISCONNECTED_VPCS",
            f"{subnet.vpc} {place.vpc}",
            remedy.peer(subnet.vpc, place.vpc),
        )
    else:
        wanted = next(
            (each for each in (other.cidrs if other else []) if place.networks[0].subnet_of(IPv4Network(each))), cidr
        )
        trail.blocks(
            "route",
            table.id,
            where if not peering else f"{where}, though {peering.id} connects both VPCs",
            "NO_ROUTE_TO_DESTINATION",
            wanted,
            remedy.route_to_peering(table.id, wanted, peering.id if peering else None),
        )


def _between(walk: Walk, one: str, other: str | None) -> Peering | None:
    live = [
        each for each in walk.snapshot.peerings or [] if each.status not in ("deleted", "rejected", "expired", "failed")
    ]
    return next((each for each in live if {each.requester.vpc, each.accepter.vpc} == {one, other}), None)
