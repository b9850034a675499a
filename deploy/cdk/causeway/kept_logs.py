"""A retention for log groups that AWS makes by itself."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration
from constructs import Construct, IDependable

from causeway.nag import acknowledge_finding, readable
from causeway.own_function import OwnFunction
from causeway.settings import Stage


class KeptLogs(OwnFunction):
    """Runs once for each service: App Runner names its groups by the service's id."""

    def __init__(self, scope: Construct, id: str, stage: Stage, groups: Sequence[str], after: IDependable) -> None:
        description = "Gives the log groups that App Runner makes a retention"
        super().__init__(scope, id, stage, "keep_logs", description, Duration.minutes(1))
        arns = [f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:{group}:*" for group in groups]
        self.may(["logs:CreateLogGroup", "logs:PutRetentionPolicy"], arns)
        for arn in arns:
            acknowledge_finding(
                self.role,
                f"AwsSolutions-IAM5[Resource::{readable(self, arn)}]",
                "one group: CloudWatch Logs wants the last part",
            )
        kept = self.custom_resource("Kept", "KeptLogs", {"Groups": groups, "Days": stage.log_retention_days})
        kept.node.add_dependency(after)
