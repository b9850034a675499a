"""The private service, found as `privateservice.apprunner.demo` and reachable from the front door only."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_servicediscovery as servicediscovery
from constructs import Construct, IConstruct

from causeway import contract
from causeway.fargate import PrivateFargateService
from causeway.images import private_service_image
from causeway.keeping import log_group
from causeway.network import Network
from causeway.settings import Settings

DNS_TTL = Duration.seconds(10)
"""How long a resolver may answer with a task that is gone. The front door resolves the name again every two seconds."""


class PrivateService(Stack):
    """The cluster that all tasks share, the private DNS namespace, and the service."""

    def __init__(self, scope: Construct, id: str, settings: Settings, network: Network) -> None:
        super().__init__(scope, id, description="Causeway: private service")
        self.cluster, before_tasks = self._cluster(settings, network)
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
                cloud_map_namespace=self._namespace(settings, network),
                dns_record_type=servicediscovery.DnsRecordType.A,
                dns_ttl=DNS_TTL,
            ),
        )
        service.node.add_dependency(*before_tasks)
        self.security_group = service.security_group
        # Express and the catalogue use it, and may come and go: see Network.
        if settings.cluster_name is None:
            self.export_value(self.cluster.cluster_name)

    def _cluster(self, settings: Settings, network: Network) -> tuple[ecs.ICluster, list[IConstruct]]:
        """Returns the cluster, and what must be there before its first task."""
        if settings.cluster_name is not None:
            existing = ecs.Cluster.from_cluster_attributes(
                self, "Cluster", cluster_name=settings.cluster_name, vpc=network.vpc
            )
            return existing, []
        cluster = ecs.Cluster(
            self,
            "Cluster",
            vpc=network.vpc,
            enable_fargate_capacity_providers=True,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            default_cloud_map_namespace=ecs.CloudMapNamespaceOptions(
                name=contract.NAMESPACE, type=servicediscovery.NamespaceType.DNS_PRIVATE, vpc=network.vpc
            ),
        )
        # Container Insights would make it without a retention when the first task starts.
        name = f"/aws/ecs/containerinsights/{cluster.cluster_name}/performance"
        return cluster, [log_group(self, "Insights", settings.stage, name)]

    def _namespace(self, settings: Settings, network: Network) -> servicediscovery.INamespace | None:
        """An existing cluster keeps its own namespace, if it has one; otherwise ours is the cluster's default."""
        if settings.cluster_name is None:
            return None
        return servicediscovery.PrivateDnsNamespace(self, "Namespace", name=contract.NAMESPACE, vpc=network.vpc)
