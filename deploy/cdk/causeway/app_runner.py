"""The front door on App Runner, for accounts that already have it: AWS takes no new customers since 2026-04-30."""

from aws_cdk import Fn
from aws_cdk import aws_apprunner as apprunner
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from constructs import Construct

from causeway import contract, traffic
from causeway.front_door import FrontDoorStack, Inside, may_read_secret
from causeway.images import frontend_image
from causeway.kept_logs import KeptLogs
from causeway.nag import acknowledge_finding, acknowledge_image_pull
from causeway.settings import Settings

CONCURRENT_REQUESTS_PER_INSTANCE = 100

TRACES = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "0.05",
}
"""App Runner alone has a collector beside the application, at the address that the SDK takes by default."""


class AppRunnerFrontDoor(FrontDoorStack):
    """App Runner service whose outgoing traffic goes through a VPC connector."""

    def __init__(self, scope: Construct, id: str, settings: Settings, inside: Inside) -> None:
        super().__init__(scope, id, inside, kind="App Runner")
        group = self.client_group()
        image = frontend_image(self, ecr_assets.Platform.LINUX_AMD64)
        access_role = self._access_role(image)
        instance_role = self._instance_role(settings)
        connector = self._connector(group.security_group_id)
        service = apprunner.CfnService(
            self,
            "Service",
            source_configuration=self._source(settings, image, access_role, connector),
            instance_configuration=apprunner.CfnService.InstanceConfigurationProperty(
                cpu="1024", memory="2048", instance_role_arn=instance_role.role_arn
            ),
            network_configuration=_calling_through(connector),
            health_check_configuration=apprunner.CfnService.HealthCheckConfigurationProperty(
                protocol="HTTP",
                path=contract.HEALTH_PATH,
                interval=10,
                timeout=5,
                healthy_threshold=1,
                unhealthy_threshold=3,
            ),
            auto_scaling_configuration_arn=self._scaling(settings),
            observability_configuration=self._observability(),
        )
        # A role without its policy, or a group without its rules, fails the first deployment for good.
        service.node.add_dependency(access_role, instance_role, group, *self.log_in)
        self.protected_arn = service.attr_service_arn
        url = f"https://{service.attr_service_url}"
        self.publish(url, group)
        self.traffic = traffic.of_app_runner(service.attr_service_arn, service.attr_service_id)
        self.gate(settings, url).ask_after(self.revision, service)
        name = Fn.select(1, Fn.split("/", service.attr_service_arn))
        logs = [f"/aws/apprunner/{name}/{service.attr_service_id}/{kind}" for kind in ("application", "service")]
        self.log_name = logs[0]
        self.functions["kept-logs"] = KeptLogs(self, "KeptLogs", settings.stage, logs, service).function

    def _source(
        self, settings: Settings, image: ecr_assets.DockerImageAsset, access_role: iam.Role, connector: str
    ) -> apprunner.CfnService.SourceConfigurationProperty:
        variables = {**self.environment_variables(settings, image, connector), **TRACES}
        # PORT is not among the variables: App Runner keeps that name for itself, and sets it from `port`.
        return apprunner.CfnService.SourceConfigurationProperty(
            authentication_configuration=apprunner.CfnService.AuthenticationConfigurationProperty(
                access_role_arn=access_role.role_arn
            ),
            auto_deployments_enabled=False,
            image_repository=apprunner.CfnService.ImageRepositoryProperty(
                image_identifier=image.image_uri,
                image_repository_type="ECR",
                image_configuration=apprunner.CfnService.ImageConfigurationProperty(
                    port=str(contract.PORT),
                    runtime_environment_variables=[
                        apprunner.CfnService.KeyValuePairProperty(name=name, value=value)
                        for name, value in variables.items()
                    ],
                    runtime_environment_secrets=[
                        apprunner.CfnService.KeyValuePairProperty(name="ADMIN_TOKEN", value=self.admin_token_arn)
                    ],
                ),
            ),
        )

    def _access_role(self, image: ecr_assets.DockerImageAsset) -> iam.Role:
        """With this App Runner itself pulls the image; the application never has it."""
        role = iam.Role(self, "AccessRole", assumed_by=iam.ServicePrincipal("build.apprunner.amazonaws.com"))
        image.repository.grant_pull(role)
        role.add_to_policy(
            iam.PolicyStatement(actions=["ecr:DescribeImages"], resources=[image.repository.repository_arn])
        )
        acknowledge_image_pull(role)
        return role

    def _instance_role(self, settings: Settings) -> iam.Role:
        """The application's role. App Runner also uses it to resolve ADMIN_TOKEN and to pass on traces."""
        role = self.application_role(settings, "tasks.apprunner.amazonaws.com")
        role.add_to_policy(may_read_secret(self.admin_token_arn))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "xray:PutTraceSegments",
                    "xray:PutTelemetryRecords",
                    "xray:GetSamplingRules",
                    "xray:GetSamplingTargets",
                    "xray:GetSamplingStatisticSummaries",
                ],
                resources=["*"],
            )
        )
        acknowledge_finding(role, "AwsSolutions-IAM5[Resource::*]", "X-Ray's write actions take no resource")
        return role

    def _connector(self, group_id: str) -> str:
        """Returns the ARN of the VPC connector."""
        network = self.inside.network
        connector = apprunner.CfnVpcConnector(
            self,
            "Connector",
            subnets=network.vpc.select_subnets(subnet_group_name="private").subnet_ids,
            security_groups=[group_id],
        )
        return connector.attr_vpc_connector_arn

    def _scaling(self, settings: Settings) -> str:
        scaling = apprunner.CfnAutoScalingConfiguration(
            self,
            "Scaling",
            min_size=settings.front_door_min_instances,
            max_size=settings.front_door_max_instances,
            max_concurrency=CONCURRENT_REQUESTS_PER_INSTANCE,
        )
        return scaling.attr_auto_scaling_configuration_arn

    def _observability(self) -> apprunner.CfnService.ServiceObservabilityConfigurationProperty:
        """App Runner runs an OpenTelemetry collector beside the application that passes traces on to X-Ray."""
        configuration = apprunner.CfnObservabilityConfiguration(
            self,
            "Observability",
            trace_configuration=apprunner.CfnObservabilityConfiguration.TraceConfigurationProperty(vendor="AWSXRAY"),
        )
        return apprunner.CfnService.ServiceObservabilityConfigurationProperty(
            observability_enabled=True,
            observability_configuration_arn=configuration.attr_observability_configuration_arn,
        )


def _calling_through(connector: str) -> apprunner.CfnService.NetworkConfigurationProperty:
    """A service that everybody may call, and that calls through the VPC connector."""
    return apprunner.CfnService.NetworkConfigurationProperty(
        ingress_configuration=apprunner.CfnService.IngressConfigurationProperty(is_publicly_accessible=True),
        egress_configuration=apprunner.CfnService.EgressConfigurationProperty(
            egress_type="VPC", vpc_connector_arn=connector
        ),
    )
