"""A service on Fargate in the private subnets: what the private service, the books and the authors have in common."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from causeway import contract
from causeway.container import add_container
from causeway.groups import closed_group
from causeway.network import Network
from causeway.settings import Settings, Stage

HTTP = ec2.Port.tcp(contract.PORT)
TARGET_CPU_PERCENT = 60
REQUESTS_PER_TARGET_AND_MINUTE = 60_000
"""A thousand a second: far below what a quarter of a vCPU serves, so that a burst has room until a task has started."""


class PrivateFargateService(Construct):
    """The private service's image without a public address. A deployment that does not get healthy is rolled back."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        image: ecr_assets.DockerImageAsset,
        environment: dict[str, str],
        cluster: ecs.ICluster,
        network: Network,
        settings: Settings,
        cloud_map: ecs.CloudMapOptions | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.security_group = closed_group(
            self, "Group", network.vpc, f"{name}: each client adds the rule that lets it in"
        )
        network.allow_aws_apis(self.security_group)
        task = self._task(name, image, environment, settings.stage)
        # With scaling the template says no count: it would undo the present one at every deployment.
        scales = settings.private_service_min_tasks < settings.private_service_max_tasks
        self.service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task,
            desired_count=None if scales else settings.private_service_min_tasks,
            vpc_subnets=network.private_subnets,
            security_groups=[self.security_group],
            assign_public_ip=False,
            capacity_provider_strategies=_capacity(settings),
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.ENABLED,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            min_healthy_percent=100,
            max_healthy_percent=200,
            cloud_map_options=cloud_map,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        # Capacity providers are tied to the cluster by a separate resource, which must exist before their use;
        # and the circuit breaker counts tasks that could not start because a rule of their group was still missing.
        self.service.node.add_dependency(cluster, self.security_group)
        self.scaling = self._scaling(settings) if scales else None

    def _scaling(self, settings: Settings) -> ecs.ScalableTaskCount:
        scaling = self.service.auto_scale_task_count(
            min_capacity=settings.private_service_min_tasks, max_capacity=settings.private_service_max_tasks
        )
        scaling.scale_on_cpu_utilization("Cpu", target_utilization_percent=TARGET_CPU_PERCENT)
        return scaling

    def scale_on_requests(self, target_group: elb.ApplicationTargetGroup) -> None:
        """Adds requests as a second reason to scale, for a service behind a balancer."""
        if self.scaling is not None:
            self.scaling.scale_on_request_count(
                "Requests", requests_per_target=REQUESTS_PER_TARGET_AND_MINUTE, target_group=target_group
            )

    def _task(
        self, name: str, image: ecr_assets.DockerImageAsset, environment: dict[str, str], stage: Stage
    ) -> ecs.FargateTaskDefinition:
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=256,
            memory_limit_mib=512,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        add_container(task, name, program="private-service", image=image, environment=environment, stage=stage)
        return task


def _capacity(settings: Settings) -> list[ecs.CapacityProviderStrategy]:
    """The first task, in prod the first two, and a quarter of the others run on demand.

    So the service survives when AWS takes all Spot capacity back at once.
    """
    on_demand = min(2, settings.private_service_min_tasks)
    return [
        ecs.CapacityProviderStrategy(capacity_provider="FARGATE", base=on_demand, weight=1),
        ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT", weight=3),
    ]
