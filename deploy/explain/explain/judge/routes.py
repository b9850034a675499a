"""Routes: the longest prefix decides; what it leads to must work, and lead back."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from explain import remedy
from explain.judge import acls
from explain.judge.walk import Place, Trail, Walk
from explain.model import Nat, Peering, Route, Subnet, Table
from explain.sets import PUBLIC, parse, split

INTERNET = parse(["0.0.0.0/0"])


@dataclass
class Hop:
    """Where a route leads: internet, nat or peering; `target` is its id."""

    kind: str
    target: str


@dataclass
class Piece:
    """A part of the wanted addresses, and the route that decides about it."""

    networks: list[IPv4Network]
    route: Route | None


def pieces(walk: Walk, table: Table, networks: list[IPv4Network]) -> tuple[list[Piece], list[str]]:
    """Returns the addresses by the route that decides about each, and the prefix lists that were not seen.

    Routes of gateway endpoints are left out: their services are judged by the endpoint's own list of tables.
    """
    candidates: list[tuple[IPv4Network, Route]] = []
    unknown = []
    for route in table.routes:
        if not route.destination.startswith("pl-"):
            candidates += [(network, route) for network in parse([route.destination])]
        elif not route.target.startswith("vpce-"):
            entries = walk.snapshot.prefix_lists.get(route.destination)
            unknown += [route.destination] if entries is None else []
            candidates += [(network, route) for network in parse(entries or [])]
    candidates.sort(key=lambda each: -each[0].prefixlen)
    left, found = list(networks), []
    for network, route in candidates:
        cuts = [split(each, network) for each in left]
        inside = [part for part, _ in cuts if part is not None]
        left = [part for _, rest in cuts for part in rest]
        if inside:
            found.append(Piece(inside, route))
    return found + ([Piece(left, None)] if left else []), unknown


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


def leave(walk: Walk, trail: Trail, subnet: Subnet, place: Place, port: int) -> Hop | None:
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
) -> tuple[Trail, Hop | None]:
    trail, route = Trail(subnet.id), piece.route
    if route is None:
        _no_route(walk, trail, subnet, table, place)
        return trail, None
    kind = route.target.split("-")[0]
    if not route.active or _is_gone(walk, route):
        nat = _usable_nat(walk, subnet.vpc)
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
        return trail, _peering(walk, trail, subnet, table, route, place)
    if kind in ("igw", "nat") and not place.is_public:
        _no_route(walk, trail, subnet, table, place, route)
        return trail, None
    if kind == "igw":
        return trail, _internet_gateway(walk, trail, subnet, table, route)
    if kind == "nat":
        return trail, _nat(walk, trail, subnet, table, route, place, port)
    trail.unseen("route", table.id, f"{route.destination} leads to {route.target}, which is not judged")
    return trail, None


def _is_gone(walk: Walk, route: Route) -> bool:
    nats, peerings = walk.snapshot.nats, walk.snapshot.peerings
    if route.target.startswith("nat-") and nats is not None:
        return all(nat.id != route.target or nat.state == "deleted" for nat in nats)
    if route.target.startswith("pcx-") and peerings is not None:
        return all(each.id != route.target or each.status == "deleted" for each in peerings)
    return False


def _usable_nat(walk: Walk, vpc: str) -> str | None:
    nats = walk.snapshot.nats or []
    return next((nat.id for nat in nats if nat.vpc == vpc and nat.state == "available" and nat.kind == "public"), None)


def _no_route(walk: Walk, trail: Trail, subnet: Subnet, table: Table, place: Place, only: Route | None = None) -> None:
    where = f"{only.destination} leads to {only.target}, which does not lead there" if only else "no route leads there"
    if place.is_public:
        fix = remedy.route_to_nat(table.id, _usable_nat(walk, subnet.vpc))
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
            remedy.express_network(place.groups[0] if place.groups else None),
        )
    elif place.vpc and peering is None:
        trail.blocks(
            "route",
            table.id,
            f"{where}: {subnet.vpc} and {place.vpc} are not connected",
            "DISCONNECTED_VPCS",
            f"{subnet.vpc} {place.vpc}",
            remedy.accept_peering("", "none"),
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


def _internet_gateway(walk: Walk, trail: Trail, subnet: Subnet, table: Table, route: Route) -> Hop | None:
    if not _internet_allowed(walk, trail, subnet.vpc):
        return None
    if walk.source.public_ip is None:
        trail.unseen(
            "route", table.id, f"leads to {route.target}; whether the source has a public address was not seen"
        )
        return None
    if not walk.source.public_ip:
        trail.blocks(
            "route",
            table.id,
            f"{route.destination} leads to {route.target}, but the source has no public address",
            "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
            f"{route.destination} {route.target}",
            remedy.public_address(table.id, _usable_nat(walk, subnet.vpc)),
        )
        return None
    trail.ok("route", table.id, f"{route.destination} leads to {route.target}, and the source has a public address")
    return Hop("internet", route.target)


def _internet_allowed(walk: Walk, trail: Trail, vpc_id: str) -> bool:
    vpc = walk.vpc(vpc_id)
    if vpc is not None and vpc.public_access_block != "off":
        trail.unseen(
            "route",
            vpc.id,
            f"VPC Block Public Access is {vpc.public_access_block}; its exclusions are not judged",
            "VPC_BLOCK_PUBLIC_ACCESS_ENABLED",
        )
        return False
    return True


def _nat(walk: Walk, trail: Trail, subnet: Subnet, table: Table, route: Route, place: Place, port: int) -> Hop | None:
    if not _internet_allowed(walk, trail, subnet.vpc):
        return None
    nat = next((each for each in walk.snapshot.nats or [] if each.id == route.target), None)
    if nat is None:
        trail.unseen("route", table.id, f"leads to {route.target}, which was not seen")
        return None
    if nat.state != "available":
        trail.blocks(
            "nat gateway",
            nat.id,
            f"its state is {nat.state}",
            "BAD_STATE",
            f"state {nat.state}",
            (f"aws ec2 describe-nat-gateways --nat-gateway-ids {nat.id}", None),
        )
        return None
    if nat.kind != "public":
        trail.blocks(
            "nat gateway",
            nat.id,
            "is private: it leads to no public address",
            "NO_ROUTE_TO_DESTINATION",
            "connectivity type private",
            remedy.replace_route(table.id, route.destination, _usable_nat(walk, subnet.vpc)),
        )
        return None
    trail.ok("route", table.id, f"{route.destination} leads to {nat.id}")
    _through_nat(walk, trail, subnet, nat, place, port)
    return Hop("nat", nat.id)


def _through_nat(walk: Walk, trail: Trail, subnet: Subnet, nat: Nat, place: Place, port: int) -> None:
    """The NAT gateway stands in a subnet of its own, with its own table and its own ACL, both ways."""
    home = walk.subnet(nat.subnet)
    table = (
        walk.table(home) if home else next((each for each in walk.snapshot.tables or [] if each.id == nat.table), None)
    )
    if table is None:
        trail.unseen("nat gateway", nat.id, "the route table of its subnet was not seen")
    else:
        found, _ = pieces(walk, table, place.networks)
        out = [
            piece.route
            for piece in found
            if piece.route and piece.route.active and piece.route.target.startswith("igw-")
        ]
        if not out:
            trail.blocks(
                "nat gateway",
                table.id,
                f"the table of {nat.id} has no route to an internet gateway",
                "NO_ROUTE_TO_DESTINATION",
                "0.0.0.0/0",
                remedy.route_to_internet(table.id),
            )
        else:
            trail.ok("nat gateway", nat.id, f"is available, its subnet leads to {out[0].target}")
    if home is None or home.id == subnet.id:
        return
    here = parse([walk.source.address or subnet.cidr])
    hop, there = "nat gateway", "public addresses" if place.networks == PUBLIC else str(place.networks[0])
    acls.cross(walk, trail, home, acls.Crossing(hop, False, (port, port), here, subnet.cidr))
    acls.cross(walk, trail, home, acls.Crossing(hop, True, (port, port), place.networks, there))
    acls.cross(walk, trail, home, acls.Crossing(hop, False, acls.NAT, place.networks, there))
    acls.cross(walk, trail, home, acls.Crossing(hop, True, acls.LINUX, here, subnet.cidr))


def _peering(walk: Walk, trail: Trail, subnet: Subnet, table: Table, route: Route, place: Place) -> Hop | None:
    peering = walk.peering(route.target)
    if peering is None:
        trail.unseen("route", table.id, f"leads to {route.target}, which was not seen")
        return None
    if peering.status != "active":
        trail.blocks(
            "peering",
            peering.id,
            f"its status is {peering.status}",
            "BAD_STATE",
            f"status {peering.status}",
            remedy.accept_peering(peering.id, peering.status),
        )
        return None
    sides = {peering.requester.vpc, peering.accepter.vpc}
    if place.vpc is None:
        trail.unseen("route", table.id, f"leads to {peering.id}; the interface behind it was not seen")
        return None
    if place.vpc not in sides:
        trail.blocks(
            "peering",
            peering.id,
            f"connects {' and '.join(sorted(sides))}, and leads no further: not to {place.vpc}",
            "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR",
            f"{route.destination} {peering.id}",
            remedy.accept_peering("", "none"),
        )
        return None
    trail.ok("route", table.id, f"{route.destination} leads to {peering.id}")
    return Hop("peering", peering.id)


def back(walk: Walk, trail: Trail, subnet: Subnet, place: Place, peering: str) -> None:
    """Judges the route from the target's subnet back to the source's."""
    home = walk.subnet(place.subnet)
    table = walk.table(home) if home else None
    if table is None:
        trail.unseen("route back", place.name, "the route table of the target's subnet was not seen")
        return
    found, _ = pieces(walk, table, parse([walk.source.address or subnet.cidr]))
    if all(piece.route and piece.route.target == peering and piece.route.active for piece in found):
        trail.ok("route back", table.id, f"{subnet.cidr} leads back by {peering}")
        return
    others = [piece.route.target for piece in found if piece.route]
    strange = [each for each in others if not each.startswith(("pcx-", "igw-", "nat-", "local"))]
    if strange:
        trail.unseen("route back", table.id, f"{subnet.cidr} leads back by {strange[0]}, which is not judged")
        return
    vpc = walk.vpc(subnet.vpc)
    cidr = next(
        (each for each in (vpc.cidrs if vpc else []) if IPv4Network(subnet.cidr).subnet_of(IPv4Network(each))),
        subnet.cidr,
    )
    trail.blocks(
        "route back",
        table.id,
        f"no route leads back to {subnet.cidr}",
        "NO_ROUTE_TO_DESTINATION",
        cidr,
        remedy.route_to_peering(table.id, cidr, peering),
    )
