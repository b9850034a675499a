"""What all front doors have in common: whom they may call, what they may read, and what they publish."""

from dataclasses import dataclass

from aws_cdk import CfnOutput, Fn, Stack
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_route53 as route53
from aws_cdk.aws_ecr_assets import DockerImageAsset, Platform
from constructs import Construct, IDependable

from causeway import contract
from causeway.container import add_container
from causeway.data import Data
from causeway.database import DATABASE_PORT
from causeway.diaries import OBJECT_ACTIONS, objects_arn
from causeway.dsql_user import DsqlUser
from causeway.fargate import HTTP
from causeway.gate import DoctorGate
from causeway.groups import closed_group
from causeway.images import frontend_image
from causeway.nag import acknowledge_finding, readable
from causeway.network import Network
from causeway.private_service import PrivateService
from causeway.settings import Settings
from causeway.traffic import Traffic

TASK_CPU, TASK_MEMORY_MIB = 512, 1024
"""Fargate sells no less memory with half a vCPU: many times what the program was measured to use."""


@dataclass(frozen=True)
class Inside:
    """What lies behind the front door."""

    network: Network
    data: Data
    private_service: PrivateService


class FrontDoorStack(Stack):
    """The base of all: one security group, one role for the application, one set of outputs."""

    protected_arn: str
    """What AWS WAF is put in front of; set by the front door."""

    traffic: Traffic
    """What CloudWatch measures of it; set by the front door."""

    certificate_arn: str | None = None
    """The domain's certificate, if there is a domain."""

    revision: str
    doctor_gate: DoctorGate

    log_name: str
    """The log group of the application; set by the front door, or by its task."""

    def __init__(self, scope: Construct, id: str, inside: Inside, *, kind: str) -> None:
        super().__init__(scope, id, description=f"Causeway: public API on {kind}")
        self.inside = inside
        self.short_name = id.removesuffix("FrontDoor").lower()
        self.functions: dict[str, lambda_.IFunction] = {}
        """Our own functions besides the gate, each of which is watched."""

        self.log_in: list[IDependable] = []
        """What must exist before the application can log in to its database."""

        self.admin_token_arn = inside.data.admin_token.secret_arn

    def client_group(self) -> ec2.SecurityGroup:
        """The group from which the application calls. Everything that it reaches is on this screen."""
        inside = self.inside
        group = closed_group(self, "Group", inside.network.vpc, "The public API, calling what is inside")
        group.connections.allow_to(inside.data.connectable, DATABASE_PORT, "Database")
        group.connections.allow_to(inside.private_service.security_group, HTTP, "Private service")
        inside.network.allow_aws_apis(group)
        return group

    def application_role(self, settings: Settings, service_principal: str) -> iam.Role:
        """What the program itself may do: log in to its database, and keep pictures where there are diaries."""
        role = iam.Role(self, "ApplicationRole", assumed_by=iam.ServicePrincipal(service_principal))
        self.inside.data.allow_log_in(role)
        if self.inside.data.dsql is not None:
            user = DsqlUser(self, "DatabaseUser", settings.stage, self.inside.data.dsql, role)
            self.functions[f"{self.short_name}-database-user"] = user.function
            self.log_in.append(user.mapping)
        if settings.diaries:
            objects = objects_arn(settings)
            role.add_to_policy(iam.PolicyStatement(actions=OBJECT_ACTIONS, resources=[objects]))
            acknowledge_finding(
                role,
                f"AwsSolutions-IAM5[Resource::{readable(self, objects)}]",
                "all pictures, whose names are not known beforehand",
            )
        return role

    def role_of_ecs(self, id: str, policy: str, why: str) -> iam.Role:
        """A role with one of AWS's own policies, with which ECS changes what it keeps for this front door."""
        managed = iam.ManagedPolicy.from_aws_managed_policy_name(policy)
        role = iam.Role(self, id, assumed_by=iam.ServicePrincipal("ecs.amazonaws.com"), managed_policies=[managed])
        acknowledge_finding(role, f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]", why)
        return role

    def environment_variables(self, settings: Settings, image: DockerImageAsset, source: str) -> dict[str, str]:
        """The contract's variables with this deployment's values, which also name its revision.

        `source` is what `make explain` takes for the service. No platform passes a service's ARN to its program, and no
        template can: the ARN is known only after the program's variables are.
        """
        environment = contract.frontend_environment(settings, self.inside.data.log_in_variables())
        environment["EXPLAIN_ARGS"] = f"--from {source} --region {self.region}"
        self.revision = contract.revision([image.asset_hash, self.resolve(environment)])
        return {**environment, "REVISION": self.revision}

    def certificate(self, settings: Settings) -> acm.ICertificate:
        """Returns the given certificate, or makes one that the zone's records validate."""
        found: acm.ICertificate
        if settings.certificate_arn is not None:
            found = acm.Certificate.from_certificate_arn(self, "Certificate", settings.certificate_arn)
        else:
            assert settings.domain is not None, "only asked for with a domain"
            found = acm.Certificate(
                self,
                "Certificate",
                domain_name=settings.domain,
                validation=acm.CertificateValidation.from_dns(self._zone(settings)),
            )
        self.certificate_arn = found.certificate_arn
        return found

    def point(self, settings: Settings, target: route53.IAliasRecordTarget) -> None:
        """Makes the domain's record, if its zone is named."""
        if settings.hosted_zone_id is not None:
            route53.ARecord(
                self,
                "Record",
                zone=self._zone(settings),
                record_name=f"{settings.domain}.",
                target=route53.RecordTarget.from_alias(target),
            )

    def _zone(self, settings: Settings) -> route53.IHostedZone:
        existing = self.node.try_find_child("Zone")
        if existing is not None:
            return existing  # type: ignore[return-value]
        return route53.HostedZone.from_hosted_zone_attributes(
            self,
            "Zone",
            hosted_zone_id=str(settings.hosted_zone_id),
            zone_name=str(settings.hosted_zone_name),
        )

    def gate(self, settings: Settings, service_url: str, **more: str) -> DoctorGate:
        """The doctor's gate at this front door's address."""
        self.doctor_gate = DoctorGate(
            self,
            "DoctorGate",
            stage=settings.stage,
            doctor_url=service_url + contract.DOCTOR_PATH,
            token=self.inside.data.admin_token,
            more=more,
        )
        return self.doctor_gate

    def fargate_task(
        self, settings: Settings, group: ec2.SecurityGroup, subnet_group: str
    ) -> ecs.FargateTaskDefinition:
        """The public API's task, the same for Express and behind a balancer; it calls from these subnets."""
        subnets = self.inside.network.vpc.select_subnets(subnet_group_name=subnet_group)
        source = ",".join([group.security_group_id, *subnets.subnet_ids])
        image = frontend_image(self, Platform.LINUX_ARM64)
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=TASK_CPU,
            memory_limit_mib=TASK_MEMORY_MIB,
            task_role=self.application_role(settings, "ecs-tasks.amazonaws.com"),
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        task.node.add_dependency(*self.log_in)
        self.log_name = add_container(
            task,
            "Main",
            program="frontend-api",
            image=image,
            environment={"PORT": str(contract.PORT), **self.environment_variables(settings, image, source)},
            secrets={"ADMIN_TOKEN": ecs.Secret.from_secrets_manager(self.inside.data.admin_token)},
            stage=settings.stage,
        ).log_group_name
        return task

    def publish(self, service_url: str, group: ec2.SecurityGroup) -> None:
        """System A's outputs under its names, and where to look first when something does not work."""
        vpc = self.inside.network.vpc
        subnets = vpc.select_subnets(subnet_group_name="private")
        outputs = {
            "ServiceUrl": service_url,
            "DoctorUrl": service_url + contract.DOCTOR_PATH,
            "AdminTokenSecret": self.admin_token_arn,
            "VpcId": vpc.vpc_id,
            "PrivateSubnets": Fn.join(",", subnets.subnet_ids),
            "SecurityGroup": group.security_group_id,
        }
        for name, value in outputs.items():
            CfnOutput(self, name, value=value)


def may_read_secret(arn: str) -> iam.PolicyStatement:
    """Reading one secret, and nothing about any other."""
    return iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=[arn])
