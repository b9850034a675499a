"""Targets by their addresses."""

from ipaddress import IPv4Network

from explain import remedy
from explain.judge.walk import Destination, Place, Trail, Walk
from explain.sets import PUBLIC, parse


def public(name: str, port: int) -> Destination:
    """Returns a target whose public address is not known here."""
    return Destination(name, port, [Place(name, PUBLIC)])


def inside(
    walk: Walk,
    trail: Trail,
    name: str,
    subnets: list[str],
    groups: list[str] | None,
    port: int,
    endpoint: str | None = None,
) -> Destination | None:
    """Returns the target that has an interface in each of these subnets."""
    found = [
        Place(name, parse([subnet.cidr]), subnet.vpc, subnet.id, groups)
        for id in subnets
        if (subnet := walk.subnet(id))
    ]
    if not found:
        trail.unseen("target", name, "its subnets were not seen")
        return None
    return Destination(name, port, found, endpoint=endpoint)


def at(
    walk: Walk, trail: Trail, name: str, addresses: list[tuple[str, str]], port: int, service: str | None = None
) -> Destination | None:
    """Returns the target at known addresses; an address of an own VPC without an interface is a finding.

    With a Cloud Map service, that is a stale record.
    """
    places, interfaces = [], walk.snapshot.interfaces
    for id, address in addresses:
        network = IPv4Network(address)
        if network.is_global:
            places.append(Place(address, [network]))
            continue
        if interfaces is None:
            trail.unseen("target", address, "the interface with this address was not seen")
            continue
        found = [each for each in interfaces if each.address == address]
        found.sort(key=lambda each: each.vpc != walk.source_vpc)
        if found:
            interface = found[0]
            places.append(Place(address, [network], interface.vpc, interface.subnet, interface.groups))
            trail.ok("target", address, f"is {interface.id} in {interface.subnet}")
        elif _is_own(walk, network) and service is not None:
            trail.blocks(
                "target",
                name,
                f"its record names {address}, an address that no interface has: the record is stale",
                "STALE_RECORD",
                f"{id} {address}",
                remedy.stale(service, id),
            )
        elif _is_own(walk, network):
            trail.blocks(
                "target", address, "no interface in the VPC has this address", "NO_SOURCE_OR_DESTINATION", address
            )
        else:
            places.append(Place(address, [network], groups=None))
    return Destination(name, port, places) if places else None


def _is_own(walk: Walk, network: IPv4Network) -> bool:
    """Whether all interfaces of the VPC that has this address would be seen: those of a shared VPC are not."""
    vpc = walk.vpc(walk.source_vpc)
    if vpc is None or vpc.owner != (walk.snapshot.account or vpc.owner):
        return False
    return any(network.subnet_of(each) for each in parse(vpc.cidrs))
