"""The front door on ECS Express Mode, App Runner's successor: ECS makes load balancer, certificate and the rest."""

from aws_cdk import Fn
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from causeway import contract
from causeway.container import add_container
from causeway.front_door import FrontDoorStack, Inside
from causeway.images import frontend_image
from causeway.nag import acknowledge_finding
from causeway.settings import Settings

TARGET_CPU_PERCENT = 60


class ExpressFrontDoor(FrontDoorStack):
    """An Express service with a task definition of its own.

    The task definition, instead of Express's few parameters, is what allows a read-only root, a stop time-out and the
    image's own health check. Express asks that its container be called `Main` and have one named port.

    How it rolls back: a new revision gets 5 % of the traffic for three minutes, then all of it and three more. An
    alarm that Express makes and owns takes the old revision back when 4xx and 5xx answers together pass 1 % in two
    of those minutes. It counts 4xx as well: a crawler that asks for missing pages can undo a good deployment. And it
    counts the 503s of an API whose database is just waking up: wake it before deploying (`docs/deploy.md`).
    """

    def __init__(self, scope: Construct, id: str, settings: Settings, inside: Inside) -> None:
        super().__init__(scope, id, inside, kind="ECS Express")
        group = self.client_group()
        task = self._task(settings)
        infrastructure_role = self._infrastructure_role()
        service = ecs.CfnExpressGatewayService(
            self,
            "Service",
            cluster=inside.private_service.cluster.cluster_name,
            infrastructure_role_arn=infrastructure_role.role_arn,
            task_definition_arn=task.task_definition_arn,
            health_check_path=contract.HEALTH_PATH,
            network_configuration=ecs.CfnExpressGatewayService.ExpressGatewayServiceNetworkConfigurationProperty(
                # Public subnets make the load balancer internet-facing. The tasks stand there too, but only that
                # load balancer's group, which Express makes and adds to ours, lets anybody in.
                subnets=inside.network.vpc.select_subnets(subnet_group_name="public").subnet_ids,
                security_groups=[group.security_group_id],
            ),
            scaling_target=ecs.CfnExpressGatewayService.ExpressGatewayScalingTargetProperty(
                min_task_count=settings.front_door_min_instances,
                max_task_count=settings.front_door_max_instances,
                auto_scaling_metric="AVERAGE_CPU",
                auto_scaling_target_value=TARGET_CPU_PERCENT,
            ),
        )
        # A role without its policy, or a group without its rules, fails the first deployment for good.
        service.node.add_dependency(task, infrastructure_role, task.task_role, group)
        self.protected_arn = service.get_att("ECSManagedResourceArns.IngressPath.LoadBalancerArn").to_string()
        self.publish(f"https://{_host_of(service.attr_endpoint)}", group)

    def _task(self, settings: Settings) -> ecs.FargateTaskDefinition:
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=1024,
            memory_limit_mib=2048,
            task_role=self.application_role(settings, "ecs-tasks.amazonaws.com"),
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.X86_64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        add_container(
            task,
            "Main",
            program="frontend-api",
            image=frontend_image(self),
            environment={"PORT": str(contract.PORT), **self.environment_variables(settings)},
            secrets={"ADMIN_TOKEN": ecs.Secret.from_secrets_manager(self.inside.data.admin_token)},
            stage=settings.stage,
        )
        return task

    def _infrastructure_role(self) -> iam.Role:
        """With this ECS makes and changes what it keeps for us: load balancer, certificate, scaling, alarm."""
        policy = "service-role/AmazonECSInfrastructureRoleforExpressGatewayServices"
        role = iam.Role(
            self,
            "InfrastructureRole",
            assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(policy)],
        )
        acknowledge_finding(
            role,
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]",
            "AWS keeps this policy in step with what Express makes; one of our own would break with its next feature",
        )
        return role


def _host_of(endpoint: str) -> str:
    """AWS does not say whether the attribute is a host or a URL; taking scheme and slashes away serves either."""
    for part in ("https://", "/"):
        endpoint = Fn.join("", Fn.split(part, endpoint))
    return endpoint
