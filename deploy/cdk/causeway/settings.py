"""Every choice that a deployment can make, read once from the CDK context and checked before anything is made of it."""

from dataclasses import dataclass
from enum import StrEnum

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Node

DATABASE_MIN_ACU = 0
"""Zero lets Aurora pause. It also caps `max_connections` at 2,000, whatever the maximum: see `budget.py`."""


class FrontDoor(StrEnum):
    """Who runs the public API. Both run the same image with the same environment."""

    APP_RUNNER = "app-runner"
    EXPRESS = "express"


@dataclass(frozen=True)
class Stage:
    """What differs between a place to try things and a place that must not lose anything."""

    name: str
    database_max_acu: float
    front_door_max_instances: int
    private_service_tasks: int
    backup_days: int
    log_retention: logs.RetentionDays
    keeps_data: bool

    @property
    def removal_policy(self) -> RemovalPolicy:
        """What happens to logs and buckets when their stack goes."""
        return RemovalPolicy.RETAIN if self.keeps_data else RemovalPolicy.DESTROY

    @property
    def database_removal_policy(self) -> RemovalPolicy:
        """A last snapshot where data matters."""
        return RemovalPolicy.SNAPSHOT if self.keeps_data else RemovalPolicy.DESTROY


STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            name="dev",
            database_max_acu=1,
            front_door_max_instances=2,
            private_service_tasks=1,
            backup_days=1,
            log_retention=logs.RetentionDays.ONE_WEEK,
            keeps_data=False,
        ),
        Stage(
            name="prod",
            database_max_acu=8,
            front_door_max_instances=10,
            private_service_tasks=2,
            backup_days=14,
            log_retention=logs.RetentionDays.SIX_MONTHS,
            keeps_data=True,
        ),
    )
}


@dataclass(frozen=True)
class Settings:
    """A deployment, described. The defaults of the numbers come from the stage."""

    stage: Stage
    front_doors: tuple[FrontDoor, ...]
    nat: int
    catalogue: bool
    diaries: bool
    database_max_acu: float
    database_pause_after_seconds: int
    front_door_max_instances: int
    database_pool_size: int
    xray_endpoint: bool

    @classmethod
    def from_context(cls, node: Node) -> "Settings":
        """Reads `-c name=value` arguments; a value that cannot be meant is refused with the list of those that can."""
        context = _Context(node)
        stage = STAGES[context.choice("stage", tuple(STAGES), default="dev")]
        return cls(
            stage=stage,
            front_doors=_front_doors(context.choice("front_door", FRONT_DOOR_CHOICES, default=FrontDoor.EXPRESS)),
            nat=int(context.choice("nat", ("0", "1", "2"), default="0")),
            catalogue=context.flag("catalogue"),
            diaries=context.flag("diaries"),
            database_max_acu=context.number("database_max_acu", default=stage.database_max_acu, low=1, high=256),
            database_pause_after_seconds=int(
                context.number("database_pause_after_seconds", default=300, low=300, high=86_400)
            ),
            front_door_max_instances=int(
                context.number("front_door_max_instances", default=stage.front_door_max_instances, low=1, high=25)
            ),
            database_pool_size=int(context.number("database_pool_size", default=4, low=2, high=100)),
            xray_endpoint=context.flag("xray_endpoint"),
        )


BOTH_FRONT_DOORS = f"{FrontDoor.APP_RUNNER}+{FrontDoor.EXPRESS}"
"""For the days of a move from one to the other: `docs/deploy.md`."""

FRONT_DOOR_CHOICES = (FrontDoor.APP_RUNNER, FrontDoor.EXPRESS, BOTH_FRONT_DOORS)


def _front_doors(choice: str) -> tuple[FrontDoor, ...]:
    return tuple(FrontDoor(name) for name in choice.split("+"))


class _Context:
    """Typed reads of context values, which come as text from the command line and as anything from cdk.json."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self._text(name, default)
        if value not in choices:
            raise ValueError(f"{name}={value}: choose one of {', '.join(choices)}")
        return value

    def flag(self, name: str) -> bool:
        return self.choice(name, ("true", "false"), default="false") == "true"

    def number(self, name: str, default: float, low: float, high: float) -> float:
        text = self._text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"{name}={text}: not a number") from None
        if not low <= value <= high:
            raise ValueError(f"{name}={text}: must be from {low} to {high}")
        return value

    def _text(self, name: str, default: str) -> str:
        value = self._node.try_get_context(name)
        return default if value is None else str(value).lower()
