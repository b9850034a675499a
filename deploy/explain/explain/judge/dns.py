"""Names inside a VPC: its resolver, its two DNS attributes, private zones and Cloud Map."""

from explain import remedy
from explain.judge import places
from explain.judge.walk import Destination, Trail, Walk
from explain.model import Record, Registration, Zone
from explain.names import is_aws, is_inside, literal, plain, serving

OWN_RESOLVER = "AmazonProvidedDNS"


def resolver_answers(walk: Walk, trail: Trail, host: str) -> bool:
    """Judges whether names resolve in the source's VPC at all; returns False where nothing further can be said."""
    vpc = walk.vpc(walk.source_vpc)
    if vpc is None or vpc.dns_support is None or vpc.resolvers is None:
        trail.unseen("dns", walk.source_vpc or host, "the DNS settings of the source's VPC were not seen")
        return True
    others = [each for each in vpc.resolvers if each != OWN_RESOLVER]
    if others or not vpc.resolvers:
        named = ", ".join(others) or "none"
        trail.unseen("dns", vpc.id, f"its DHCP options name other resolvers ({named}), whose answers are not judged")
        return True
    if not vpc.dns_support:
        trail.blocks(
            "dns",
            vpc.id,
            f"enableDnsSupport is off: {host} does not resolve",
            "VPC_DNS_SUPPORT_OFF",
            "enableDnsSupport",
            remedy.dns_attribute(vpc.id, "enableDnsSupport"),
        )
    return True


def follow(walk: Walk, trail: Trail, host: str) -> str | None:
    """Follows CNAMEs and aliases of the account's own zones, as far as the source's VPC sees them."""
    name, hops = host, 0
    while literal(name) is None and not is_aws(name) and hops < 4:
        record = _leading(walk, name)
        if record is None:
            return name
        trail.ok("dns", name, f"leads to {plain(record.values[0])}")
        name, hops = plain(record.values[0]), hops + 1
    return name


def _leading(walk: Walk, name: str) -> Record | None:
    for zone in _visible(walk, name):
        for record in zone.records or []:
            if record.name == name and record.kind in ("CNAME", "ALIAS"):
                return record
        return None
    return None


def _visible(walk: Walk, name: str) -> list[Zone]:
    """Returns the zones that answer the source's VPC: public ones, and private ones that are associated."""
    vpc = walk.source_vpc
    return [zone for zone in serving(walk.snapshot, name, vpc) if not zone.private or vpc in (zone.vpcs or [])]


def zone(walk: Walk, trail: Trail, host: str, port: int) -> Destination | None:
    """Judges a name that is not AWS's."""
    if walk.snapshot.zones is None:
        trail.unseen("dns", host, "the hosted zones and namespaces were not seen")
        return None
    if walk.source.in_vpc and walk.source_vpc is None:
        trail.unseen("dns", host, "the VPC that asks was not seen, so neither were the zones that answer it")
        return None
    zones = serving(walk.snapshot, host, walk.source_vpc)
    visible = _visible(walk, host)
    if visible and visible[0].private and _private_names_work(walk, trail, host):
        return _registered(walk, trail, visible[0], host, port)
    if visible and not visible[0].private:
        return _recorded(walk, trail, visible[0], host, port)
    if visible:
        return _registered(walk, trail, visible[0], host, port)
    hidden = [zone for zone in zones if zone.private and (zone.cloud_map or zone.records)]
    if not hidden and is_inside(host):
        trail.unseen("dns", host, "is in no zone of this account, and no public name: where it leads is not known")
        return None
    if not hidden:
        trail.ok("dns", host, "is in no zone of this account: taken for a public name")
        return places.public(host, port)
    return _hidden(walk, trail, hidden[0], host, port)


