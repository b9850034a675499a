"""Closes what ECS Express opens: the outgoing rule to everywhere of the group that it makes for the tasks."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration
from constructs import Construct, IDependable

from causeway.nag import acknowledge_finding, readable
from causeway.own_function import OwnFunction
from causeway.settings import Stage


class ClosedEgress(OwnFunction):
    """Runs once for each set of groups."""

    def __init__(self, scope: Construct, id: str, stage: Stage, vpc_id: str) -> None:
        description = "Closes the outgoing rules of the groups that ECS Express makes"
        super().__init__(scope, id, stage, "close_egress", description, Duration.minutes(1))
        self.may(["ec2:DescribeSecurityGroupRules"], ["*"])
        acknowledge_finding(self.role, "AwsSolutions-IAM5[Resource::*]", "EC2's describing actions take no resource")
        anything = f"{_ec2_arn('security-group')}/*"
        limits: dict[str, object] = {"ArnEquals": {"ec2:Vpc": f"{_ec2_arn('vpc')}/{vpc_id}"}}
        self.may(["ec2:RevokeSecurityGroupEgress"], [anything], limits)
        acknowledge_finding(
            self.role,
            f"AwsSolutions-IAM5[Resource::{readable(self, anything)}]",
            "ECS makes the groups and names them; the VPC limits it",
        )

    def close(self, groups: Sequence[str], after: IDependable) -> None:
        """Closes the groups once the service is there."""
        self.custom_resource("Closed", "ClosedEgress", {"Groups": groups}).node.add_dependency(after)


def _ec2_arn(kind: str) -> str:
    return f"arn:{Aws.PARTITION}:ec2:{Aws.REGION}:{Aws.ACCOUNT_ID}:{kind}"
