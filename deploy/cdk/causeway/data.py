"""What must not be lost or known: the database, the application's user in it, and the admin token."""

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from causeway.application_user import USER_NAME, ApplicationUser
from causeway.database import DATABASE_NAME, DATABASE_PORT_NUMBER, Database
from causeway.dsql import Dsql
from causeway.nag import acknowledge
from causeway.network import Network
from causeway.settings import Settings


class Data(Stack):
    """Changes rarely, and in production cannot be deleted by accident."""

    def __init__(self, scope: Construct, id: str, settings: Settings, network: Network) -> None:
        super().__init__(scope, id, description="Causeway: database", termination_protection=settings.stage.keeps_data)
        self.cluster: rds.IDatabaseCluster | None
        """Aurora's; DSQL is none."""

        self.dsql: Dsql | None = None
        self.connectable: ec2.IConnectable
        """Whom the application connects to."""

        self.application_secret: secretsmanager.ISecret | None
        """Without one, the application logs in with tokens of its role."""

        self.functions: dict[str, lambda_.IFunction]
        if settings.is_dsql:
            self._dsql(settings, network)
        elif settings.database_cluster_id is not None:
            self._existing(settings, settings.database_cluster_id)
        else:
            self._new(settings, network)
        self.admin_token = self._admin_token()

    def _new(self, settings: Settings, network: Network) -> None:
        cluster = Database(self, "Database", settings, network).cluster
        user = ApplicationUser(self, "ApplicationUser", settings, network, cluster)
        self.cluster = self.connectable = cluster
        self.application_secret = user.secret
        self.functions = {"database-user": user.function}

    def _dsql(self, settings: Settings, network: Network) -> None:
        self.dsql = Dsql(self, "Dsql", settings.stage, network)
        self.cluster = self.application_secret = None
        self.connectable = self.dsql.endpoint
        self.functions = {}

    def _existing(self, settings: Settings, cluster_id: str) -> None:
        """Takes a database and the application's user as they are; only the front door's rule is added to its group."""
        group = ec2.SecurityGroup.from_security_group_id(
            self, "DatabaseGroup", str(settings.database_security_group_id)
        )
        self.cluster = self.connectable = rds.DatabaseCluster.from_database_cluster_attributes(
            self, "Database", cluster_identifier=cluster_id, security_groups=[group], port=DATABASE_PORT_NUMBER
        )
        self.application_secret = secretsmanager.Secret.from_secret_complete_arn(
            self, "ApplicationSecret", str(settings.database_secret_arn)
        )
        self.functions = {}

    def log_in_variables(self) -> dict[str, str]:
        """How the application finds its database and logs in. A secret, if there is one, has host, port and name."""
        if self.application_secret is not None:
            return {"APPRUNNERSERVICE": "true", "DBSECRETSNAME": self.application_secret.secret_arn}
        if self.dsql is not None:
            return {"DB_ENGINE": "dsql", "DB_HOST": self.dsql.host, "DB_USER": USER_NAME}
        assert self.cluster is not None, "it is either Aurora or DSQL"
        return {
            "DB_AUTH": "iam",
            "DB_HOST": self.cluster.cluster_endpoint.hostname,
            "DB_PORT": str(DATABASE_PORT_NUMBER),
            "DB_NAME": DATABASE_NAME,
            "DB_USER": USER_NAME,
        }

    def allow_log_in(self, role: iam.Role) -> None:
        """Lets the application's role read its secret and no other, or connect as its user and no other."""
        if self.application_secret is not None:
            role.add_to_policy(
                iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue"], resources=[self.application_secret.secret_arn]
                )
            )
        elif self.dsql is not None:
            # Not DbConnectAdmin: the user has the rights to its own tables only.
            role.add_to_policy(iam.PolicyStatement(actions=["dsql:DbConnect"], resources=[self.dsql.arn]))
        else:
            assert isinstance(self.cluster, rds.DatabaseCluster), "an existing cluster has a secret"
            self.cluster.grant_connect(role, USER_NAME)

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
