"""Where routes lead: internet gateways, NAT gateways, peering connections, and the way back."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from explain import remedy
from explain.judge import acls
from explain.judge.table import pieces
from explain.judge.walk import Place, Trail, Walk
from explain.model import Nat, Route, Subnet, Table
from explain.sets import PUBLIC, parse


@dataclass
class Hop:
    """Where a route leads: internet, nat or peering; `target` is its id."""

    kind: str
    target: str


def usable_nat(walk: Walk, vpc: str) -> str | None:
    nats = walk.snapshot.nats or []
    return next((nat.id for nat in nats if nat.vpc == vpc and nat.state == "available" and nat.kind == "public"), None)


def internet_gateway(walk: Walk, trail: Trail, subnet: Subnet, table: Table, route: Route) -> Hop | None:
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
            remedy.public_address(table.id, usable_nat(walk, subnet.vpc)),
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


def nat_gateway(
    walk: Walk, trail: Trail, subnet: Subnet, table: Table, route: Route, place: Place, port: int
) -> Hop | None:
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
            remedy.replace_route(table.id, route.destination, usable_nat(walk, subnet.vpc)),
        )
        return None
    trail.ok("route", table.id, f"{route.destination} leads to {nat.id}")
    _through_nat(walk, trail, subnet, nat, place, port)
    return Hop("nat", nat.id)


def _through_nat(walk: Walk, trail: Trail, subnet: Subnet, nat: Nat, place: Place, port: int) -> None:
    """Judges the NAT gateway's own subnet: its route table, and its ACL in both directions."""
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
                remedy.route_to_internet(table.id, walk.internet_gateway(table.vpc)),
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


def peering_connection(
    walk: Walk, trail: Trail, subnet: Subnet, table: Table, route: Route, place: Place
) -> Hop | None:
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
            remedy.accept_peering(peering),
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
            remedy.peer(subnet.vpc, place.vpc),
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