def _hidden(walk: Walk, trail: Trail, hidden: Zone, host: str, port: int) -> Destination | None:
    """The name is in a private zone that the source's VPC does not see."""
    if hidden.vpcs is None:
        trail.unseen("dns", hidden.id, f"the VPCs that the zone {hidden.name} serves were not seen")
        return None
    if not walk.source.in_vpc:
        trail.ok("dns", hidden.id, f"{host} is in the private zone {hidden.name}")
        return Destination(host, port, [])
    vpc = walk.source_vpc or "VPC"
    trail.blocks(
        "dns",
        hidden.id,
        f"the private zone {hidden.name} does not serve {vpc}: {host} does not exist there",
        "ZONE_NOT_ASSOCIATED",
        vpc,
        remedy.associate_zone(hidden.id, vpc, walk.snapshot.region),
    )
    return None if hidden.cloud_map and not hidden.registrations else _registered(walk, trail, hidden, host, port)


def _private_names_work(walk: Walk, trail: Trail, host: str) -> bool:
    """Private zones need both attributes of the VPC."""
    vpc = walk.vpc(walk.source_vpc)
    if vpc is None or vpc.dns_hostnames is None:
        trail.unseen("dns", walk.source_vpc or host, "enableDnsHostnames of the source's VPC was not seen")
    elif not vpc.dns_hostnames:
        trail.blocks(
            "dns",
            vpc.id,
            f"enableDnsHostnames is off: private zones do not answer, {host} does not resolve",
            "VPC_DNS_HOSTNAMES_OFF",
            "enableDnsHostnames",
            remedy.dns_attribute(vpc.id, "enableDnsHostnames"),
        )
    return True


def _registered(walk: Walk, trail: Trail, zone: Zone, host: str, port: int) -> Destination | None:
    if not zone.cloud_map:
        return _recorded(walk, trail, zone, host, port)
    if zone.services is None or (zone.service and zone.registrations is None):
        trail.unseen("target", host, f"the services of the namespace {zone.name} were not seen")
        return None
    if zone.service is None:
        known = ", ".join(zone.services) or "none"
        trail.blocks(
            "target",
            host,
            f"the namespace {zone.name} has no such service (it has: {known})",
            "NAME_NOT_REGISTERED",
            host,
            remedy.register(),
        )
        return None
    registrations = zone.registrations or []
    if not registrations:
        trail.blocks(
            "target",
            host,
            f"the service {zone.service} has no instance: no task is registered",
            "NO_INSTANCE",
            "no instance",
            remedy.unhealthy_instances(zone.service_id),
        )
        return None
    return _healthy(walk, trail, zone, host, port, registrations)


def _healthy(
    walk: Walk, trail: Trail, zone: Zone, host: str, port: int, registrations: list[Registration]
) -> Destination | None:
    healthy = [each for each in registrations if each.health in (None, "HEALTHY", "UNKNOWN")]
    if not healthy:
        # Route 53 may then answer with all of them, and none works.
        trail.blocks(
            "target",
            host,
            f"none of the {len(registrations)} instances of {zone.service} is healthy",
            "NO_HEALTHY_INSTANCE",
            "no healthy instance",
            remedy.unhealthy_instances(zone.service_id),
        )
        return None
    addresses = [(each.id, each.address) for each in healthy if each.address]
    if not addresses:
        trail.unseen("target", host, "its instances have no IPv4 address")
        return None
    return places.at(walk, trail, host, addresses, port, zone.service_id or "SERVICE")


def _recorded(walk: Walk, trail: Trail, zone: Zone, host: str, port: int) -> Destination | None:
    if zone.records is None:
        trail.unseen("dns", zone.id, f"the records of the zone {zone.name} were not seen")
        return None
    addresses = [(zone.id, value) for record in zone.records if record.kind == "A" for value in record.values]
    if addresses:
        return places.at(walk, trail, host, addresses, port)
    if zone.records:
        kinds = ", ".join(sorted({record.kind for record in zone.records}))
        trail.unseen("dns", zone.id, f"{host} has only records of the kind {kinds}, which are not judged")
        return None
    trail.blocks(
        "dns",
        zone.id,
        f"the zone {zone.name} has no record {host}",
        "NAME_NOT_REGISTERED",
        host,
        remedy.record(zone.id),
    )
    return None
