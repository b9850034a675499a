"""The private service, found as `privateservice.apprunner.demo` and reachable from the front door only."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_servicediscovery as servicediscovery
from constructs import Construct

from causeway import contract
from causeway.fargate import PrivateFargateService
from causeway.images import private_service_image
from causeway.network import Network
from causeway.settings import Settings

DNS_TTL = Duration.seconds(10)
"""How long a caller may go on asking a task that is gone; the front door resolves the name again at this pace."""


class PrivateService(Stack):
    """The cluster that all tasks share, the private DNS namespace, and the service."""

    def __init__(self, scope: Construct, id: str, settings: Settings, network: Network) -> None:
        super().__init__(scope, id, description="Causeway: private service")
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=network.vpc,
            enable_fargate_capacity_providers=True,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            default_cloud_map_namespace=ecs.CloudMapNamespaceOptions(
                name=contract.NAMESPACE, type=servicediscovery.NamespaceType.DNS_PRIVATE, vpc=network.vpc
            ),
        )
        self.image = private_service_image(self)
        service = PrivateFargateService(
            self,
            "PrivateService",
            name=contract.PRIVATE_SERVICE_NAME,
            image=self.image,
            environment=contract.private_service_environment(),
            cluster=self.cluster,
            network=network,
            settings=settings,
            cloud_map=ecs.CloudMapOptions(
                name=contract.PRIVATE_SERVICE_NAME,
                dns_record_type=servicediscovery.DnsRecordType.A,
                dns_ttl=DNS_TTL,
            ),
        )
        self.security_group = service.security_group
        # Express and the catalogue use it, and may come and go: see Network.
        self.export_value(self.cluster.cluster_name)
