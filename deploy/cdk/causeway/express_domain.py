"""A domain of one's own in front of ECS Express, which makes its balancer, listener and rule itself."""

import jsii
from aws_cdk import Duration
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_route53 as route53
from constructs import Construct

from causeway.nag import acknowledge_finding
from causeway.own_function import OwnFunction
from causeway.settings import Stage

INGRESS = "ECSManagedResourceArns.IngressPath"


@jsii.implements(route53.IAliasRecordTarget)
class BalancerOfExpress:
    """Where the domain's record points: known only once the service is there."""

    def __init__(self, name: str, zone: str) -> None:
        self._name, self._zone = name, zone

    def bind(
        self, record: route53.IRecordSet, zone: route53.IHostedZone | None = None
    ) -> route53.AliasRecordTargetConfig:
        """Returns the alias."""
        return route53.AliasRecordTargetConfig(dns_name=self._name, hosted_zone_id=self._zone)


class ExpressDomain(OwnFunction):
    """The certificate on Express's listener, and the host name on the rule that Express made for the service."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        stage: Stage,
        service: ecs.CfnExpressGatewayService,
        certificate: acm.ICertificate,
    ) -> None:
        description = "Adds the domain to the rule of ECS Express's balancer"
        super().__init__(scope, id, stage, "express_domain", description, Duration.minutes(1))
        self._service = service
        self._rule = service.get_att(f"{INGRESS}.ListenerRuleArn").to_string()
        self.may(["elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeLoadBalancers"], ["*"])
        acknowledge_finding(self.role, "AwsSolutions-IAM5[Resource::*]", "ELB's describing actions take no resource")
        self.may(["elasticloadbalancing:ModifyRule"], [self._rule])
        elb.CfnListenerCertificate(
            self,
            "ListenerCertificate",
            listener_arn=service.get_att(f"{INGRESS}.ListenerArn").to_string(),
            certificates=[elb.CfnListenerCertificate.CertificateProperty(certificate_arn=certificate.certificate_arn)],
        )

    def serve(self, name: str, revision: str) -> BalancerOfExpress:
        """Makes Express's rule serve the name, again after each change of the service; returns what to point to."""
        properties: dict[str, object] = {
            "Rule": self._rule,
            "Balancer": self._service.get_att(f"{INGRESS}.LoadBalancerArn").to_string(),
            "Host": name,
            "Revision": revision,
        }
        served = self.custom_resource("Host", "ExpressDomain", properties)
        served.node.add_dependency(self._service)
        self.balancer_name = served.get_att_string("Name")
        return BalancerOfExpress(self.balancer_name, served.get_att_string("Zone"))
