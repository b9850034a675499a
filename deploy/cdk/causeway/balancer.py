"""The front door on an Application Load Balancer of our own and an ordinary Fargate service."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_route53_targets as targets
from constructs import Construct

from causeway import contract, traffic
from causeway.access_log import access_log_bucket
from causeway.fargate import HTTP, REQUESTS_PER_TARGET_AND_MINUTE, TARGET_CPU_PERCENT
from causeway.front_door import FrontDoorStack, Inside
from causeway.groups import closed_group
from causeway.nag import acknowledge
from causeway.settings import Settings

TEST_HEADER = ("x-causeway-test", "new-revision")
"""A request with it reaches the new revision before anybody else does: that is how the doctor's gate asks it."""

CANARY = ecs.TrafficShiftConfig(step_percent=10, step_bake_time=Duration.minutes(5))
BAKE_TIME = Duration.minutes(5)
ERRORS_THAT_ROLL_BACK = 10
"""5xx answers a minute, in two minutes of three."""


class BalancerFrontDoor(FrontDoorStack):
    """A canary deployment: 10 % of the traffic for five minutes, all of it for five more, then the old tasks go.

    The alarm on 5xx answers takes the old revision back at any time before that. Unlike Express's it does not count
    4xx answers, so a crawler that asks for missing pages undoes nothing.
    """

    def __init__(self, scope: Construct, id: str, settings: Settings, inside: Inside) -> None:
        super().__init__(scope, id, inside, kind="a load balancer")
        group = self.client_group()
        balancer_group = self._balancer_group(settings, group)
        balancer = self._balancer(settings, balancer_group)
        listener = self._listener(settings, balancer)
        blue, green = (self._target_group(settings, colour) for colour in ("Blue", "Green"))
        self.service = self._service(settings, group)
        production = _forward(self, listener, "Production", 2, elb.ListenerCondition.path_patterns(["/*"]), blue, green)
        test = _forward(
            self, listener, "Test", 1, elb.ListenerCondition.http_header(TEST_HEADER[0], [TEST_HEADER[1]]), blue, green
        )
        target = self.service.load_balancer_target(
            container_name="Main",
            container_port=contract.PORT,
            alternate_target=ecs.AlternateTarget(
                "Green",
                alternate_target_group=green,
                role=self._shifting_role(),
                production_listener=ecs.ListenerRuleConfiguration.application_listener_rule(production),
                test_listener=ecs.ListenerRuleConfiguration.application_listener_rule(test),
            ),
        )
        target.attach_to_application_target_group(blue)
        self._scaling(settings, blue)
        self._roll_back_on_errors(settings, balancer)
        self.protected_arn = balancer.load_balancer_arn
        url = self._address(settings, balancer)
        self.publish(url, group)
        self.traffic = traffic.of_balancer(
            balancer.load_balancer_arn, [each.target_group_arn for each in (blue, green)]
        )
        # The domain's record may be missing at the first deployment, so the gate connects to the balancer's own name.
        gate = self.gate(settings, url, CONNECT_TO=balancer.load_balancer_dns_name, EXTRA_HEADER="=".join(TEST_HEADER))
        self.service.add_lifecycle_hook(gate.as_hook(self.revision))

    def _balancer_group(self, settings: Settings, service: ec2.SecurityGroup) -> ec2.SecurityGroup:
        """The one group of the system that lets everybody in: to the listeners, and from there to the service."""
        group = closed_group(self, "BalancerGroup", self.inside.network.vpc, "Load balancer of the public API")
        for port in (80, 443) if settings.domain else (80,):
            group.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "The public API is public")
        acknowledge(group, EC23="clients are anywhere; AWS WAF stands in front of the listeners")
        group.connections.allow_to(service, HTTP, "Public API")
        return group

    def _balancer(self, settings: Settings, group: ec2.SecurityGroup) -> elb.ApplicationLoadBalancer:
        balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=self.inside.network.vpc,
            vpc_subnets=self.inside.network.public_subnets,
            internet_facing=True,
            security_group=group,
            drop_invalid_header_fields=True,
            deletion_protection=settings.stage.keeps_data,
            idle_timeout=Duration.seconds(60),
        )
        bucket = access_log_bucket(self, settings.stage)
        # `log_access_logs` needs the region at synthesis, for regions that have an account instead of a principal.
        balancer.set_attribute("access_logs.s3.enabled", "true")
        balancer.set_attribute("access_logs.s3.bucket", bucket.bucket_name)
        policy = bucket.policy
        assert policy is not None, "it was just added to"
        balancer.node.add_dependency(policy)
        return balancer

    def _listener(self, settings: Settings, balancer: elb.ApplicationLoadBalancer) -> elb.ApplicationListener:
        nothing = elb.ListenerAction.fixed_response(503, content_type="text/plain", message_body="")
        if settings.domain is None:
            return balancer.add_listener(
                "Http", port=80, protocol=elb.ApplicationProtocol.HTTP, open=False, default_action=nothing
            )
        balancer.add_redirect(source_port=80, target_port=443, open=False)
        return balancer.add_listener(
            "Https",
            port=443,
            protocol=elb.ApplicationProtocol.HTTPS,
            certificates=[self.certificate(settings)],
            ssl_policy=elb.SslPolicy.TLS13_RES,
            open=False,
            default_action=nothing,
        )

    def _address(self, settings: Settings, balancer: elb.ApplicationLoadBalancer) -> str:
        if settings.domain is None:
            return f"http://{balancer.load_balancer_dns_name}"
        self.point(settings, targets.LoadBalancerTarget(balancer))
        return f"https://{settings.domain}"

    def _target_group(self, settings: Settings, colour: str) -> elb.ApplicationTargetGroup:
        return elb.ApplicationTargetGroup(
            self,
            colour,
            vpc=self.inside.network.vpc,
            port=contract.PORT,
            protocol=elb.ApplicationProtocol.HTTP,
            target_type=elb.TargetType.IP,
            health_check=elb.HealthCheck(
                path=contract.HEALTH_PATH,
                interval=Duration.seconds(10),
                timeout=Duration.seconds(3),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
            deregistration_delay=Duration.seconds(contract.DRAIN_SECONDS),
        )

    def _service(self, settings: Settings, group: ec2.SecurityGroup) -> ecs.FargateService:
        task = self.fargate_task(settings, group, "private")
        service = ecs.FargateService(
            self,
            "Service",
            cluster=self.inside.private_service.cluster,
            task_definition=task,
            vpc_subnets=self.inside.network.private_subnets,
            security_groups=[group],
            assign_public_ip=False,
            desired_count=None if _scales(settings) else settings.front_door_min_instances,
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.ENABLED,
            deployment_strategy=ecs.DeploymentStrategy.CANARY,
            canary_configuration=CANARY,
            bake_time=BAKE_TIME,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            min_healthy_percent=100,
            max_healthy_percent=200,
            health_check_grace_period=Duration.seconds(30),
            propagate_tags=ecs.PropagatedTagSource.SERVICE,
        )
        service.node.add_dependency(task.task_role, group)
        return service

    def _shifting_role(self) -> iam.Role:
        """With this ECS moves targets and weights between the two target groups."""
        policy = "AmazonECSInfrastructureRolePolicyForLoadBalancers"
        why = "AWS keeps this policy in step with what its canary deployments call"
        return self.role_of_ecs("ShiftingRole", policy, why)

    def _scaling(self, settings: Settings, target_group: elb.ApplicationTargetGroup) -> None:
        if not _scales(settings):
            return
        scaling = self.service.auto_scale_task_count(
            min_capacity=settings.front_door_min_instances, max_capacity=settings.front_door_max_instances
        )
        scaling.scale_on_cpu_utilization("Cpu", target_utilization_percent=TARGET_CPU_PERCENT)
        scaling.scale_on_request_count(
            "Requests", requests_per_target=REQUESTS_PER_TARGET_AND_MINUTE, target_group=target_group
        )

    def _roll_back_on_errors(self, settings: Settings, balancer: elb.ApplicationLoadBalancer) -> None:
        alarm = cloudwatch.Alarm(
            self,
            "RollBack",
            alarm_name=f"causeway-{settings.stage.name}-balancer-roll-back",
            alarm_description="5xx answers of the public API; ECS takes a deployment back while it is on",
            metric=balancer.metrics.http_code_target(
                elb.HttpCodeTarget.TARGET_5XX_COUNT, period=Duration.minutes(1), statistic="Sum"
            ),
            threshold=ERRORS_THAT_ROLL_BACK,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=3,
            datapoints_to_alarm=2,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.service.enable_deployment_alarms([alarm.alarm_name], behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM)


def _scales(settings: Settings) -> bool:
    return settings.front_door_min_instances < settings.front_door_max_instances


def _forward(
    scope: Construct,
    listener: elb.ApplicationListener,
    id: str,
    priority: int,
    condition: elb.ListenerCondition,
    blue: elb.ApplicationTargetGroup,
    green: elb.ApplicationTargetGroup,
) -> elb.ApplicationListenerRule:
    """A rule whose weights ECS shifts during a deployment."""
    return elb.ApplicationListenerRule(
        scope,
        id,
        listener=listener,
        priority=priority,
        conditions=[condition],
        action=elb.ListenerAction.weighted_forward(
            [
                elb.WeightedTargetGroup(target_group=blue, weight=100),
                elb.WeightedTargetGroup(target_group=green, weight=0),
            ]
        ),
    )
