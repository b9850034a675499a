"""Makes the cost table of docs/deploy.md: `python costs.py` prints it, a test compares it."""

import tomllib
from pathlib import Path

from causeway.settings import Settings
from causeway.table import FrontDoor

HOURS = 730
OWN_METRICS = 20
"""What `METRICS=emf` publishes for both services; at most 40."""

PRICES = {
    name: price["usd"] for name, price in tomllib.loads((Path(__file__).parent / "prices.toml").read_text()).items()
}

SYSTEMS = {
    "dev, App Runner, NAT=1": Settings.parse({"front_door": "app-runner", "nat": "1"}),
    "dev, Express": Settings.parse({}),
    "dev, Express, DSQL": Settings.parse({"database": "dsql"}),
    "dev, balancer": Settings.parse({"front_door": "balancer"}),
    "prod, App Runner, NAT=1": Settings.parse({"stage": "prod", "front_door": "app-runner", "nat": "1"}),
    "prod, Express": Settings.parse({"stage": "prod"}),
    "prod, Express, DSQL": Settings.parse({"stage": "prod", "database": "dsql"}),
    "prod, balancer, catalogue, diaries": Settings.parse(
        {
            "stage": "prod",
            "front_door": "balancer",
            "domain": "api.example.com",
            "hosted_zone_id": "Z0123456789ABC",
            "hosted_zone_name": "example.com",
            "catalogue": "true",
            "diaries": "true",
        }
    ),
}


DPU_PER_REQUEST = 0.07
"""Of Aurora DSQL, at low load, where each visit is a transaction by itself: it costs 0.05 for the least that a
transaction writes, a kibibyte, and 0.02 are allowed for compute, reads and sign-ins. In batches a visit costs less."""


class Use:
    """What is not a setting: how busy a stage is. Estimates."""

    def __init__(self, settings: Settings) -> None:
        prod = settings.stage.keeps_data
        self.busy_hours = HOURS if prod else 60
        self.acus = 2 if prod else 1
        self.storage_gb = 20 if prod else 1
        self.million_io = 50 if prod else 1
        self.million_requests = 10 if prod else 1
        self.million_dpu = self.million_requests * DPU_PER_REQUEST
        self.capacity_units = 1 if prod else 0
        self.log_gb = 20 if prod else 1
        self.insights_metrics = 50 if prod else 20
        self.zone_gb = 20 if prod else 1
        self.out_gb = 20 if prod else 1
        self.diaries_gb = 50


def rows(settings: Settings) -> dict[str, float]:
    """Returns the cost of a month, item by item."""
    use = Use(settings)
    return {
        "public API": _front_door(settings, use),
        "NAT gateways, an address each": settings.nat * HOURS * (_price("nat_hour") + _price("public_address_hour")),
        "interface endpoints, 4 in 2 zones": _endpoints(settings),
        "private services, ¼ vCPU and ½ GB, arm64": _private_tasks(settings),
        "catalogue: balancer and API": _catalogue(settings, use),
        "Aurora: capacity, storage, I/O": 0 if settings.is_dsql else _aurora(settings, use),
        "Aurora DSQL: work, storage, endpoint in 2 zones": _dsql(use) if settings.is_dsql else 0,
        "secrets": _secrets(settings) * _price("secret"),
        "WAF: ACL, 5 rules, requests": _price("waf_acl")
        + 5 * _price("waf_rule")
        + use.million_requests * _price("waf_million_requests"),
        "logs and Container Insights": use.log_gb * _price("log_gb") + use.insights_metrics * _price("metric"),
        "alarms, dashboard, key, own metrics": _watch(settings),
        "Cloud Map": _price("cloud_map_zone") + settings.private_service_min_tasks * _price("cloud_map_instance"),
        "traffic between zones and out": use.zone_gb * _price("zone_traffic_gb")
        + use.out_gb * _price("traffic_out_gb"),
        "diaries": use.diaries_gb * _price("s3_gb") if settings.diaries else 0,
    }


