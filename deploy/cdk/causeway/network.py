"""The VPC: two zones, a public and a private subnet in each, and a way from there to the AWS APIs."""

from aws_cdk import CfnWaitConditionHandle, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from causeway.diaries import OBJECT_ACTIONS, objects_arn
from causeway.groups import closed_group
from causeway.keeping import log_group
from causeway.settings import Settings
from causeway.table import FrontDoor

HTTPS = ec2.Port.tcp(443)

ENDPOINT_SERVICES = {
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrImages": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
}
"""What a Fargate task without NAT needs to start, and the application's secret. No ssmmessages: an image without a
shell has nothing for ECS Exec to run. No STS: the roles' credentials come from the tasks' own metadata address."""


class Network(Stack):
    """Where everything lives.

    With `nat=0` the private subnets have no route to the internet at all. An interface endpoint is made for each API
    that somebody without NAT calls, and for no other: Express tasks run in the public subnets, where a NAT gateway
    does not serve them and AWS does not promise a public address, so they need the endpoints whatever `nat` is.
    """

    def __init__(self, scope: Construct, id: str, settings: Settings) -> None:
        super().__init__(scope, id, description="Causeway: network")
        self._has_nat = settings.nat > 0
        self.vpc: ec2.IVpc
        self._endpoint_group: ec2.SecurityGroup | None = None
        if settings.vpc_id is not None:
            self._existing(settings, settings.vpc_id)
        else:
            self._new(settings)

    def _new(self, settings: Settings) -> None:
        vpc = self._vpc(settings)
        self.vpc = vpc
        s3_endpoint_id = self._s3_gateway_endpoint(settings, vpc)
        self.inside = {"aws:SourceVpce": s3_endpoint_id}
        self._endpoint_group = closed_group(
            self, "EndpointGroup", self.vpc, "AWS API endpoints: each caller adds the rule that lets it in"
        )
        if not self._has_nat or FrontDoor.EXPRESS in settings.front_door:
            self._interface_endpoints(settings, vpc, self._endpoint_group)
        self._keep_exports(vpc, s3_endpoint_id)

    def _existing(self, settings: Settings, vpc_id: str) -> None:
        """Takes a VPC as it is and adds nothing to it: its own NAT or endpoints lead to the AWS APIs."""
        self.vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id=vpc_id,
            availability_zones=list(settings.availability_zones or ()),
            public_subnet_ids=list(settings.public_subnet_ids or ()),
            public_subnet_names=["public"],
            private_subnet_ids=list(settings.private_subnet_ids or ()),
            private_subnet_names=["private"],
            private_subnet_route_table_ids=list(settings.private_route_table_ids or ()),
        )
        # Its S3 endpoint is not known by id; S3 names the VPC of requests through any endpoint.
        self.inside = {"aws:SourceVpc": vpc_id}
        # CloudFormation makes no stack without a resource.
        CfnWaitConditionHandle(self, "Nothing")

    @property
    def private_subnets(self) -> ec2.SubnetSelection:
        """For everything that must not be reached from outside."""
        return ec2.SubnetSelection(subnet_group_name="private")

    @property
    def public_subnets(self) -> ec2.SubnetSelection:
        """For an internet-facing load balancer, and for what Express ties to it."""
        return ec2.SubnetSelection(subnet_group_name="public")

    def allow_aws_apis(self, client: ec2.IConnectable) -> None:
        """Lets a security group call AWS: through the endpoints' group, and otherwise by HTTPS.

        The S3 gateway endpoint and NAT lead to addresses that no security group stands for. This is the only rule
        of the whole system that names an address range; it is outgoing, to one port, and where there is no NAT the
        route tables let it reach nothing but S3.
        """
        if self._endpoint_group is not None:
            client.connections.allow_to(self._endpoint_group, HTTPS, "AWS APIs, by interface endpoint")
        client.connections.allow_to(ec2.Peer.any_ipv4(), HTTPS, "AWS APIs: S3 by its gateway, others by NAT")

    def _vpc(self, settings: Settings) -> ec2.Vpc:
        private = ec2.SubnetType.PRIVATE_WITH_EGRESS if self._has_nat else ec2.SubnetType.PRIVATE_ISOLATED
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr("10.0.0.0/16"),
            max_azs=2,
            nat_gateways=settings.nat,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=False
                ),
                # The same name with and without NAT, so that a change of `nat` replaces no subnet.
                ec2.SubnetConfiguration(name="private", subnet_type=private, cidr_mask=20),
            ],
        )
        for zone_id, subnets in zip(
            settings.zone_ids or (), zip(vpc.public_subnets, _private(vpc), strict=True), strict=False
        ):
            for subnet in subnets:
                _stand_in(subnet, zone_id)
        vpc.add_flow_log(
            "Rejected",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(log_group(self, "FlowLogs", settings.stage)),
            # What the doctor's time-outs are looked up in. Accepted traffic would cost more than the rest together.
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        return vpc

    def _s3_gateway_endpoint(self, settings: Settings, vpc: ec2.Vpc) -> str:
        """Free, and in every setting: image layers are pulled from S3, and diaries live there."""
        endpoint = vpc.add_gateway_endpoint(
            "S3",
            service=ec2.GatewayVpcEndpointAwsService.S3,
            subnets=[self.private_subnets, self.public_subnets],
        )
        endpoint.add_to_policy(
            _anyone(["s3:GetObject"], [f"arn:{self.partition}:s3:::prod-{self.region}-starport-layer-bucket/*"])
        )
        if settings.diaries:
            endpoint.add_to_policy(_anyone(OBJECT_ACTIONS, [objects_arn(settings)]))
        return endpoint.vpc_endpoint_id

    def _interface_endpoints(self, settings: Settings, vpc: ec2.Vpc, group: ec2.SecurityGroup) -> None:
        services = dict(ENDPOINT_SERVICES)
        if settings.xray_endpoint:
            services["XRay"] = ec2.InterfaceVpcEndpointAwsService.XRAY
        for name, service in services.items():
            vpc.add_interface_endpoint(
                name,
                service=service,
                subnets=self.private_subnets,
                security_groups=[group],
                open=False,
            )

    def _keep_exports(self, vpc: ec2.Vpc, s3_endpoint_id: str) -> None:
        """Exports what some settings do not use: CloudFormation would refuse to drop it while an old stack still does.

        That is what lets `nat`, `front_door` and the extras be changed in either direction on a running system.
        """
        for subnet in (*vpc.public_subnets, *vpc.isolated_subnets, *vpc.private_subnets):
            self.export_value(subnet.subnet_id)
        self.export_value(s3_endpoint_id)


def _anyone(actions: list[str], resources: list[str]) -> iam.PolicyStatement:
    """An endpoint policy's principal is everyone: the roles say who may do something, and this, to what."""
    return iam.PolicyStatement(principals=[iam.AnyPrincipal()], actions=actions, resources=resources)


def _private(vpc: ec2.Vpc) -> list[ec2.ISubnet]:
    return [*vpc.isolated_subnets, *vpc.private_subnets]


def _stand_in(subnet: ec2.ISubnet, zone_id: str) -> None:
    """Names a subnet's zone by id, because AWS maps zone letters differently in each older account."""
    resource = subnet.node.default_child
    assert isinstance(resource, ec2.CfnSubnet), "the VPC is our own"
    resource.add_property_deletion_override("AvailabilityZone")
    resource.add_property_override("AvailabilityZoneId", zone_id)
