"""The settings of one deployment, read once and checked before anything is synthesised.

This module does not import the CDK, so that `make status` and its neighbours start at once.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from causeway import consistency
from causeway.kinds import Kind, SettingError
from causeway.table import LIKE, NAMES, STAGE_NAME, TABLE, FrontDoor


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
    database: str
    database_min_acu: float
    database_max_acu: float
    database_readers: int
    database_pause_after_seconds: int
    database_pool_size: int
    database_auth: str
    visits_retention_days: int | None
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
        consistency.check(settings)
        return settings

    @property
    def uses_tokens(self) -> bool:
        """Whether the application logs in to its database without a password."""
        return self.is_dsql or self.database_auth == "iam"

    @property
    def is_dsql(self) -> bool:
        """Whether the database is Aurora DSQL, which has neither capacity nor instances nor passwords."""
        return self.database == "dsql"

    @property
    def database_can_pause(self) -> bool:
        return not self.is_dsql and self.database_min_acu == 0


def _refuse_unknown(given: Mapping[str, object]) -> None:
    """The CDK's own context has `:` or `@` in its names; every other name must be a setting."""
    for name in given:
        if name not in NAMES and ":" not in name and "@" not in name:
            near = difflib.get_close_matches(name, NAMES, n=1)
            advice = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(NAMES)}"
            raise SettingError(f"{name}: not a setting; {advice}")


def _stage(given: Mapping[str, object]) -> Stage:
    name = _value("stage", STAGE_NAME, given, "dev")
    like = _value("like", LIKE, given, "dev" if name == "dev" else "prod")
    if (name, like) in (("dev", "prod"), ("prod", "dev")):
        raise SettingError(f"like={like}: the stage {name} cannot be like another; choose another name for the stage")
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
        raise SettingError(f"{name}={shown}: must be {kind.accepts}") from None
