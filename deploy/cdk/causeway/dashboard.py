"""One dashboard a stage: traffic, errors, latency, instances, database, doctor, cost, and the log's queries."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from causeway import contract
from causeway.data import Data
from causeway.front_door import FrontDoorStack
from causeway.queries import queries
from causeway.settings import Settings

MINUTE = Duration.minutes(1)
CAPACITY = "ServerlessDatabaseCapacity"


def dashboard(scope: Construct, settings: Settings, data: Data, front_doors: Sequence[FrontDoorStack]) -> None:
    """Creates the dashboard: a row for each front door, and one for the database."""
    board = cloudwatch.Dashboard(
        scope, "Dashboard", dashboard_name=f"causeway-{settings.stage.name}", default_interval=Duration.hours(3)
    )
    for door in front_doors:
        traffic = door.traffic
        board.add_widgets(
            _graph(f"{door.short_name}: requests and 5xx answers a minute", traffic.requests, traffic.errors),
            _graph(f"{door.short_name}: p99 in seconds", traffic.slowest_seconds),
            _graph(f"{door.short_name}: instances", traffic.instances),
            _graph(
                f"{door.short_name}: the doctor fails",
                door.doctor_gate.function.metric_errors(period=Duration.minutes(5), statistic="Sum"),
            ),
        )
    cluster = data.cluster
    if cluster is not None:
        board.add_widgets(
            _graph("database: capacity (ACU)", cluster.metric(CAPACITY, period=MINUTE)),
            _graph("database: connections", cluster.metric_database_connections(period=MINUTE, statistic="Maximum")),
            _graph("database: deadlocks", cluster.metric_deadlocks(period=MINUTE, statistic="Sum")),
            _graph("database: free memory", cluster.metric_freeable_memory(period=MINUTE, statistic="Minimum")),
        )
    if data.dsql is not None:
        metric = data.dsql.metric
        board.add_widgets(
            _graph(
                "database: transactions and conflicts",
                metric("TotalTransactions", "Sum", MINUTE),
                metric("OccConflicts", "Sum", MINUTE),
                metric("QueryTimeouts", "Sum", MINUTE),
            ),
            _graph("database: commit in milliseconds", metric("CommitLatency", "Average", MINUTE)),
            _graph(
                "database: work (DPU)", *(metric(f"{kind}DPU", "Sum", MINUTE) for kind in ("Write", "Read", "Compute"))
            ),
            _graph("database: bytes stored", metric("ClusterStorageSize", "Maximum", Duration.minutes(5))),
        )
    for service in ("frontend-api", "private-service"):
        board.add_widgets(
            _graph(
                f"{service}: requests", of_service(service, "Requests", "Sum"), of_service(service, "Errors", "Sum")
            ),
            _graph(f"{service}: p99 in milliseconds", of_service(service, "Latency", "p99")),
        )
    board.add_widgets(
        _graph("the application's database", of_service("frontend-api", "DatabaseAvailable", "Minimum")),
        _graph(
            "the application's connections",
            of_service("frontend-api", "DatabaseConnectionsInUse", "Maximum"),
            of_service("frontend-api", "DatabaseWaiting", "Maximum"),
        ),
        _graph("the account's cost this month (USD)", _cost()),
    )
    logs = [door.log_name for door in front_doors]
    board.add_widgets(
        *(
            cloudwatch.LogQueryWidget(
                title=query.title, log_group_names=logs, query_string=query.text, width=12, height=6
            )
            for query in queries()
        )
    )


def of_service(service: str, name: str, statistic: str) -> cloudwatch.Metric:
    """Returns one of the services' own metrics."""
    return cloudwatch.Metric(
        namespace=contract.METRICS_NAMESPACE,
        metric_name=name,
        dimensions_map={"service": service},
        statistic=statistic,
        period=MINUTE,
        label=name,
    )


def _cost() -> cloudwatch.Metric:
    """Returns what AWS estimates. It measures this in one region only, and only with billing alerts switched on."""
    return cloudwatch.Metric(
        namespace="AWS/Billing",
        metric_name="EstimatedCharges",
        dimensions_map={"Currency": "USD"},
        region="us-east-1",
        statistic="Maximum",
        period=Duration.hours(6),
        label="USD",
    )


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=6, height=6)
