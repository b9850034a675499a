"""What is behind the name that is asked for. The own resolver is no evidence: it stands outside the VPC."""

from ipaddress import IPv4Address
from typing import Any

from explain.aws import Aws
from explain.gather import databases, network, shapes, zones
from explain.gather.balancers import read as read_balancers
from explain.model import Snapshot
from explain.names import is_aws, is_balancer, is_database, literal, next_name

HOPS = 4
"""How many names a name may lead through."""


def find(aws: Aws, snapshot: Snapshot, source_vpcs: set[str]) -> set[str]:
    """Reads the target; returns the VPCs in which it stands, as far as it has one."""
    vpcs: set[str] = set()
    addresses: list[str] = []
    host: str | None = snapshot.asked.host
    for _ in range(HOPS):
        if host is None:
            break
        if address := literal(host):
            addresses.append(str(address))
        elif is_database(host):
            vpcs |= databases.read(aws, snapshot, host)
        elif is_balancer(host):
            vpcs |= read_balancers(aws, snapshot, host)
        elif is_aws(host):
            zones.read_associated(aws, snapshot, host, source_vpcs)
        else:
            zones.read(aws, snapshot, host)
            zones.read_associated(aws, snapshot, host, source_vpcs)
        host = next_name(snapshot, host)
    addresses += _registered(snapshot)
    return vpcs | _interfaces(aws, snapshot, addresses, source_vpcs)


def _registered(snapshot: Snapshot) -> list[str]:
    """Returns all addresses that a zone gives for the name."""
    found = []
    for zone in snapshot.zones or []:
        found += [each.address for each in zone.registrations or [] if each.address]
        found += [value for record in zone.records or [] if record.kind == "A" for value in record.values]
    return found


def _interfaces(aws: Aws, snapshot: Snapshot, addresses: list[str], source_vpcs: set[str]) -> set[str]:
    private = sorted({address for address in addresses if not IPv4Address(address).is_global})[:200]
    if not private:
        return set()
    found = network.interfaces_with(aws, private)
    if found is None:
        return set()
    near = source_vpcs | _peers(snapshot, source_vpcs)
    snapshot.interfaces = [shapes.interface(each) for each in found if _near(each, near)]
    return {interface.vpc for interface in snapshot.interfaces}


def _near(interface: dict[str, Any], vpcs: set[str]) -> bool:
    """The same private address exists in many VPCs; only the own and those that are peered count."""
    return not vpcs or interface["VpcId"] in vpcs


def _peers(snapshot: Snapshot, vpcs: set[str]) -> set[str]:
    return {
        side.vpc
        for peering in snapshot.peerings or []
        for side, other in ((peering.requester, peering.accepter), (peering.accepter, peering.requester))
        if other.vpc in vpcs
    }
