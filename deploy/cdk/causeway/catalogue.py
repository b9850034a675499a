"""System D: an HTTP API, through a VPC link and an internal load balancer, to a books and an authors service."""

import json

import jsii
from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigateway import AccessLogFormat
from constructs import Construct

from causeway import contract
from causeway.fargate import HTTP, PrivateFargateService
from causeway.groups import closed_group
from causeway.keeping import log_group
from causeway.nag import acknowledge
from causeway.network import Network
from causeway.private_service import PrivateService
from causeway.settings import Settings

SERVICES = ("books", "authors")
LISTENER = ec2.Port.tcp(80)


class Catalogue(Stack):
    """Two services that only the load balancer reaches, which only the HTTP API's VPC link reaches."""

    def __init__(
        self, scope: Construct, id: str, settings: Settings, network: Network, private_service: PrivateService
    ) -> None:
        super().__init__(scope, id, description="Causeway: books and authors")
        balancer_group = closed_group(self, "BalancerGroup", network.vpc, "Internal load balancer of the catalogue")
        listener = self._listener(network, balancer_group)
        for priority, name in enumerate(SERVICES, start=1):
            service = PrivateFargateService(
                self,
                name.capitalize(),
                name=name,
                image=private_service.image,
                environment=contract.private_service_environment(catalogue=name),
                cluster=private_service.cluster,
                network=network,
                settings=settings,
            )
            balancer_group.connections.allow_to(service.security_group, HTTP, name)
            _route(listener, name, priority, service, network)
        self._http_api(settings, network, listener, balancer_group)

    def _listener(self, network: Network, group: ec2.SecurityGroup) -> elb.ApplicationListener:
        balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=network.vpc,
            vpc_subnets=network.private_subnets,
            internet_facing=False,
            security_group=group,
            drop_invalid_header_fields=True,
            deletion_protection=False,
        )
        acknowledge(balancer, ELB2="its only client is the HTTP API, whose access log has every request")
        return balancer.add_listener(
            "Http",
            port=80,
            protocol=elb.ApplicationProtocol.HTTP,
            open=False,
            default_action=elb.ListenerAction.fixed_response(
                404, content_type="application/json", message_body='{"title":"Not Found","status":404}'
            ),
        )

    def _http_api(
        self, settings: Settings, network: Network, listener: elb.ApplicationListener, balancer: ec2.SecurityGroup
    ) -> None:
        link_group = closed_group(self, "LinkGroup", network.vpc, "VPC link of the HTTP API")
        link_group.connections.allow_to(balancer, LISTENER, "Internal load balancer")
        link = apigateway.VpcLink(
            self, "Link", vpc=network.vpc, subnets=network.private_subnets, security_groups=[link_group]
        )
        api = apigateway.HttpApi(self, "Api", description="Books and authors", create_default_stage=False)
        integration = integrations.HttpAlbIntegration("Balancer", listener, vpc_link=link)
        for name in SERVICES:
            for path in (f"/api/{name}", f"/api/{name}/{{proxy+}}"):
                for route in api.add_routes(path=path, methods=[apigateway.HttpMethod.GET], integration=integration):
                    acknowledge(route, APIG4="the catalogue is public and read-only, as in the system it comes from")
        api_stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=api,
            auto_deploy=True,
            # AWS WAF does not protect HTTP APIs: this limit is what there is.
            throttle=apigateway.ThrottleSettings(rate_limit=100, burst_limit=200),
            access_log_settings=AccessLog(log_group(self, "AccessLog", settings.stage)),
        )
        CfnOutput(self, "CatalogueUrl", value=f"{api_stage.url}api/books")


def _route(
    listener: elb.ApplicationListener, name: str, priority: int, service: PrivateFargateService, network: Network
) -> None:
    """`/api/books*` would also catch `/api/bookshelf`, hence two patterns."""
    group = elb.ApplicationTargetGroup(
        service,
        "Targets",
        vpc=network.vpc,
        port=contract.PORT,
        protocol=elb.ApplicationProtocol.HTTP,
        target_type=elb.TargetType.IP,
        # Not attached through `targets=`: that would open the groups to each other once more, in both directions.
        health_check=elb.HealthCheck(
            # Not /health, which every instance answers: a group that points at the wrong service shows at once.
            path=f"/api/{name}/health",
            interval=Duration.seconds(10),
            timeout=Duration.seconds(3),
            healthy_threshold_count=2,
            unhealthy_threshold_count=3,
        ),
        deregistration_delay=Duration.seconds(contract.DRAIN_SECONDS),
    )
    service.service.attach_to_application_target_group(group)
    listener.add_action(
        f"{name.capitalize()}Route",
        priority=priority,
        conditions=[elb.ListenerCondition.path_patterns([f"/api/{name}", f"/api/{name}/*"])],
        action=elb.ListenerAction.forward([group]),
    )
    service.scale_on_requests(group)


@jsii.implements(apigateway.IAccessLogSettings)
class AccessLog:
    """One JSON line a request."""

    def __init__(self, log_group: logs.ILogGroup) -> None:
        self._log_group = log_group

    @property
    def destination(self) -> apigateway.IAccessLogDestination:
        return apigateway.LogGroupLogDestination(self._log_group)

    @property
    def format(self) -> AccessLogFormat:
        return AccessLogFormat.custom(
            json.dumps(
                {
                    "requestId": "$context.requestId",
                    "ip": "$context.identity.sourceIp",
                    "route": "$context.routeKey",
                    "status": "$context.status",
                    "milliseconds": "$context.responseLatency",
                    "error": "$context.integrationErrorMessage",
                }
            )
        )
