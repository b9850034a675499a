"""Which alarms the database has: Aurora PostgreSQL's limits, or what Aurora DSQL shows instead of limits."""

from typing import Protocol

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_rds as rds

from causeway.budget import max_connections
from causeway.dashboard import CAPACITY
from causeway.dsql import Dsql
from causeway.settings import Settings

MINUTE = Duration.minutes(1)
FIVE_MINUTES = Duration.minutes(5)
HOUR = Duration.hours(1)

SHARE_OF_CONNECTIONS = 0.8

SHARE_OF_STORAGE = 0.8
DSQL_STORAGE_BYTES = 10 * 1024**4
"""What a cluster of DSQL holds unless AWS raised its quota."""

CONFLICT_PERCENT = 10
ENOUGH_TRANSACTIONS = 100
"""In five minutes; of fewer, a few that conflict are a large share and mean nothing."""

SLOW_COMMIT_MS = 100
"""AWS measures the median; a commit in one region takes a small part of this."""

USD_PER_DPU = 8 / 1_000_000
HOURS_A_MONTH = 730


class Add(Protocol):
    """Makes one alarm: `Watch._alarm`."""

    def __call__(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        runbook: str,
        what: str,
        *,
        minutes: int = 5,
    ) -> None: ...


def aurora(add: Add, settings: Settings, cluster: rds.IDatabaseCluster) -> None:
    """Adds the alarms on what Aurora allows at most."""
    allowed = max_connections(settings.database_max_acu, settings.database_min_acu)
    add(
        "database-connections",
        cluster.metric_database_connections(period=MINUTE, statistic="Maximum"),
        int(allowed * SHARE_OF_CONNECTIONS),
        "connections",
        f"The database has 80 % of the {allowed} connections that it allows.",
    )
    add(
        "database-capacity",
        cluster.metric(CAPACITY, period=MINUTE, statistic="Maximum"),
        settings.database_max_acu,
        "capacity",
        "The database has been at its maximum capacity for a quarter of an hour.",
        minutes=15,
    )


def dsql(add: Add, settings: Settings, cluster: Dsql) -> None:
    """Adds the alarms on conflicts, commits, storage and, if there is a budget, work."""
    add(
        "database-conflicts",
        _conflict_percent(cluster),
        CONFLICT_PERCENT,
        "conflicts",
        f"Of a hundred transactions, {CONFLICT_PERCENT} were overtaken by another for a quarter of an hour.",
        minutes=3,
    )
    add(
        "database-commits",
        cluster.metric("CommitLatency", "Average", FIVE_MINUTES),
        SLOW_COMMIT_MS,
        "slow-commits",
        f"The median commit has taken {SLOW_COMMIT_MS} ms for a quarter of an hour.",
        minutes=3,
    )
    add(
        "database-storage",
        cluster.metric("ClusterStorageSize", "Maximum", HOUR),
        DSQL_STORAGE_BYTES * SHARE_OF_STORAGE,
        "storage",
        "The database has 80 % of the 10 TiB that a cluster holds by default.",
        minutes=1,
    )
    if settings.monthly_budget_usd:
        add(
            "database-work",
            cluster.metric("TotalDPU", "Sum", HOUR),
            int(settings.monthly_budget_usd / HOURS_A_MONTH / USD_PER_DPU),
            "database-work",
            f"At the rate of the last hour, the database alone costs the month's {settings.monthly_budget_usd} USD.",
            minutes=1,
        )


def _conflict_percent(cluster: Dsql) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=f"IF(transactions >= {ENOUGH_TRANSACTIONS}, 100 * FILL(conflicts, 0) / transactions, 0)",
        using_metrics={
            "conflicts": cluster.metric("OccConflicts", "Sum", FIVE_MINUTES),
            "transactions": cluster.metric("TotalTransactions", "Sum", FIVE_MINUTES),
        },
        label="conflicts, percent",
        period=FIVE_MINUTES,
    )
