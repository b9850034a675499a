"""The front door on ECS Express Mode, App Runner's successor: ECS makes load balancer, certificate and the rest."""

from aws_cdk import Fn, ResolutionTypeHint, Token
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from causeway import contract, traffic
from causeway.closed_egress import ClosedEgress
from causeway.express_domain import ExpressDomain
from causeway.front_door import FrontDoorStack, Inside
from causeway.settings import Settings

TARGET_CPU_PERCENT = 60


class ExpressFrontDoor(FrontDoorStack):
    """An Express service with its own task definition.

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
        task = self.fargate_task(settings, group, "public")
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
        own_groups = service.get_att("ECSManagedResourceArns.ServiceSecurityGroups", ResolutionTypeHint.STRING_LIST)
        closed = ClosedEgress(self, "ClosedEgress", settings.stage, inside.network.vpc.vpc_id)
        closed.close(Token.as_list(own_groups), service)
        self.functions["closed-egress"] = closed.function
        target_groups = Token.as_list(
            service.get_att("ECSManagedResourceArns.IngressPath.TargetGroupArns", ResolutionTypeHint.STRING_LIST)
        )
        self.traffic = traffic.of_balancer(self.protected_arn, [Fn.select(place, target_groups) for place in range(2)])
        if settings.domain is None:
            url = f"https://{_host_of(service.attr_endpoint)}"
            self.gate(settings, url).ask_after(self.revision, service)
        else:
            url = f"https://{settings.domain}"
            domain = self._domain(settings, settings.domain, service)
            # The record may be unknown to resolvers yet, so the gate connects to the balancer's own name.
            self.gate(settings, url, CONNECT_TO=domain.balancer_name).ask_after(self.revision, service, domain)
        self.publish(url, group)

    def _domain(self, settings: Settings, name: str, service: ecs.CfnExpressGatewayService) -> ExpressDomain:
        domain = ExpressDomain(self, "Domain", settings.stage, service, self.certificate(settings))
        self.functions["express-domain"] = domain.function
        target = domain.serve(name, self.revision)
        self.point(settings, target)
        return domain

    def _infrastructure_role(self) -> iam.Role:
        """With this ECS makes and changes what it keeps for us: load balancer, certificate, scaling, alarm."""
        policy = "service-role/AmazonECSInfrastructureRoleforExpressGatewayServices"
        why = "AWS keeps this policy in step with what Express makes; one of our own would break with its next feature"
        return self.role_of_ecs("InfrastructureRole", policy, why)


def _host_of(endpoint: str) -> str:
    """AWS does not say whether the attribute is a host or a URL; taking scheme and slashes away serves either."""
    for part in ("https://", "/"):
        endpoint = Fn.join("", Fn.split(part, endpoint))
    return endpoint