def table() -> str:
    """Returns the table in Markdown, with a sum."""
    columns = {name: rows(settings) for name, settings in SYSTEMS.items()}
    items = list(next(iter(columns.values())))
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for item in items:
        lines.append(f"| {item} | {' | '.join(_shown(column[item]) for column in columns.values())} |")
    sums = (_shown(sum(column.values())) for column in columns.values())
    lines.append(f"| **together** | {' | '.join(f'**{each}**' for each in sums)} |")
    return "\n".join(lines)


def _price(name: str) -> float:
    return float(PRICES[name])


def _shown(usd: float) -> str:
    return f"{usd:.2f}" if usd else ""


def _task(vcpu: float, gb: float, arm: bool = False) -> float:
    kind = "fargate_arm" if arm else "fargate"
    return HOURS * (vcpu * _price(f"{kind}_vcpu_hour") + gb * _price(f"{kind}_gb_hour"))


def _balancer(use: Use, addresses: int) -> float:
    hour = _price("balancer_hour") + addresses * _price("public_address_hour")
    return HOURS * (hour + use.capacity_units * _price("balancer_capacity_unit_hour"))


def _front_door(settings: Settings, use: Use) -> float:
    instances = settings.front_door_min_instances
    if "app-runner" in settings.front_door:
        memory = HOURS * 2 * _price("apprunner_gb_hour")
        return instances * (memory + use.busy_hours * _price("apprunner_active_vcpu_hour"))
    return instances * _task(0.5, 1, arm=True) + _balancer(use, addresses=2)


def _endpoints(settings: Settings) -> float:
    needed = settings.nat == 0 or "express" in settings.front_door
    return 4 * 2 * HOURS * _price("endpoint_zone_hour") if needed else 0


def _private_tasks(settings: Settings) -> float:
    services = 3 if settings.catalogue else 1
    return services * settings.private_service_min_tasks * _task(0.25, 0.5, arm=True)


def _catalogue(settings: Settings, use: Use) -> float:
    if not settings.catalogue:
        return 0
    return _balancer(use, addresses=0) + _price("http_api_million_requests")


def _secrets(settings: Settings) -> int:
    """The admin token; on Aurora the master's, and the application's if it has a password."""
    return 1 if settings.is_dsql else 2 + (not settings.uses_tokens)


def _watch(settings: Settings) -> float:
    """The alarms, a dashboard, the topic's key, the services' own metrics."""
    return alarms(settings) * _price("alarm") + _price("dashboard") + _price("key") + OWN_METRICS * _price("metric")


def alarms(settings: Settings) -> int:
    """Returns how many there are: a test counts them in the templates."""
    of_each_door = 4 + (settings.front_door_max_instances > settings.front_door_min_instances)
    of_the_domain = settings.domain is not None
    of_roll_backs = FrontDoor.BALANCER in settings.front_door
    of_functions = (FrontDoor.APP_RUNNER in settings.front_door) + _express_functions(settings)
    of_doors = len(settings.front_door) * of_each_door + of_the_domain + of_roll_backs + of_functions
    return of_doors + _alarms_of_the_database(settings)


def _alarms_of_the_database(settings: Settings) -> int:
    """Each has one that it is unavailable, and one for each function that makes the application's user."""
    if settings.is_dsql:
        return 1 + len(settings.front_door) + 3 + (settings.monthly_budget_usd > 0)
    return 1 + 1 + 2


def _express_functions(settings: Settings) -> int:
    """One closes the outgoing rules of Express's groups, another adds the domain."""
    return 1 + (settings.domain is not None) if FrontDoor.EXPRESS in settings.front_door else 0


def _dsql(use: Use) -> float:
    endpoint = 2 * HOURS * _price("endpoint_zone_hour")
    return use.million_dpu * _price("dsql_million_dpu") + use.storage_gb * _price("dsql_storage_gb") + endpoint


def _aurora(settings: Settings, use: Use) -> float:
    instances = 1 + settings.database_readers
    capacity = instances * use.busy_hours * use.acus * _price("acu_hour")
    return capacity + use.storage_gb * _price("aurora_storage_gb") + use.million_io * _price("aurora_million_io")


if __name__ == "__main__":
    print(table())
