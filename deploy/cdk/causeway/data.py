"""What must not be lost or known: the database, the application's user in it, and the admin token."""

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from causeway.application_user import ApplicationUser
from causeway.database import DATABASE_PORT_NUMBER, Database
from causeway.nag import acknowledge
from causeway.network import Network
from causeway.settings import Settings


class Data(Stack):
    """Changes rarely, and in production cannot be deleted by accident."""

    def __init__(self, scope: Construct, id: str, settings: Settings, network: Network) -> None:
        super().__init__(scope, id, description="Causeway: database", termination_protection=settings.stage.keeps_data)
        self.cluster: rds.IDatabaseCluster
        self.application_secret: secretsmanager.ISecret
        self.functions: dict[str, lambda_.IFunction]
        if settings.database_cluster_id is not None:
            self._existing(settings, settings.database_cluster_id)
        else:
            self._new(settings, network)
        self.admin_token = self._admin_token()

    def _new(self, settings: Settings, network: Network) -> None:
        cluster = Database(self, "Database", settings, network).cluster
        user = ApplicationUser(self, "ApplicationUser", settings.stage, network, cluster)
        self.cluster = cluster
        self.application_secret = user.secret
        self.functions = {"database-user": user.function}

    def _existing(self, settings: Settings, cluster_id: str) -> None:
        """Takes a database and the application's user as they are; only the front door's rule is added to its group."""
        group = ec2.SecurityGroup.from_security_group_id(
            self, "DatabaseGroup", str(settings.database_security_group_id)
        )
        self.cluster = rds.DatabaseCluster.from_database_cluster_attributes(
            self, "Database", cluster_identifier=cluster_id, security_groups=[group], port=DATABASE_PORT_NUMBER
        )
        self.application_secret = secretsmanager.Secret.from_secret_complete_arn(
            self, "ApplicationSecret", str(settings.database_secret_arn)
        )
        self.functions = {}

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
