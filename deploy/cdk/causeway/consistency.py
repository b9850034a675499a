"""Checks what no single setting shows. Each error names one setting and says what to write instead."""

from typing import TYPE_CHECKING

from causeway.kinds import SettingError
from causeway.table import FrontDoor

if TYPE_CHECKING:
    from causeway.settings import Settings

NETWORK = ("vpc_id", "availability_zones", "public_subnet_ids", "private_subnet_ids", "private_route_table_ids")
DATABASE = ("database_cluster_id", "database_security_group_id", "database_secret_arn")
RANGES = (
    ("front_door_min_instances", "front_door_max_instances"),
    ("private_service_min_tasks", "private_service_max_tasks"),
    ("database_min_acu", "database_max_acu"),
)
NEW_NETWORK_ONLY = (("nat", 0), ("zone_ids", None), ("xray_endpoint", False))
"""Settings of a VPC that is made, and their values in one that is there."""


def check(settings: "Settings") -> None:
    """Raises `SettingError` for the first settings that do not fit together."""
    _ranges(settings)
    for names in (("hosted_zone_id", "hosted_zone_name"), NETWORK, DATABASE):
        _all_or_none(settings, names)
    _existing(settings)
    if settings.domain is None:
        _no_domain(settings)
    else:
        _domain(settings, settings.domain)


def _ranges(settings: "Settings") -> None:
    for low, high in RANGES:
        if getattr(settings, low) > getattr(settings, high):
            raise SettingError(f"{_shown(settings, low)} is above {_shown(settings, high)}: lower it, or raise {high}")


def _all_or_none(settings: "Settings", names: tuple[str, ...]) -> None:
    missing = [name for name in names if getattr(settings, name) is None]
    if missing and len(missing) < len(names):
        given = next(name for name in names if name not in missing)
        raise SettingError(f"{_shown(settings, given)}: set {' and '.join(missing)} as well, or none of them")


def _existing(settings: "Settings") -> None:
    if settings.vpc_id is not None:
        for name, unset in NEW_NETWORK_ONLY:
            if getattr(settings, name) != unset:
                raise SettingError(f"{_shown(settings, name)}: only for a new VPC; leave it out with vpc_id")
    if settings.is_dsql and settings.vpc_id is not None:
        raise SettingError(
            f"{_shown(settings, 'database')}: only for a new VPC, which gets an endpoint; leave it out with vpc_id"
        )
    if settings.uses_tokens and settings.database_cluster_id is not None:
        raise SettingError(
            f"{_shown(settings, 'database_auth')}: only for a new cluster; an existing one would have to be changed:"
            " it needs IAM authentication and rds_iam for the user; leave database_auth out"
        )
    for name in ("cluster_name", "database_cluster_id"):
        if settings.vpc_id is None and getattr(settings, name) is not None:
            raise SettingError(f"{_shown(settings, name)}: set vpc_id and the other settings of its network")


def _no_domain(settings: "Settings") -> None:
    for name in ("hosted_zone_id", "certificate_arn"):
        if getattr(settings, name) is not None:
            raise SettingError(f"{_shown(settings, name)}: set domain to the name that it is for")
    if FrontDoor.BALANCER in settings.front_door and settings.stage.keeps_data:
        raise SettingError("front_door=balancer: a stage like prod needs HTTPS; set domain and its zone")


def _domain(settings: "Settings", domain: str) -> None:
    if settings.front_door not in ((FrontDoor.BALANCER,), (FrontDoor.EXPRESS,)):
        raise SettingError(
            f"domain={domain}: only front_door=express or front_door=balancer, alone, has a domain;"
            " docs/deploy.md, A domain, has the manual steps for the others"
        )
    if settings.hosted_zone_id is None and settings.certificate_arn is None:
        raise SettingError(
            f"domain={domain}: set hosted_zone_id and hosted_zone_name, where its records go,"
            " or certificate_arn if they are made elsewhere"
        )
    zone = settings.hosted_zone_name
    if zone is not None and domain != zone and not domain.endswith(f".{zone}"):
        raise SettingError(f"domain={domain}: it is not in the zone hosted_zone_name={zone}")


def _shown(settings: "Settings", name: str) -> str:
    return f"{name}={getattr(settings, name)}"
