"""Closes what ECS Express opens: the outgoing rule to everywhere of the group that it makes for the tasks."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Aws, CustomResource, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from causeway.keeping import log_group
from causeway.nag import acknowledge_finding
from causeway.settings import Stage

FUNCTION_SOURCE = Path(__file__).parent.parent / "functions" / "close_egress"
LONGEST = Duration.minutes(1)


class ClosedEgress(Construct):
    """Runs once for each set of groups."""

    def __init__(self, scope: Construct, id: str, stage: Stage, vpc_id: str, groups: Sequence[str]) -> None:
        super().__init__(scope, id)
        log = log_group(self, "Logs", stage)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(role)
        role.add_to_policy(iam.PolicyStatement(actions=["ec2:DescribeSecurityGroupRules"], resources=["*"]))
        acknowledge_finding(role, "AwsSolutions-IAM5[Resource::*]", "EC2's describing actions take no resource")
        anything = f"{_ec2_arn('security-group')}/*"
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["ec2:RevokeSecurityGroupEgress"],
                resources=[anything],
                conditions={"ArnEquals": {"ec2:Vpc": f"{_ec2_arn('vpc')}/{vpc_id}"}},
            )
        )
        shown = anything.replace(Aws.PARTITION, "<AWS::Partition>").replace(Aws.REGION, "<AWS::Region>")
        shown = shown.replace(Aws.ACCOUNT_ID, "<AWS::AccountId>")
        acknowledge_finding(
            role, f"AwsSolutions-IAM5[Resource::{shown}]", "ECS makes the groups and names them; the VPC limits it"
        )
        function = lambda_.Function(
            self,
            "Function",
            role=role,
            description="Closes the outgoing rules of the groups that ECS Express makes",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler="index.handler",
            code=lambda_.Code.from_asset(str(FUNCTION_SOURCE), exclude=["__pycache__"]),
            timeout=LONGEST,
            log_group=log,
        )
        function.node.add_dependency(role)
        CustomResource(
            self,
            "Closed",
            resource_type="Custom::ClosedEgress",
            service_token=function.function_arn,
            service_timeout=Duration.minutes(5),
            properties={"Groups": groups},
        )


def _ec2_arn(kind: str) -> str:
    return f"arn:{Aws.PARTITION}:ec2:{Aws.REGION}:{Aws.ACCOUNT_ID}:{kind}"
