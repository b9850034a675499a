"""The database, its users and its secrets."""

from pathlib import Path

from aws_cdk import Duration, Stack, triggers
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from causeway.groups import closed_group
from causeway.nag import acknowledge
from causeway.network import Network
from causeway.settings import DATABASE_MIN_ACU, Settings

DATABASE_NAME = "apprunnerdemo"
DATABASE_PORT = ec2.Port.tcp(5432)
APPLICATION_USER = "causeway"
AWKWARD_IN_URLS_AND_SHELLS = " %+~`#$&*()|[]{}:;<>?!'/@\"\\="

LAMBDA_SOURCE = Path(__file__).parent.parent / "lambda" / "database_user"


class Data(Stack):
    """Aurora PostgreSQL that pauses when nobody uses it, and a user for the application that cannot harm it.

    The master's password belongs to RDS, which renews it every seven days; nobody but this stack's own set-up reads
    it. The application has a user, a schema and a rotating secret of its own.
    """

    def __init__(self, scope: Construct, id: str, settings: Settings, network: Network) -> None:
        super().__init__(scope, id, description="Causeway: database", termination_protection=settings.stage.keeps_data)
        self.cluster = self._cluster(settings, network)
        self.application_secret = self._application_secret()
        user = self._application_user(settings)
        self._rotation(network).node.add_dependency(user)
        self.admin_token = self._admin_token()

    def _cluster(self, settings: Settings, network: Network) -> rds.DatabaseCluster:
        engine = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_17_9)
        group = closed_group(self, "DatabaseGroup", network.vpc, "Aurora: each client adds the rule that lets it in")
        # Named, so that its log group can be made first, with a retention, instead of by RDS, for ever.
        identifier = f"causeway-{settings.stage.name}"
        log_group = logs.LogGroup(
            self,
            "DatabaseLogs",
            log_group_name=f"/aws/rds/cluster/{identifier}/postgresql",
            retention=settings.stage.log_retention,
            removal_policy=settings.stage.removal_policy,
        )
        cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            cluster_identifier=identifier,
            engine=engine,
            writer=rds.ClusterInstance.serverless_v2("Writer", auto_minor_version_upgrade=True),
            serverless_v2_min_capacity=DATABASE_MIN_ACU,
            serverless_v2_max_capacity=settings.database_max_acu,
            serverless_v2_auto_pause_duration=Duration.seconds(settings.database_pause_after_seconds),
            vpc=network.vpc,
            vpc_subnets=network.private_subnets,
            security_groups=[group],
            default_database_name=DATABASE_NAME,
            manage_master_user_password=True,
            credentials=rds.Credentials.from_username("postgres"),
            parameter_group=rds.ParameterGroup(
                self,
                "Parameters",
                engine=engine,
                description="Causeway: TLS or nothing",
                parameters={"rds.force_ssl": "1"},
            ),
            storage_encrypted=True,
            enable_data_api=True,
            backup=rds.BackupProps(retention=Duration.days(settings.stage.backup_days)),
            copy_tags_to_snapshot=True,
            deletion_protection=settings.stage.keeps_data,
            removal_policy=settings.stage.database_removal_policy,
            cloudwatch_logs_exports=["postgresql"],
        )
        cluster.node.add_dependency(log_group)
        acknowledge(
            cluster, RDS6="the services sign in with a rotating password from Secrets Manager over verified TLS"
        )
        if not settings.stage.keeps_data:
            acknowledge(cluster, RDS10="a stage to try things in must be removable with one command")
        return cluster

    def _application_secret(self) -> secretsmanager.SecretTargetAttachment:
        """Attaching it adds engine, host, port and database name: the application needs this one secret only."""
        secret = rds.DatabaseSecret(
            self,
            "ApplicationSecret",
            username=APPLICATION_USER,
            dbname=DATABASE_NAME,
            exclude_characters=AWKWARD_IN_URLS_AND_SHELLS,
        )
        return secret.attach(self.cluster)

    def _application_user(self, settings: Settings) -> triggers.TriggerFunction:
        """Makes the role in the database through the Data API, so that nothing has to be let into the VPC for it."""
        master_secret = self.cluster.secret
        assert master_secret is not None, "RDS manages the master's secret"
        log_group = logs.LogGroup(
            self,
            "ApplicationUserLogs",
            retention=settings.stage.log_retention,
            removal_policy=settings.stage.removal_policy,
        )
        role = iam.Role(self, "ApplicationUserRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        function = triggers.TriggerFunction(
            self,
            "ApplicationUser",
            role=role,
            description="Creates the application's database user with no more rights than it needs",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler="index.handler",
            code=lambda_.Code.from_asset(str(LAMBDA_SOURCE), exclude=["__pycache__"]),
            # A paused database takes some fifteen seconds to wake.
            timeout=Duration.minutes(3),
            log_group=log_group,
            environment={
                "CLUSTER_ARN": self.cluster.cluster_arn,
                "DATABASE": DATABASE_NAME,
                "MASTER_SECRET_ARN": master_secret.secret_arn,
                "APPLICATION_SECRET_ARN": self.application_secret.secret_arn,
            },
            execute_after=[self.cluster, self.application_secret],
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["rds-data:ExecuteStatement"], resources=[self.cluster.cluster_arn])
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["secretsmanager:GetSecretValue"],
                resources=[master_secret.secret_arn, self.application_secret.secret_arn],
            )
        )
        return function

    def _rotation(self, network: Network) -> secretsmanager.RotationSchedule:
        """AWS's own rotation function; the application reads the new password when the old one is refused."""
        group = closed_group(self, "RotationGroup", network.vpc, "Renewal of the application password")
        network.allow_aws_apis(group)
        group.connections.allow_to(self.cluster, DATABASE_PORT, "Password rotation")
        # Not `application_secret.add_rotation_schedule`: a child of the secret would have to exist before the user.
        return secretsmanager.RotationSchedule(
            self,
            "Rotation",
            secret=self.application_secret,
            automatically_after=Duration.days(30),
            hosted_rotation=secretsmanager.HostedRotation.postgre_sql_single_user(
                vpc=network.vpc,
                vpc_subnets=network.private_subnets,
                security_groups=[group],
                exclude_characters=AWKWARD_IN_URLS_AND_SHELLS,
            ),
            rotate_immediately_on_update=False,
        )

    def _admin_token(self) -> secretsmanager.Secret:
        """What shows the doctor's evidence. It lives here so that both front doors know the same one during a move."""
        token = secretsmanager.Secret(
            self,
            "AdminToken",
            description="Causeway: bearer token for the evidence in /test-connection",
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=48, exclude_punctuation=True),
        )
        acknowledge(token, SMG4="read once at start: a new value takes a roll-out, which is a person's decision")
        return token
