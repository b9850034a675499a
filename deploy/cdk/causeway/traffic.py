"""What CloudWatch measures of a front door, under the same names whichever it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration, Fn
from aws_cdk import aws_cloudwatch as cloudwatch

MINUTE = Duration.minutes(1)


@dataclass(frozen=True)
class Traffic:
    """The signals of one front door."""

    requests: cloudwatch.IMetric
    errors: cloudwatch.IMetric
    slowest_seconds: cloudwatch.IMetric
    """The 99th percentile."""

    instances: cloudwatch.IMetric
    """Instances that serve."""


def of_app_runner(service_arn: str, service_id: str) -> Traffic:
    """AWS/AppRunner names a service by name and id, and measures milliseconds."""
    dimensions = {"ServiceName": Fn.select(1, Fn.split("/", service_arn)), "ServiceID": service_id}

    def metric(name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/AppRunner",
            metric_name=name,
            dimensions_map=dimensions,
            statistic=statistic,
            period=MINUTE,
            label=name,
        )

    return Traffic(
        requests=metric("Requests", "Sum"),
        errors=metric("5xxStatusResponses", "Sum"),
        slowest_seconds=cloudwatch.MathExpression(
            expression="ms / 1000", using_metrics={"ms": metric("RequestLatency", "p99")}, period=MINUTE, label="p99"
        ),
        instances=metric("ActiveInstances", "Maximum"),
    )


def of_balancer(load_balancer_arn: str, target_group_arns: Sequence[str]) -> Traffic:
    """A canary has two target groups, of which at most one is idle: sums count both, and others share the balancer."""
    balancer = Fn.select(1, Fn.split("loadbalancer/", load_balancer_arn))
    groups = [Fn.select(5, Fn.split(":", arn)) for arn in target_group_arns]

    def both(id: str, name: str, statistic: str, of: str = "SUM") -> cloudwatch.MathExpression:
        ids = [f"{id}{number}" for number in range(1, len(groups) + 1)]
        metrics: dict[str, cloudwatch.IMetric] = {
            id: cloudwatch.Metric(
                namespace="AWS/ApplicationELB",
                metric_name=name,
                dimensions_map={"LoadBalancer": balancer, "TargetGroup": group},
                statistic=statistic,
                period=MINUTE,
            )
            for id, group in zip(ids, groups, strict=True)
        }
        filled = ", ".join(f"FILL({id}, 0)" for id in ids)
        return cloudwatch.MathExpression(
            expression=f"{of}([{filled}])", using_metrics=metrics, period=MINUTE, label=name
        )

    return Traffic(
        requests=both("requests", "RequestCount", "Sum"),
        errors=both("errors", "HTTPCode_Target_5XX_Count", "Sum"),
        slowest_seconds=both("seconds", "TargetResponseTime", "p99", of="MAX"),
        instances=both("hosts", "HealthyHostCount", "Minimum"),
    )
