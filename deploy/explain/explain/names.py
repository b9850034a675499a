"""What a name means in AWS, from its form and from the zones that were read. Pure: gathering and judging share it."""

import re
from ipaddress import AddressValueError, IPv4Address

from explain.model import Snapshot, Zone

_ALIASES = ("dualstack.",)


def literal(host: str) -> IPv4Address | None:
    """Returns the address if `host` is one."""
    try:
        return IPv4Address(host)
    except AddressValueError:
        return None


def is_aws(host: str) -> bool:
    """Returns whether AWS itself serves the name."""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def is_database(host: str) -> bool:
    """Returns whether it is the name of a cluster, an instance or a proxy of RDS."""
    return bool(re.search(r"\.[a-z0-9-]+\.rds\.amazonaws\.com(\.cn)?$", host))


def is_balancer(host: str) -> bool:
    """Returns whether it is the name of a load balancer."""
    return bool(re.search(r"\.elb(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?$", host))


def region_of(host: str) -> str | None:
    """Returns the region in the name of an AWS service."""
    found = re.search(r"\b([a-z]{2}(?:-[a-z]+)+-\d)\b", host) if is_aws(host) else None
    return found[1] if found else None


_REGION = r"[a-z]{2}(?:-[a-z]+)+-\d"
_API = re.compile(
    rf"(?:[a-z0-9-]+|(?:.+\.)?s3|(?:api|\d{{12}}\.dkr)\.ecr|[a-z0-9]+\.execute-api)(?:\.dualstack)?(?:\.{_REGION})?"
    r"\.amazonaws\.com(?:\.cn)?"
)
_OTHER_NAMES = {"kinesis": "kinesis-streams"}
"""Services whose endpoint is called otherwise than their API."""


def is_api(host: str) -> bool:
    """Returns whether it is the name of an API, which has public addresses; `fs-1.efs.REGION` is a thing in a VPC."""
    return _API.fullmatch(host) is not None


def endpoint_services(host: str, region: str) -> set[str]:
    """Returns what the endpoint service for an AWS name may be called: `com.amazonaws.REGION.ecr.api`."""
    suffix = f".{region}.amazonaws.com"
    if host == "s3.amazonaws.com" or host.endswith(".s3.amazonaws.com"):
        labels = ["s3"]
    elif host.endswith(suffix):
        labels = [label for label in host.removesuffix(suffix).split(".") if label != "dualstack"]
    else:
        return set()
    last = _OTHER_NAMES.get(labels[-1], labels[-1])
    return {f"com.amazonaws.{region}.{name}" for name in (last, ".".join(reversed(labels[-2:])))}


def is_inside(host: str) -> bool:
    """Returns whether the name is known only inside a VPC: `ip-10-0-0-1.REGION.compute.internal`."""
    return "." not in host or host.endswith((".internal", ".local", ".localhost", ".lan", ".corp", ".home"))


def endpoint_id(host: str) -> str | None:
    """Returns the endpoint whose own name it is: `vpce-0a…-x.secretsmanager.REGION.vpce.amazonaws.com`."""
    found = re.match(r"(?:\*\.|bucket\.)?(vpce-[0-9a-z]+)-[0-9a-z-]+\..+\.vpce\.amazonaws\.com$", host)
    return found[1] if found else None


def within(host: str, zone: str) -> bool:
    """Returns whether `zone` can hold `host`."""
    return host == zone or host.endswith(f".{zone}")


def serving(snapshot: Snapshot, host: str, vpc: str | None) -> list[Zone]:
    """Returns the zones that can hold `host`, those first that the VPC asks first."""
    found = [zone for zone in snapshot.zones or [] if within(host, zone.name)]
    return sorted(found, key=lambda zone: (not zone.private, vpc not in (zone.vpcs or []), -len(zone.name)))


def next_name(snapshot: Snapshot, host: str) -> str | None:
    """Returns the name or address that a CNAME or alias of any zone leads to."""
    for zone in snapshot.zones or []:
        for record in zone.records or []:
            if record.name == host and record.kind in ("CNAME", "ALIAS"):
                return plain(record.values[0])
    return None


def plain(name: str) -> str:
    """Returns a name as it is compared: lower case, without the final dot, and without an alias's prefix."""
    name = name.rstrip(".").lower().replace("\\052", "*")
    for prefix in _ALIASES:
        name = name.removeprefix(prefix)
    return name
