"""Our own functions that AWS calls: each has a role that may do what it names, and a log that expires."""

from pathlib import Path

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from causeway.keeping import log_group
from causeway.settings import Stage

SOURCE = Path(__file__).parent.parent / "functions" / "front_door"


class OwnFunction(Construct):
    """One module of `functions/front_door`."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        stage: Stage,
        module: str,
        description: str,
        timeout: Duration,
        environment: dict[str, str] | None = None,
    ) -> None:
        super().__init__(scope, id)
        log = log_group(self, "Logs", stage)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            role=self.role,
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"{module}.handler",
            code=lambda_.Code.from_asset(str(SOURCE), exclude=["__pycache__"]),
            timeout=timeout,
            log_group=log,
            environment=environment,
        )
        self.function.node.add_dependency(self.role)

    def may(self, actions: list[str], resources: list[str], conditions: dict[str, object] | None = None) -> None:
        """Adds to what the function may do."""
        self.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions))

    def custom_resource(
        self, id: str, type: str, properties: dict[str, object], timeout: Duration | None = None
    ) -> CustomResource:
        """Creates what CloudFormation asks the function about."""
        return CustomResource(
            self,
            id,
            resource_type=f"Custom::{type}",
            service_token=self.function.function_arn,
            service_timeout=timeout or Duration.minutes(5),
            properties=properties,
        )
