"""The application's user in Aurora DSQL: a front door's role is mapped to it before the front door runs."""

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from causeway.application_user import USER_NAME
from causeway.dsql import Dsql
from causeway.own_function import OwnFunction
from causeway.settings import Stage

LONGEST = Duration.minutes(4)
"""A new role's policy takes effect some seconds after it was made; the function repeats for three minutes."""


class DsqlUser(OwnFunction):
    """A function outside the VPC that is the cluster's admin, by its public endpoint and with a token of its role.

    DSQL has no Data API, so the function speaks PostgreSQL's protocol itself.
    """

    def __init__(self, scope: Construct, id: str, stage: Stage, dsql: Dsql, role: iam.Role) -> None:
        super().__init__(
            scope, id, stage, "dsql_user", "Maps the public API's role to its user in Aurora DSQL", LONGEST
        )
        # The only thing in the system that may be the admin.
        self.may(["dsql:DbConnectAdmin"], [dsql.arn])
        self.mapping = self.custom_resource(
            "Mapping", "DsqlUser", {"Host": dsql.public_host, "User": USER_NAME, "Role": role.role_arn}
        )
        # Its policy too: without it, CloudFormation could ask the function while nothing lets it log in.
        self.mapping.node.add_dependency(self.role, role)
