"""Aurora PostgreSQL that pauses when it is idle, and that accepts only TLS connections."""

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from constructs import Construct

from causeway.groups import closed_group
from causeway.keeping import database_removal_policy, log_group
from causeway.nag import acknowledge
from causeway.network import Network
from causeway.settings import Settings

DATABASE_NAME = "apprunnerdemo"
DATABASE_PORT_NUMBER = 5432
DATABASE_PORT = ec2.Port.tcp(DATABASE_PORT_NUMBER)

ENGINE = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_17_9)


class Database(Construct):
    """One cluster in the private subnets: a writer, and the readers that take over from it.

    The master's password belongs to RDS, which renews it every seven days.
    """

    def __init__(self, scope: Construct, id: str, settings: Settings, network: Network) -> None:
        super().__init__(scope, id)
        stage = settings.stage
        # Named, so that its log group can be made first, with a retention, instead of by RDS, for ever.
        identifier = f"causeway-{stage.name}"
        database_log = log_group(self, "Logs", stage, f"/aws/rds/cluster/{identifier}/postgresql")
        self.cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            cluster_identifier=identifier,
            engine=ENGINE,
            writer=rds.ClusterInstance.serverless_v2("Writer", auto_minor_version_upgrade=True),
            readers=[_reader(number) for number in range(settings.database_readers)],
            serverless_v2_min_capacity=settings.database_min_acu,
            serverless_v2_max_capacity=settings.database_max_acu,
            serverless_v2_auto_pause_duration=_pause(settings),
            vpc=network.vpc,
            vpc_subnets=network.private_subnets,
            security_groups=[
                closed_group(self, "Group", network.vpc, "Aurora: each client adds the rule that lets it in")
            ],
            default_database_name=DATABASE_NAME,
            manage_master_user_password=True,
            credentials=rds.Credentials.from_username("postgres"),
            parameter_group=self._parameters(),
            storage_encrypted=True,
            enable_data_api=True,
            iam_authentication=settings.uses_tokens or None,
            backup=rds.BackupProps(retention=Duration.days(stage.backup_days)),
            copy_tags_to_snapshot=True,
            deletion_protection=stage.keeps_data,
            removal_policy=database_removal_policy(stage),
            cloudwatch_logs_exports=["postgresql"],
        )
        self.cluster.node.add_dependency(database_log)
        self._acknowledge(settings)

    def _parameters(self) -> rds.ParameterGroup:
        return rds.ParameterGroup(
            self,
            "Parameters",
            engine=ENGINE,
            description="Causeway: TLS or nothing",
            parameters={
                "rds.force_ssl": "1",
                # Without this the log, which is exported, quotes emails and password hashes of rejected rows.
                "log_error_verbosity": "terse",
            },
        )

    def _acknowledge(self, settings: Settings) -> None:
        if not settings.uses_tokens:
            acknowledge(
                self.cluster,
                RDS6="the services sign in with a rotating password from Secrets Manager over verified TLS",
            )
        if not settings.stage.keeps_data:
            acknowledge(self.cluster, RDS10="a stage to try things in must be removable with one command")


def _reader(number: int) -> rds.IClusterInstance:
    """Returns a replica that keeps the writer's size, so that it serves at once when it takes over."""
    return rds.ClusterInstance.serverless_v2(
        f"Reader{number + 1}", auto_minor_version_upgrade=True, scale_with_writer=True
    )


def _pause(settings: Settings) -> Duration | None:
    """Returns no duration for a minimum above 0: AWS would accept one and ignore it."""
    return Duration.seconds(settings.database_pause_after_seconds) if settings.database_can_pause else None
