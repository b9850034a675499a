"""The doctor as a gate: a deployment ends well only if every dependency can be reached."""

from pathlib import Path

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct, IDependable

from causeway import contract
from causeway.keeping import log_group
from causeway.settings import Stage

FUNCTION_SOURCE = Path(__file__).parent.parent / "functions" / "doctor_gate"
LONGEST = Duration.minutes(15)
"""The most that Lambda allows; the function answers before it."""


class DoctorGate(Construct):
    """A function outside the VPC that asks the doctor by the public address, with the admin token."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        doctor_url: str,
        token: secretsmanager.Secret,
        more: dict[str, str] | None = None,
    ) -> None:
        super().__init__(scope, id)
        log = log_group(self, "Logs", stage)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(role)
        role.add_to_policy(iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[token.secret_arn]))
        role.add_to_policy(
            iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[Stack.of(self).stack_id])
        )
        self.function = lambda_.Function(
            self,
            "Function",
            role=role,
            description="Asks the doctor before a deployment is called a success",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler="index.handler",
            code=lambda_.Code.from_asset(str(FUNCTION_SOURCE), exclude=["__pycache__"]),
            timeout=LONGEST,
            log_group=log,
            environment={"DOCTOR_URL": doctor_url, "ADMIN_TOKEN_SECRET": token.secret_arn, **(more or {})},
        )
        self.function.node.add_dependency(role)

    def ask_after(self, service: IDependable, revision: str) -> None:
        """Asks once for each revision, after the service has it."""
        gate = CustomResource(
            self,
            "Gate",
            resource_type="Custom::DoctorGate",
            service_token=self.function.function_arn,
            service_timeout=LONGEST,
            properties={"Revision": revision, "IsNamed": str(contract.REVISION_IS_NAMED).lower()},
        )
        gate.node.add_dependency(service)

    def as_hook(self) -> ecs.DeploymentLifecycleLambdaTarget:
        """Asks between test traffic and production traffic."""
        role = iam.Role(self, "HookRole", assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self.function.function_arn])
        )
        return ecs.DeploymentLifecycleLambdaTarget(
            self.function,
            "DoctorGate",
            lifecycle_stages=[ecs.DeploymentLifecycleStage.POST_TEST_TRAFFIC_SHIFT],
            # The construct would also let ECS call every version of the function.
            role=role.without_policy_updates(),
        )
