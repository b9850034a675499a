"""A domain in front of ECS Express, with botocore's model of Elastic Load Balancing judging the function's calls."""

from collections.abc import Iterator
from typing import Any

import boto3
import express_domain
import pytest
from botocore.stub import Stubber

from system import COMBINATIONS, System

RULE = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener-rule/app/express/1/2/3"
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/express/1"
EXPRESSS_OWN = "demo.ecs.eu-west-1.on.aws"
PATH = {"Field": "path-pattern", "Values": ["/*"], "PathPatternConfig": {"Values": ["/*"]}}


@pytest.fixture
def elb() -> Iterator[Any]:
    client = boto3.client("elbv2", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(client) as stub:
        client.stub = stub
        yield client
        stub.assert_no_pending_responses()


def _event(kind: str, host: str = "api.example.com", before: str | None = None) -> dict[str, Any]:
    event: dict[str, Any] = {
        "RequestType": kind,
        "ResourceProperties": {"Rule": RULE, "Balancer": BALANCER, "Host": host},
    }
    if before:
        event["OldResourceProperties"] = {"Rule": RULE, "Balancer": BALANCER, "Host": before}
    return event


def _has(elb: Any, *hosts: str) -> None:
    condition = {"Field": "host-header", "Values": list(hosts), "HostHeaderConfig": {"Values": list(hosts)}}
    rule = {"RuleArn": RULE, "Conditions": [condition, PATH] if hosts else [PATH]}
    elb.stub.add_response("describe_rules", {"Rules": [rule]}, {"RuleArns": [RULE]})


def _gets(elb: Any, *hosts: str) -> None:
    conditions = [
        {"Field": "host-header", "HostHeaderConfig": {"Values": list(hosts)}},
        {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}},
    ]
    elb.stub.add_response("modify_rule", {"Rules": []}, {"RuleArn": RULE, "Conditions": conditions})


def _is_found(elb: Any) -> None:
    balancer = {"LoadBalancerArn": BALANCER, "DNSName": "express.elb.amazonaws.com", "CanonicalHostedZoneId": "Z1"}
    elb.stub.add_response("describe_load_balancers", {"LoadBalancers": [balancer]}, {"LoadBalancerArns": [BALANCER]})


def test_the_name_is_added_beside_expresss_own_and_the_balancer_is_reported(elb: Any):
    _has(elb, EXPRESSS_OWN)
    _gets(elb, EXPRESSS_OWN, "api.example.com")
    _is_found(elb)

    found = express_domain.work(elb, _event("Create"))

    assert found == {"Name": "express.elb.amazonaws.com", "Zone": "Z1"}


def test_a_rule_that_serves_the_name_already_is_left_alone(elb: Any):
    _has(elb, EXPRESSS_OWN, "api.example.com")
    _is_found(elb)

    express_domain.work(elb, _event("Update", before="api.example.com"))


def test_another_name_takes_the_place_of_the_old_one_without_a_gap(elb: Any):
    _has(elb, EXPRESSS_OWN, "old.example.com")
    _gets(elb, EXPRESSS_OWN, "old.example.com", "api.example.com")
    _has(elb, EXPRESSS_OWN, "old.example.com", "api.example.com")
    _gets(elb, EXPRESSS_OWN, "api.example.com")
    _is_found(elb)

    express_domain.work(elb, _event("Update", before="old.example.com"))


def test_a_deletion_leaves_expresss_own_name(elb: Any):
    _has(elb, EXPRESSS_OWN, "api.example.com")
    _gets(elb, EXPRESSS_OWN)

    assert express_domain.work(elb, _event("Delete")) == {}


def test_a_deletion_after_the_rule_is_gone_succeeds(elb: Any):
    elb.stub.add_client_error("describe_rules", "RuleNotFound")

    assert express_domain.work(elb, _event("Delete")) == {}


def test_a_rule_without_a_host_name_is_not_changed(elb: Any):
    """With a host of ours alone, it would no longer serve Express's own name."""
    _has(elb)

    with pytest.raises(ValueError, match="has no host name"):
        express_domain.work(elb, _event("Create"))


WITH_DOMAIN = [each for each in COMBINATIONS if each.domain and each.front_door == "express"]


@pytest.fixture(params=WITH_DOMAIN, ids=str)
def with_domain(request: pytest.FixtureRequest, synthesised) -> System:
    return synthesised(request.param)


def test_expresss_listener_has_the_domains_certificate(with_domain: System):
    listener = with_domain.only("AWS::ElasticLoadBalancingV2::ListenerCertificate").properties
    certificate = with_domain.only("AWS::CertificateManager::Certificate")

    assert listener["ListenerArn"] == {"Fn::GetAtt": ["Service", "ECSManagedResourceArns.IngressPath.ListenerArn"]}
    assert listener["Certificates"] == [{"CertificateArn": {"Ref": certificate.id}}]
    assert certificate.properties["DomainName"] == "api.example.com"


def test_the_rule_gets_the_name_again_with_each_revision(with_domain: System):
    [served] = with_domain.of_type("Custom::ExpressDomain")
    [gate] = with_domain.of_type("Custom::DoctorGate")

    assert served.properties["Host"] == "api.example.com"
    assert served.properties["Revision"] == gate.properties["Revision"]
    assert "Service" in served.body["DependsOn"]


def test_the_record_points_to_expresss_balancer_and_the_gate_does_not_wait_for_it(with_domain: System):
    record = with_domain.only("AWS::Route53::RecordSet")
    [served] = with_domain.of_type("Custom::ExpressDomain")
    [gate] = with_domain.of_type("Custom::DoctorGate")
    function = with_domain.stacks["ExpressFrontDoor"].template["Resources"][
        with_domain.target(gate.stack, gate.properties["ServiceToken"]).split(".")[1]
    ]

    name = {"Fn::GetAtt": [served.id, "Name"]}
    assert record.properties["Name"] == "api.example.com."
    assert record.properties["AliasTarget"] == {"DNSName": name, "HostedZoneId": {"Fn::GetAtt": [served.id, "Zone"]}}
    assert function["Properties"]["Environment"]["Variables"]["CONNECT_TO"] == name
    assert function["Properties"]["Environment"]["Variables"]["DOCTOR_URL"] == "https://api.example.com/test-connection"
    assert served.id in gate.body["DependsOn"]
    assert record.stack.outputs["ServiceUrl"]["Value"] == "https://api.example.com"


def test_the_function_may_change_no_other_rule(with_domain: System):
    changing = [
        statement
        for policy in with_domain.of_type("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if "elasticloadbalancing:ModifyRule" in statement["Action"]
    ]

    assert [statement["Resource"] for statement in changing] == [
        {"Fn::GetAtt": ["Service", "ECSManagedResourceArns.IngressPath.ListenerRuleArn"]}
    ]
