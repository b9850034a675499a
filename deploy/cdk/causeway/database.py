"""Aurora PostgreSQL that pauses when nobody uses it, and that speaks TLS or nothing."""

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from constructs import Construct

from causeway.groups import closed_group
from causeway.nag import acknowledge
from causeway.network import Network
from causeway.settings import DATABASE_MIN_ACU, Settings, Stage

DATABASE_NAME = "apprunnerdemo"
DATABASE_PORT = ec2.Port.tcp(5432)

ENGINE = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_17_9)


class Database(Construct):
    """One cluster with one instance in the private subnets.

    The master's password belongs to RDS, which renews it every seven days.
    """

    def __init__(self, scope: Construct, id: str, settings: Settings, network: Network) -> None:
        super().__init__(scope, id)
        stage = settings.stage
        # Named, so that its log group can be made first, with a retention, instead of by RDS, for ever.
        identifier = f"causeway-{stage.name}"
        log_group = self._log_group(identifier, stage)
        self.cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            cluster_identifier=identifier,
            engine=ENGINE,
            writer=rds.ClusterInstance.serverless_v2("Writer", auto_minor_version_upgrade=True),
            serverless_v2_min_capacity=DATABASE_MIN_ACU,
            serverless_v2_max_capacity=settings.database_max_acu,
            serverless_v2_auto_pause_duration=Duration.seconds(settings.database_pause_after_seconds),
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
            backup=rds.BackupProps(retention=Duration.days(stage.backup_days)),
            copy_tags_to_snapshot=True,
            deletion_protection=stage.keeps_data,
            removal_policy=stage.database_removal_policy,
            cloudwatch_logs_exports=["postgresql"],
        )
        self.cluster.node.add_dependency(log_group)
        self._acknowledge(stage)

    def _log_group(self, identifier: str, stage: Stage) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/rds/cluster/{identifier}/postgresql",
            retention=stage.log_retention,
            removal_policy=stage.removal_policy,
        )

    def _parameters(self) -> rds.ParameterGroup:
        return rds.ParameterGroup(
            self,
            "Parameters",
            engine=ENGINE,
            description="Causeway: TLS or nothing",
            parameters={"rds.force_ssl": "1"},
        )

    def _acknowledge(self, stage: Stage) -> None:
        acknowledge(
            self.cluster, RDS6="the services sign in with a rotating password from Secrets Manager over verified TLS"
        )
        if not stage.keeps_data:
            acknowledge(self.cluster, RDS10="a stage to try things in must be removable with one command")
