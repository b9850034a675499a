"""Every setting of a deployment: one table, read once and checked before anything is synthesised.

This module does not import the CDK, so that `make status` and its neighbours start at once.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from causeway.kinds import FLAG, Kind, SettingError, capacity, choice, integer, pair, text


class FrontDoor(StrEnum):
    """Who runs the public API. All run the same program with the same environment."""

    APP_RUNNER = "app-runner"
    BALANCER = "balancer"
    EXPRESS = "express"


@dataclass(frozen=True)
class Stage:
    """A copy of the system. `like` decides whether it keeps its data or can be removed with one command."""

    name: str
    like: str

    @property
    def keeps_data(self) -> bool:
        return self.like == "prod"

    @property
    def backup_days(self) -> int:
        return 14 if self.keeps_data else 1

    @property
    def log_retention_days(self) -> int:
        return 180 if self.keeps_data else 7


def _front_doors(value: str) -> tuple[FrontDoor, ...]:
    doors = tuple(FrontDoor(name) for name in value.lower().split("+"))
    if len(doors) > 2 or len(set(doors)) < len(doors):
        raise ValueError
    return tuple(sorted(doors))


DOMAIN = text("([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]{2,63}", "a name in lower case")
SUBNETS = pair("subnet-[0-9a-f]+", "subnets")
NETWORK = ("vpc_id", "availability_zones", "public_subnet_ids", "private_subnet_ids", "private_route_table_ids")
DATABASE = ("database_cluster_id", "database_security_group_id", "database_secret_arn")
FRONT_DOORS = Kind("app-runner, express or balancer, or two of them joined by +", _front_doors)
STAGE_NAME = text("[a-z][a-z0-9-]{0,15}", "a letter, then at most 15 of a-z, 0-9 and -")
LIKE = choice("dev", "prod")


@dataclass(frozen=True)
class Setting:
    """One row of the table: `-c name=value`, or `make NAME=value`."""

    name: str
    kind: Kind
    dev: Any
    prod: Any
    meaning: str


TABLE = (
    Setting("front_door", FRONT_DOORS, "express", "express", "who runs the public API"),
    Setting("nat", integer(0, 2), 0, 0, "number of NAT gateways"),
    Setting("catalogue", FLAG, False, False, "books and authors behind an HTTP API"),
    Setting("diaries", FLAG, False, False, "a bucket for the pictures of diaries"),
    Setting("front_door_min_instances", integer(1, 25), 1, 2, "instances of the public API, at least"),
    Setting("front_door_max_instances", integer(1, 25), 2, 10, "instances of the public API, at most"),
    Setting("private_service_min_tasks", integer(1, 50), 1, 2, "tasks of each private service, at least"),
    Setting("private_service_max_tasks", integer(1, 50), 1, 6, "tasks of each private service, at most"),
    Setting("database_min_acu", capacity(0, 256), 0, 1, "Aurora capacity, at least; 0 lets it pause"),
    Setting("database_max_acu", capacity(1, 256), 1, 8, "Aurora capacity, at most"),
    Setting("database_readers", integer(0, 5), 0, 1, "Aurora replicas that take over when the writer fails"),
    Setting(
        "database_pause_after_seconds", integer(300, 86_400), 300, 300, "idle time before a pause, if it can pause"
    ),
    Setting("database_pool_size", integer(5, 100), 8, 8, "database connections of each instance"),
    Setting("xray_endpoint", FLAG, False, False, "an interface endpoint for X-Ray"),
    Setting(
        "zone_ids",
        pair("[a-z]+[0-9]-az[0-9]+", "zone ids such as use1-az1"),
        None,
        None,
        "zones of a new VPC; AWS chooses them if not set",
    ),
    Setting("vpc_id", text("vpc-[0-9a-f]+", "the id of a VPC"), None, None, "a VPC that is there already"),
    Setting("availability_zones", pair("[a-z0-9-]+", "zones of that VPC"), None, None, "in the order of its subnets"),
    Setting("public_subnet_ids", SUBNETS, None, None, "its public subnets"),
    Setting("private_subnet_ids", SUBNETS, None, None, "its private subnets, with a way to the AWS APIs"),
    Setting("private_route_table_ids", pair("rtb-[0-9a-f]+", "route tables"), None, None, "of its private subnets"),
    Setting("cluster_name", text("[A-Za-z0-9_-]{1,255}", "a name"), None, None, "an ECS cluster that is there already"),
    Setting("database_cluster_id", text("[a-z][a-z0-9-]{0,62}", "an id"), None, None, "an Aurora cluster, likewise"),
    Setting("database_security_group_id", text("sg-[0-9a-f]+", "an id"), None, None, "its security group"),
    Setting(
        "database_secret_arn",
        text("arn:aws[a-z-]*:secretsmanager:[^ ]+-[A-Za-z0-9]{6}", "the whole ARN of a secret"),
        None,
        None,
        "user, password, host, port and dbname for the application",
    ),
    Setting("domain", DOMAIN, None, None, "host name of the public API, such as api.example.com"),
    Setting("hosted_zone_id", text("Z[A-Z0-9]{1,31}", "an id such as Z0123456789ABC"), None, None, "its Route 53 zone"),
    Setting("hosted_zone_name", DOMAIN, None, None, "the name of that zone, such as example.com"),
    Setting(
        "certificate_arn",
        text("arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]+", "the ARN of an ACM certificate"),
        None,
        None,
        "a certificate of the domain; one is made if not set",
    ),
    Setting("alarm_email", text("[^@ ]+@[^@ ]+[.][^@ ]+", "an email address"), None, None, "who is told of alarms"),
    Setting("monthly_budget_usd", integer(0, 1_000_000), 0, 500, "warn when a month costs more; 0 is no budget"),
    Setting(
        "approval",
        choice("never", "broadening", "any-change", "destructive"),
        "broadening",
        "broadening",
        "which changes make deploy asks about; never for CI",
    ),
    Setting("account", text("[0-9]{12}", "an account id of 12 digits"), None, None, "refuse any other account"),
    Setting("region", text("[a-z]{2}(-[a-z]+)+-[0-9]", "a region such as eu-west-1"), None, None, "refuse any other"),
)

NAMES = ("stage", "like", *(setting.name for setting in TABLE))


@dataclass(frozen=True)
class Settings:
    """A deployment, described: the fields are the names of the table."""

    stage: Stage
    front_door: tuple[FrontDoor, ...]
    nat: int
    catalogue: bool
    diaries: bool
    front_door_min_instances: int
    front_door_max_instances: int
    private_service_min_tasks: int
    private_service_max_tasks: int
    database_min_acu: float
    database_max_acu: float
    database_readers: int
    database_pause_after_seconds: int
    database_pool_size: int
    xray_endpoint: bool
    zone_ids: tuple[str, ...] | None
    vpc_id: str | None
    availability_zones: tuple[str, ...] | None
    public_subnet_ids: tuple[str, ...] | None
    private_subnet_ids: tuple[str, ...] | None
    private_route_table_ids: tuple[str, ...] | None
    cluster_name: str | None
    database_cluster_id: str | None
    database_security_group_id: str | None
    database_secret_arn: str | None
    domain: str | None
    hosted_zone_id: str | None
    hosted_zone_name: str | None
    certificate_arn: str | None
    alarm_email: str | None
    monthly_budget_usd: int
    approval: str
    account: str | None
    region: str | None

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> "Settings":
        """Returns the settings, or raises `SettingError` for the first value that cannot be meant."""
        _refuse_unknown(given)
        stage = _stage(given)
        values = {}
        for setting in TABLE:
            default = setting.prod if stage.keeps_data else setting.dev
            values[setting.name] = _value(setting.name, setting.kind, given, default)
        settings = cls(stage=stage, **values)
        settings._check()
        return settings

    @property
    def database_can_pause(self) -> bool:
        return self.database_min_acu == 0

    def _check(self) -> None:
        """Checks what no single value shows."""
        self._check_ranges()
        self._all_or_none("hosted_zone_id", "hosted_zone_name")
        self._all_or_none(*NETWORK)
        self._all_or_none(*DATABASE)
        self._check_existing()
        self._check_domain()

    def _all_or_none(self, *names: str) -> None:
        missing = [name for name in names if getattr(self, name) is None]
        if missing and len(missing) < len(names):
            given = next(name for name in names if name not in missing)
            raise SettingError(f"{given}={getattr(self, given)}: say {' and '.join(missing)} as well, or none of them")

    def _check_existing(self) -> None:
        if self.vpc_id is not None:
            for name, unset in (("nat", 0), ("zone_ids", None), ("xray_endpoint", False)):
                if getattr(self, name) != unset:
                    raise SettingError(f"{name}={getattr(self, name)}: it is for a new VPC; leave it out with vpc_id")
        for name in ("cluster_name", "database_cluster_id"):
            if self.vpc_id is None and getattr(self, name) is not None:
                raise SettingError(f"{name}={getattr(self, name)}: say in which network it is, vpc_id=… and its group")

    def _check_domain(self) -> None:
        if self.domain is None:
            for name in ("hosted_zone_id", "certificate_arn"):
                if getattr(self, name) is not None:
                    raise SettingError(f"{name}={getattr(self, name)}: say which domain it is for, domain=…")
            if FrontDoor.BALANCER in self.front_door and self.stage.keeps_data:
                raise SettingError("front_door=balancer: a stage like prod needs HTTPS; say domain=… and its zone")
            return
        if self.front_door not in ((FrontDoor.BALANCER,), (FrontDoor.EXPRESS,)):
            raise SettingError(
                f"domain={self.domain}: front_door=express or front_door=balancer alone takes it;"
                " docs/deploy.md, A domain, has the steps by hand for the others"
            )
        if self.hosted_zone_id is None and self.certificate_arn is None:
            raise SettingError(
                f"domain={self.domain}: say hosted_zone_id and hosted_zone_name, where its records go,"
                " or certificate_arn if they are made elsewhere"
            )
        zone = self.hosted_zone_name
        if zone is not None and self.domain != zone and not self.domain.endswith(f".{zone}"):
            raise SettingError(f"domain={self.domain}: it is not in the zone hosted_zone_name={zone}")

    def _check_ranges(self) -> None:
        for low, high in (
            ("front_door_min_instances", "front_door_max_instances"),
            ("private_service_min_tasks", "private_service_max_tasks"),
            ("database_min_acu", "database_max_acu"),
        ):
            if getattr(self, low) > getattr(self, high):
                raise SettingError(
                    f"{low}={getattr(self, low)} is above {high}={getattr(self, high)}: lower it, or raise {high}"
                )


def _refuse_unknown(given: Mapping[str, object]) -> None:
    """The CDK's own context has `:` or `@` in its names; every other name must be a setting."""
    for name in given:
        if name not in NAMES and ":" not in name and "@" not in name:
            near = difflib.get_close_matches(name, NAMES, n=1)
            advice = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(NAMES)}"
            raise SettingError(f"{name}: there is no such setting; {advice}")


def _stage(given: Mapping[str, object]) -> Stage:
    name = _value("stage", STAGE_NAME, given, "dev")
    like = _value("like", LIKE, given, "dev" if name == "dev" else "prod")
    if (name, like) in (("dev", "prod"), ("prod", "dev")):
        raise SettingError(f"like={like}: the stage {name} is like itself; choose another name for the stage")
    return Stage(name, like)


def _value(name: str, kind: Kind, given: Mapping[str, object], default: object) -> Any:
    """Values come as text from the command line, and as anything from cdk.json."""
    value = given.get(name)
    value = default if value is None else value
    if value is None:
        return None
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    try:
        return kind.parse(shown)
    except ValueError:
        raise SettingError(f"{name}={shown}: say {kind.accepts}") from None
