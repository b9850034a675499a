"""Every setting of a deployment: its name, the values that it accepts, its defaults, and what it means."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from causeway.kinds import FLAG, Kind, capacity, choice, integer, pair, text


class FrontDoor(StrEnum):
    """Who runs the public API. All run the same program with the same environment."""

    APP_RUNNER = "app-runner"
    BALANCER = "balancer"
    EXPRESS = "express"


def _front_doors(value: str) -> tuple[FrontDoor, ...]:
    doors = tuple(FrontDoor(name) for name in value.lower().split("+"))
    if len(doors) > 2 or len(set(doors)) < len(doors):
        raise ValueError
    return tuple(sorted(doors))


DOMAIN = text("([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]{2,63}", "a name in lower case")
SUBNETS = pair("subnet-[0-9a-f]+", "subnets")
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
    Setting("front_door", FRONT_DOORS, "express", "express", "what runs the public API"),
    Setting("nat", integer(0, 2), 0, 0, "number of NAT gateways"),
    Setting("catalogue", FLAG, False, False, "books and authors behind an HTTP API"),
    Setting("diaries", FLAG, False, False, "a bucket for the pictures of diaries"),
    Setting("front_door_min_instances", integer(1, 25), 1, 2, "instances of the public API, at least"),
    Setting("front_door_max_instances", integer(1, 25), 2, 10, "instances of the public API, at most"),
    Setting("private_service_min_tasks", integer(1, 50), 1, 2, "tasks of each private service, at least"),
    Setting("private_service_max_tasks", integer(1, 50), 1, 6, "tasks of each private service, at most"),
    Setting("database", choice("aurora", "dsql"), "aurora", "aurora", "what stores visits, users and diaries"),
    Setting("database_min_acu", capacity(0, 256), 0, 1, "Aurora capacity, at least; 0 lets it pause"),
    Setting("database_max_acu", capacity(1, 256), 1, 8, "Aurora capacity, at most"),
    Setting("database_readers", integer(0, 5), 0, 1, "Aurora replicas that take over when the writer fails"),
    Setting(
        "database_pause_after_seconds", integer(300, 86_400), 300, 300, "idle time before a pause, if it can pause"
    ),
    Setting("database_pool_size", integer(5, 100), 8, 8, "database connections of each instance"),
    Setting(
        "database_auth",
        choice("password", "iam"),
        "password",
        "password",
        "how the public API logs in: a password that rotates, or a token of its role",
    ),
    Setting("visits_retention_days", integer(1, 36_500), None, None, "days after which visits are removed"),
    Setting("xray_endpoint", FLAG, False, False, "an interface endpoint for X-Ray"),
    Setting(
        "zone_ids",
        pair("[a-z]+[0-9]-az[0-9]+", "zone ids such as use1-az1"),
        None,
        None,
        "zones of a new VPC; AWS chooses them if not set",
    ),
    Setting("vpc_id", text("vpc-[0-9a-f]+", "the id of a VPC"), None, None, "an existing VPC"),
    Setting("availability_zones", pair("[a-z0-9-]+", "zones of that VPC"), None, None, "in the order of its subnets"),
    Setting("public_subnet_ids", SUBNETS, None, None, "its public subnets"),
    Setting("private_subnet_ids", SUBNETS, None, None, "its private subnets, with a way to the AWS APIs"),
    Setting("private_route_table_ids", pair("rtb-[0-9a-f]+", "route tables"), None, None, "of its private subnets"),
    Setting("cluster_name", text("[A-Za-z0-9_-]{1,255}", "a name"), None, None, "an existing ECS cluster"),
    Setting("database_cluster_id", text("[a-z][a-z0-9-]{0,62}", "an id"), None, None, "an existing Aurora cluster"),
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
    Setting("alarm_email", text("[^@ ]+@[^@ ]+[.][^@ ]+", "an email address"), None, None, "where alarms are sent"),
    Setting("monthly_budget_usd", integer(0, 1_000_000), 0, 500, "warn when a month costs more; 0 is no budget"),
    Setting(
        "approval",
        choice("never", "broadening", "any-change", "destructive"),
        "broadening",
        "broadening",
        "which changes make deploy asks about; never for CI",
    ),
    Setting("account", text("[0-9]{12}", "an account id of 12 digits"), None, None, "deploy only to this account"),
    Setting("region", text("[a-z]{2}(-[a-z]+)+-[0-9]", "a region such as eu-west-1"), None, None, "deploy only there"),
)

NAMES = ("stage", "like", *(setting.name for setting in TABLE))
