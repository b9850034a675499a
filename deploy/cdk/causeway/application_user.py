"""The application's database user: not the master, with no more rights than it needs.

It logs in with a password that rotates, or with tokens of the application's role (`database_auth`).
"""

from pathlib import Path

from aws_cdk import Duration, triggers
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from causeway.database import DATABASE_NAME, DATABASE_PORT
from causeway.groups import closed_group
from causeway.keeping import log_group
from causeway.network import Network
from causeway.settings import Settings, Stage

USER_NAME = "causeway"
AWKWARD_IN_URLS_AND_SHELLS = " %+~`#$&*()|[]{}:;<>?!'/@\"\\="
ROTATION_INTERVAL = Duration.days(30)
CREATION_TIMEOUT = Duration.minutes(3)
"""A paused database takes some fifteen seconds to wake; the function gives up before this."""

FUNCTION_SOURCE = Path(__file__).parent.parent / "functions" / "database_user"


class ApplicationUser(Construct):
    """The role in the database; with a password also its secret, and the secret's rotation."""

    def __init__(
        self, scope: Construct, id: str, settings: Settings, network: Network, cluster: rds.DatabaseCluster
    ) -> None:
        super().__init__(scope, id)
        self._cluster = cluster
        self.secret = None if settings.uses_tokens else self._secret()
        creation = self._creation(settings.stage)
        self.function: lambda_.IFunction = creation
        if self.secret is not None:
            self._rotation(settings.stage, network, self.secret).node.add_dependency(creation)

    def _secret(self) -> secretsmanager.ISecret:
        """Attaching it adds engine, host, port and database name: the application needs this one secret only."""
        secret = rds.DatabaseSecret(
            self,
            "Secret",
            username=USER_NAME,
            dbname=DATABASE_NAME,
            exclude_characters=AWKWARD_IN_URLS_AND_SHELLS,
        )
        return secret.attach(self._cluster)

    def _creation(self, stage: Stage) -> triggers.TriggerFunction:
        """Makes the role through the Data API, so that nothing has to be let into the VPC for a deployment."""
        master_secret = self._cluster.secret
        assert master_secret is not None, "RDS manages the master's secret"
        creation_log = log_group(self, "CreationLogs", stage)
        return triggers.TriggerFunction(
            self,
            "Creation",
            role=self._creation_role(creation_log, master_secret),
            description="Creates the application's database user with no more rights than it needs",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler="index.handler",
            code=lambda_.Code.from_asset(str(FUNCTION_SOURCE), exclude=["__pycache__"]),
            timeout=CREATION_TIMEOUT,
            log_group=creation_log,
            environment={
                "CLUSTER_ARN": self._cluster.cluster_arn,
                "DATABASE": DATABASE_NAME,
                "MASTER_SECRET_ARN": master_secret.secret_arn,
                **self._log_in(),
            },
            execute_after=[self._cluster],
        )

    def _log_in(self) -> dict[str, str]:
        """How the user will log in, for the function."""
        return {"IAM_USER": USER_NAME} if self.secret is None else {"APPLICATION_SECRET_ARN": self.secret.secret_arn}

    def _creation_role(self, log: logs.LogGroup, master_secret: secretsmanager.ISecret) -> iam.Role:
        role = iam.Role(self, "CreationRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log.grant_write(role)
        role.add_to_policy(
            iam.PolicyStatement(actions=["rds-data:ExecuteStatement"], resources=[self._cluster.cluster_arn])
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"],
                resources=[secret.secret_arn for secret in (master_secret, self.secret) if secret is not None],
            )
        )
        return role

    def _rotation(
        self, stage: Stage, network: Network, secret: secretsmanager.ISecret
    ) -> secretsmanager.RotationSchedule:
        """AWS's own rotation function; the application reads the new password when the old one is refused."""
        group = closed_group(self, "RotationGroup", network.vpc, "Renewal of the application password")
        network.allow_aws_apis(group)
        group.connections.allow_to(self._cluster, DATABASE_PORT, "Password rotation")
        name = f"causeway-{stage.name}-rotation"
        # Made before the function, which would make it without a retention.
        log = log_group(self, "RotationLogs", stage, f"/aws/lambda/{name}")
        # Not `secret.add_rotation_schedule`: a child of the secret would have to exist before the user.
        rotation = secretsmanager.RotationSchedule(
            self,
            "Rotation",
            secret=secret,
            automatically_after=ROTATION_INTERVAL,
            hosted_rotation=secretsmanager.HostedRotation.postgre_sql_single_user(
                function_name=name,
                vpc=network.vpc,
                vpc_subnets=network.private_subnets,
                security_groups=[group],
                exclude_characters=AWKWARD_IN_URLS_AND_SHELLS,
            ),
            rotate_immediately_on_update=False,
        )
        rotation.node.add_dependency(log)
        return rotation
