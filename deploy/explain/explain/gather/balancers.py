"""Load balancers, found by their names, with the health of what is behind them."""

from typing import Any

from explain.aws import Aws, Missing, Unseen
from explain.model import Balancer, Snapshot

TARGET_GROUPS = 5
"""How many target groups of one balancer are asked for their health."""


def read(aws: Aws, snapshot: Snapshot, host: str) -> set[str]:
    """Reads the load balancer called `host`; returns its VPC."""
    items = aws.seen("elbv2", "DescribeLoadBalancers", "LoadBalancers")
    if items is None:
        return set()
    snapshot.balancers = [_balancer(each) for each in items if each["DNSName"].lower() in (host, f"internal-{host}")]
    for balancer in snapshot.balancers:
        listeners = aws.seen("elbv2", "DescribeListeners", "Listeners", LoadBalancerArn=balancer.id)
        balancer.ports = None if listeners is None else [each["Port"] for each in listeners if each.get("Port")]
        balancer.targets = _targets(aws, balancer.id)
    return {balancer.vpc for balancer in snapshot.balancers}


def _balancer(item: dict[str, Any]) -> Balancer:
    return Balancer(
        item["LoadBalancerArn"],
        item["VpcId"],
        item["LoadBalancerName"],
        item["Type"],
        item["State"]["Code"],
        item["Scheme"] == "internal",
        [each["SubnetId"] for each in item["AvailabilityZones"] if each.get("SubnetId")],
        item.get("SecurityGroups") or [],
    )


def _targets(aws: Aws, arn: str) -> dict[str, str] | None:
    try:
        groups = aws.all("elbv2", "DescribeTargetGroups", "TargetGroups", LoadBalancerArn=arn)
        if len(groups) > TARGET_GROUPS:
            return None
        found: dict[str, str] = {}
        for group in groups:
            health = aws.all(
                "elbv2", "DescribeTargetHealth", "TargetHealthDescriptions", TargetGroupArn=group["TargetGroupArn"]
            )
            found |= {
                f"{each['Target']['Id']}:{each['Target'].get('Port')}": each["TargetHealth"]["State"] for each in health
            }
        return found
    except (Unseen, Missing):
        return None
