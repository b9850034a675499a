"""The doctor as a gate: a deployment ends well only if every dependency can be reached."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct, IDependable

from causeway.own_function import OwnFunction
from causeway.settings import Stage

LONGEST = Duration.minutes(15)
"""The most that Lambda allows; the function answers before it."""


class DoctorGate(OwnFunction):
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
        super().__init__(
            scope,
            id,
            stage,
            "doctor_gate",
            "Asks the doctor before a deployment is called a success",
            LONGEST,
            {"DOCTOR_URL": doctor_url, "ADMIN_TOKEN_SECRET": token.secret_arn, **(more or {})},
        )
        self.may(["secretsmanager:GetSecretValue"], [token.secret_arn])
        self.may(["cloudformation:DescribeStacks"], [Stack.of(self).stack_id])

    def ask_after(self, revision: str, *served: IDependable) -> None:
        """Asks once for each revision, after everything by which it is served is there."""
        gate = self.custom_resource("Gate", "DoctorGate", {"Revision": revision}, LONGEST)
        gate.node.add_dependency(*served)

    def as_hook(self, revision: str) -> ecs.DeploymentLifecycleLambdaTarget:
        """Asks between test traffic and production traffic. CloudFormation changes the function before the service."""
        self.function.add_environment("EXPECTED_REVISION", revision)
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
