"""What the target is, whether it exists and runs, and where packets to it arrive."""

import re

from explain import remedy
from explain.judge import dns, places, services
from explain.judge.walk import Destination, Place, Trail, Walk
from explain.model import Balancer, Database, Member
from explain.names import is_aws, is_balancer, is_database, literal, region_of
from explain.sets import parse

UNUSABLE = {
    "stopped",
    "stopping",
    "starting",
    "creating",
    "deleting",
    "failed",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
    "storage-full",
    "restore-error",
    "suspended",
    "insufficient-resource-limits",
    "migration-failed",
    "deleted",
}
"""States of RDS in which nothing takes connections. A paused cluster is `available`: it wakes up when it is called."""


_LABEL = re.compile(
    r"[^.]+\.(?:cluster-|cluster-ro-|cluster-custom-|proxy-)?([a-z0-9]+)\.[a-z0-9-]+\.rds\.amazonaws\.com"
)
"""Not `x.endpoint.proxy-…`: the further endpoints of a proxy are not read."""


def judge(walk: Walk, trail: Trail) -> Destination | None:
    """Judges the target and its name; returns where it is, or None where that is not known."""
    asked = walk.snapshot.asked
    host = asked.host
    if literal(host) is None and walk.source.in_vpc and not dns.resolver_answers(walk, trail, host):
        return None
    name = dns.follow(walk, trail, host)
    if name is None:
        return None
    if (address := literal(name)) is not None:
        return places.at(walk, trail, host, [(name, f"{address}")], asked.port)
    if is_database(name):
        return _database(walk, trail, name, asked.port)
    if is_balancer(name):
        return _balancer(walk, trail, name, asked.port)
    if is_aws(name):
        return services.judge(walk, trail, name, asked.port)
    return dns.zone(walk, trail, name, asked.port)


def _database(walk: Walk, trail: Trail, host: str, port: int) -> Destination | None:
    databases = walk.snapshot.databases
    if databases is None:
        trail.unseen("target", host, "the databases were not seen")
        return None
    found = next((each for each in databases if host in each.names), None)
    if found is None:
        _no_such_database(walk, trail, host, databases)
        return None
    if not _runs(trail, found, host):
        return None
    if found.port and port != found.port:
        trail.blocks(
            "target",
            found.id,
            f"listens on port {found.port}, not {port}",
            "TARGET_PORT_RESTRICTION",
            f"port {found.port}",
            remedy.port(found.port),
        )
        port = found.port
    if found.subnets is None:
        trail.unseen("target", found.id, "its subnets were not seen")
        return None
    candidates, uncertain = _places(walk, found, host)
    if any(place.subnet and walk.subnet(place.subnet) is None for place in candidates):
        trail.unseen("target", found.id, "its subnets were not seen")
        return None
    return Destination(found.id, port, candidates, uncertain)


def _no_such_database(walk: Walk, trail: Trail, host: str, databases: list[Database]) -> None:
    """The label before the region is the same for all databases of one account and region."""
    own = {match[1] for each in databases for name in each.names if (match := _LABEL.fullmatch(name))}
    ours = _LABEL.fullmatch(host)
    if region_of(host) == walk.snapshot.region and ours and ours[1] in own:
        trail.blocks(
            "target",
            host,
            "no cluster, instance or proxy has this name: it was deleted or renamed",
            "NO_SOURCE_OR_DESTINATION",
            host,
            ("aws rds describe-db-clusters --query 'DBClusters[].Endpoint'", None),
        )
    else:
        trail.unseen(
            "target", host, "no database of this account and region has this name: deleted, or another account's"
        )


def _runs(trail: Trail, found: Database, host: str) -> bool:
    if found.state in UNUSABLE or found.state.startswith("incompatible"):
        trail.blocks(
            "target",
            found.id,
            f"its status is {found.state}",
            "TARGET_NOT_AVAILABLE",
            f"status {found.state}",
            remedy.database(found),
        )
        return False
    if found.members is None:
        trail.ok("target", found.id, f"is {found.state} on port {found.port}")
        return True
    members = _members(found, host)
    if not members:
        trail.blocks(
            "target",
            found.id,
            "the cluster has no instance for this endpoint",
            "NO_INSTANCE",
            "no instance",
            remedy.add_instance(found),
        )
        return False
    down = [each for each in members if each.state in UNUSABLE]
    if len(down) == len(members):
        trail.blocks(
            "target",
            down[0].id,
            f"the instance's status is {down[0].state}",
            "TARGET_NOT_AVAILABLE",
            f"status {down[0].state}",
            remedy.database(found),
        )
        return False
    trail.ok("target", found.id, f"is {found.state} on port {found.port}, {members[0].id} serves this endpoint")
    return True


def _members(found: Database, host: str) -> list[Member]:
    members, role = found.members or [], found.names[host]
    if role == "any":
        return members
    wanted = [each for each in members if each.writer == (role == "writer")]
    # Without a reader, the reader endpoint leads to the writer.
    return wanted or (members if role == "reader" else [])


def _places(walk: Walk, found: Database, host: str) -> tuple[list[Place], bool]:
    """The zone of an instance and the subnet group give its subnet; without a zone it may be in any of them."""
    zones = {each.zone for each in _members(found, host)} if found.members is not None else {found.zone}
    subnets = [walk.subnet(id) for id in found.subnets or []]
    inside = [each for each in subnets if each is not None and (None in zones or each.zone in zones)] or subnets
    candidates = [
        Place(found.id, parse([subnet.cidr]), subnet.vpc, subnet.id, found.groups)
        if subnet
        else Place(found.id, [], "", "?")
        for subnet in inside
    ]
    return candidates, len(candidates) > len(zones - {None})


def _balancer(walk: Walk, trail: Trail, host: str, port: int) -> Destination | None:
    if not walk.snapshot.balancers:
        trail.unseen("target", host, "no load balancer of this name was seen in this account and region")
        return None
    balancer = walk.snapshot.balancers[0]
    if balancer.state not in ("active", "active_impaired"):
        trail.blocks("target", balancer.name, f"its state is {balancer.state}", "BAD_STATE", f"state {balancer.state}")
        return None
    if balancer.ports is not None and port not in balancer.ports:
        trail.blocks(
            "target",
            balancer.name,
            f"has no listener on port {port}, only on {balancer.ports}",
            "TARGET_PORT_RESTRICTION",
            f"port {port}",
            remedy.port(balancer.ports[0] if balancer.ports else port),
        )
        return None
    _health(trail, balancer)
    if not balancer.internal:
        return places.public(host, port)
    return places.inside(walk, trail, balancer.name, balancer.subnets, balancer.groups, port)


def _health(trail: Trail, balancer: Balancer) -> None:
    if balancer.targets is None or balancer.ports is None:
        trail.unseen("target", balancer.name, "its listeners or the health of its targets were not seen")
        return
    states = sorted(set(balancer.targets.values()))
    if not states:
        fix = remedy.unhealthy_targets(balancer.id)
        trail.blocks("target", balancer.name, "has no target", "NO_INSTANCE", "no target", fix)
    elif "healthy" in states:
        trail.ok("target", balancer.name, "has a healthy target")
    elif set(states) & {"initial", "unavailable", "unused"}:
        trail.unseen("target", balancer.name, f"the health of its targets is {', '.join(states)}")
    else:
        trail.blocks(
            "target",
            balancer.name,
            f"none of its targets is healthy: {', '.join(states)}",
            "NO_HEALTHY_INSTANCE",
            "no healthy target",
            remedy.unhealthy_targets(balancer.id),
        )
