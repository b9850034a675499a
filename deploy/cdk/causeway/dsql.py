"""Aurora DSQL: one cluster, and the endpoint through which the VPC reaches it."""

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dsql as dsql
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from causeway.database import DATABASE_PORT_NUMBER
from causeway.groups import closed_group
from causeway.keeping import removal_policy
from causeway.network import Network
from causeway.settings import Stage


class Dsql(Construct):
    """A cluster without capacity, instances or passwords. `dsql_user.py` maps a role to a user in it."""

    def __init__(self, scope: Construct, id: str, stage: Stage, network: Network) -> None:
        super().__init__(scope, id)
        cluster = dsql.CfnCluster(self, "Cluster", deletion_protection_enabled=stage.keeps_data)
        cluster.apply_removal_policy(removal_policy(stage))
        self.arn = cluster.attr_resource_arn
        self.identifier = cluster.attr_identifier
        self.public_host = cluster.attr_endpoint
        """Where it is reached from outside the VPC."""

        self.host = cluster.attr_vpc_endpoint
        """The name that leads to the endpoint. Tokens are signed for it."""

        group = closed_group(self, "Group", network.vpc, "Aurora DSQL: each client adds the rule that lets it in")
        self.endpoint = ec2.InterfaceVpcEndpoint(
            self,
            "Endpoint",
            vpc=network.vpc,
            service=ec2.InterfaceVpcEndpointService(cluster.attr_vpc_endpoint_service_name, DATABASE_PORT_NUMBER),
            subnets=network.private_subnets,
            security_groups=[group],
            private_dns_enabled=True,
            open=False,
        )
        CfnOutput(scope, "DatabaseCluster", value=self.identifier)
        CfnOutput(scope, "DatabaseHost", value=self.public_host)

    def metric(self, name: str, statistic: str, period: Duration) -> cloudwatch.Metric:
        """Returns one of the metrics that DSQL publishes: docs.aws.amazon.com has their names."""
        return cloudwatch.Metric(
            namespace="AWS/AuroraDSQL",
            metric_name=name,
            dimensions_map={"ClusterId": self.identifier},
            statistic=statistic,
            period=period,
            label=name,
        )
