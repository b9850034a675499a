"""AWS's own services: by interface endpoint with private DNS, by S3's gateway endpoint, or by public addresses."""

from explain import remedy
from explain.judge import places
from explain.judge.dns import OWN_RESOLVER
from explain.judge.walk import Destination, Instead, Place, Trail, Walk
from explain.model import Endpoint
from explain.names import endpoint_id, endpoint_services, is_api, serving
from explain.sets import PUBLIC


def judge(walk: Walk, trail: Trail, host: str, port: int) -> Destination | None:
    """Returns where the name of an AWS service leads from the source's VPC."""
    public = Destination(host, port, [Place(host, PUBLIC)])
    if not walk.source.in_vpc:
        return public
    if walk.snapshot.endpoints is None:
        trail.unseen("dns", host, "the VPC endpoints were not seen, so neither was where this name leads")
        return None
    endpoints = [each for each in walk.snapshot.endpoints if each.vpc == walk.source_vpc]
    if id := endpoint_id(host):
        return _by_id(walk, trail, endpoints, id, port)
    services = endpoint_services(host, walk.snapshot.region)
    fitting = [each for each in endpoints if each.service in services]
    interfaces = [each for each in fitting if each.kind == "Interface"]
    private = [each for each in interfaces if each.private_dns and not each.inbound_resolver_only]
    gateways = [each.id for each in fitting if each.kind == "Gateway" and each.state == "available"]
    if private and (attributes := _attributes(walk)):
        return _interface(walk, trail, private[0], host, port) if attributes == "on" else _off(walk, public, private[0])
    if private:
        trail.unseen("dns", private[0].id, "whether its private DNS answers depends on settings that were not seen")
        return None
    if not _is_public_api(walk, trail, host):
        return None
    public.gateways = gateways
    if interfaces and not gateways:
        public.instead = Instead(
            interfaces[0].id,
            "VPCE_PRIVATE_DNS_OFF",
            f"its private DNS is off: {host} leads to public addresses, to which there is no way",
        )
    trail.ok(
        "dns", host, "leads to public addresses, by a gateway endpoint" if gateways else "leads to public addresses"
    )
    return public


def _is_public_api(walk: Walk, trail: Trail, host: str) -> bool:
    """Returns whether the name is an API's, with public addresses, and no private zone of the VPC takes it over."""
    if not is_api(host):
        trail.unseen("dns", host, "a name of AWS whose address is not known here")
        return False
    if walk.snapshot.zones is None:
        trail.unseen("dns", host, "the private zones of the VPC were not seen: one of them may have this name")
        return False
    taken = [zone for zone in serving(walk.snapshot, host, walk.source_vpc) if walk.source_vpc in (zone.vpcs or [])]
    if taken:
        trail.unseen(
            "dns", taken[0].id, f"a private zone, {taken[0].name}, has this name; where it leads is not judged"
        )
        return False
    return True


def instead_remedy(instead: Instead) -> tuple[str | None, str | None]:
    """Returns what fixes a finding that stands for a missing public way."""
    if instead.code == "VPC_DNS_HOSTNAMES_OFF":
        return remedy.dns_attribute(instead.resource, "enableDnsHostnames")
    return remedy.private_dns(instead.resource)


def _attributes(walk: Walk) -> str | None:
    """Returns whether private DNS works in the VPC: on, off, or None where that was not seen."""
    vpc = walk.vpc(walk.source_vpc)
    if vpc is None or vpc.dns_support is None or vpc.dns_hostnames is None or vpc.resolvers != [OWN_RESOLVER]:
        return None
    return "on" if vpc.dns_hostnames else "off"


def _off(walk: Walk, public: Destination, endpoint: Endpoint) -> Destination:
    public.instead = Instead(
        endpoint.vpc,
        "VPC_DNS_HOSTNAMES_OFF",
        f"enableDnsHostnames is off: the private DNS of {endpoint.id} does not answer,"
        " and there is no way to the public addresses",
    )
    return public


def _by_id(walk: Walk, trail: Trail, endpoints: list[Endpoint], id: str, port: int) -> Destination | None:
    found = next((each for each in endpoints if each.id == id), None)
    if found is None:
        trail.unseen("target", id, "no endpoint of this id was seen in the source's VPC")
        return None
    return _interface(walk, trail, found, id, port)


def _interface(walk: Walk, trail: Trail, endpoint: Endpoint, host: str, port: int) -> Destination | None:
    if endpoint.state != "available":
        trail.blocks(
            "target",
            endpoint.id,
            f"the endpoint's state is {endpoint.state}",
            "BAD_STATE",
            f"state {endpoint.state}",
            (f"aws ec2 describe-vpc-endpoints --vpc-endpoint-ids {endpoint.id}", None),
        )
        return None
    trail.ok("dns", host, f"leads to the interfaces of {endpoint.id}")
    return places.inside(walk, trail, endpoint.id, endpoint.subnets, endpoint.groups, port, endpoint=endpoint.id)
