"""A service on Fargate in the private subnets: what the private service, the books and the authors have in common."""

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from causeway import contract
from causeway.container import add_container
from causeway.groups import closed_group
from causeway.network import Network
from causeway.settings import Stage

HTTP = ec2.Port.tcp(contract.PORT)


class PrivateFargateService(Construct):
    """The private service's image with no public address, mostly on Spot, rolled back when it does not get healthy."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        image: ecr_assets.DockerImageAsset,
        environment: dict[str, str],
        cluster: ecs.Cluster,
        network: Network,
        stage: Stage,
        cloud_map: ecs.CloudMapOptions | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.security_group = closed_group(
            self, "Group", network.vpc, f"{name}: each client adds the rule that lets it in"
        )
        network.allow_aws_apis(self.security_group)
        task = self._task(name, image, environment, stage)
        self.service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task,
            desired_count=stage.private_service_tasks,
            vpc_subnets=network.private_subnets,
            security_groups=[self.security_group],
            assign_public_ip=False,
            capacity_provider_strategies=_spot_with_a_fallback(),
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            min_healthy_percent=100,
            max_healthy_percent=200,
            cloud_map_options=cloud_map,
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        # Capacity providers are tied to the cluster by a resource of their own, which must exist before their use;
        # and the circuit breaker counts tasks that could not start because a rule of their group was still missing.
        self.service.node.add_dependency(cluster, self.security_group)

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


def _spot_with_a_fallback() -> list[ecs.CapacityProviderStrategy]:
    """The first task and a quarter of the others on demand: Spot taken back everywhere at once leaves a service."""
    return [
        ecs.CapacityProviderStrategy(capacity_provider="FARGATE", base=1, weight=1),
        ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT", weight=3),
    ]
