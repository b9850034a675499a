"""What must not be lost or known: the database, the application's user in it, and the admin token."""

from aws_cdk import Stack
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from causeway.application_user import ApplicationUser
from causeway.database import Database
from causeway.nag import acknowledge
from causeway.network import Network
from causeway.settings import Settings


class Data(Stack):
    """Changes rarely, and in production cannot be deleted by accident."""

    def __init__(self, scope: Construct, id: str, settings: Settings, network: Network) -> None:
        super().__init__(scope, id, description="Causeway: database", termination_protection=settings.stage.keeps_data)
        self.cluster = Database(self, "Database", settings, network).cluster
        user = ApplicationUser(self, "ApplicationUser", settings.stage, network, self.cluster)
        self.application_secret = user.secret
        self.admin_token = self._admin_token()

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
