"""Read-only by construction, one policy, all pages."""

import json
from typing import Any

import botocore.session
import pytest

from door import REGION, Door, Error
from explain import aws
from explain.aws import OPERATIONS, Aws, Forbidden, Missing, Unseen

MODELS = botocore.session.get_session()
EVERY = [(service, operation) for service, operations in OPERATIONS.items() for operation in operations]


@pytest.fixture
def program(door: Door, session: Any) -> Aws:
    door.clear()
    return Aws(REGION, session)


def test_the_policy_is_the_list_of_operations_without_a_wildcard_and_without_secrets():
    [statement] = json.loads(aws.policy())["Statement"]
    assert statement["Action"] == [aws.action(service, operation) for service, operation in EVERY]
    assert statement["Resource"] == "*"
    for action in statement["Action"]:
        assert "*" not in action
        verb = action.split(":")[1]
        assert verb.startswith(("Describe", "Get", "List", "Simulate")), action
        assert verb not in ("GetSecretValue", "GetObject", "GetParameter")


@pytest.mark.parametrize(("service", "operation"), EVERY)
def test_every_operation_on_the_list_exists(service: str, operation: str):
    assert operation in MODELS.get_service_model(service).operation_names


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("ec2", lambda client: client.authorize_security_group_ingress(GroupId="sg-1")),
        ("ec2", lambda client: client.create_network_insights_path(Source="a", Protocol="tcp", ClientToken="c")),
        ("secretsmanager", lambda client: client.get_secret_value(SecretId="x")),
        ("s3", lambda client: client.list_buckets()),
    ],
)
def test_a_call_that_is_not_on_the_list_never_leaves(door: Door, program: Aws, service: str, call: Any):
    program.prepare(service)
    with pytest.raises(Forbidden):
        call(program._client(service))
    assert door.noted == []


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ec2", "DescribeSubnets"),
        ("rds", "DescribeDBClusters"),
        ("route53", "ListHostedZones"),
        ("apprunner", "ListServices"),
        ("secretsmanager", "DescribeSecret"),
    ],
)
def test_a_refusal_is_told_from_a_thing_that_is_not_there(door: Door, program: Aws, service: str, operation: str):
    door.denied.add(f"{service}:{operation}")
    parameters = {"SecretId": "x"} if service == "secretsmanager" else {}
    with pytest.raises(Unseen):
        program.ask(service, operation, **parameters)
    assert program.refusals[0].operation == f"{service}:{operation}"
    assert "lack" in program.refusals[0].why


@pytest.mark.parametrize(
    "code", ["ResourceNotFoundException", "DBClusterNotFoundFault", "InvalidSubnetID.NotFound", "NoSuchHostedZone"]
)
def test_a_thing_that_is_not_there_is_no_refusal(door: Door, program: Aws, code: str):
    def missing(_: Any) -> Any:
        return Error(code)

    door.answer("rds", "DescribeDBClusters", missing)
    with pytest.raises(Missing):
        program.ask("rds", "DescribeDBClusters")
    assert program.refusals == []


# An operation, the list in its answer, and the names of the tokens: in the request, in the answer.
PAGED = [
    ("ec2", "DescribeSubnets", "Subnets", "NextToken", "NextToken"),
    ("ec2", "DescribeSecurityGroups", "SecurityGroups", "NextToken", "NextToken"),
    ("ec2", "DescribeRouteTables", "RouteTables", "NextToken", "NextToken"),
    ("ec2", "DescribeNetworkAcls", "NetworkAcls", "NextToken", "NextToken"),
    ("ec2", "DescribeNatGateways", "NatGateways", "NextToken", "NextToken"),
    ("ec2", "DescribeVpcEndpoints", "VpcEndpoints", "NextToken", "NextToken"),
    ("ec2", "DescribeVpcPeeringConnections", "VpcPeeringConnections", "NextToken", "NextToken"),
    ("ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", "NextToken", "NextToken"),
    ("ec2", "DescribeVpcs", "Vpcs", "NextToken", "NextToken"),
    ("ec2", "DescribeDhcpOptions", "DhcpOptions", "NextToken", "NextToken"),
    ("ec2", "DescribeManagedPrefixLists", "PrefixLists", "NextToken", "NextToken"),
    ("ec2", "GetManagedPrefixListEntries", "Entries", "NextToken", "NextToken"),
    ("rds", "DescribeDBClusters", "DBClusters", "Marker", "Marker"),
    ("rds", "DescribeDBInstances", "DBInstances", "Marker", "Marker"),
    ("rds", "DescribeDBProxies", "DBProxies", "Marker", "Marker"),
    ("rds", "DescribeDBSubnetGroups", "DBSubnetGroups", "Marker", "Marker"),
    ("route53", "ListHostedZonesByVPC", "HostedZoneSummaries", "nexttoken", "NextToken"),
    ("elbv2", "DescribeLoadBalancers", "LoadBalancers", "Marker", "NextMarker"),
    ("iam", "SimulatePrincipalPolicy", "EvaluationResults", "Marker", "Marker"),
    ("apprunner", "ListServices", "ServiceSummaryList", "NextToken", "NextToken"),
    ("servicediscovery", "ListNamespaces", "Namespaces", "NextToken", "NextToken"),
    ("servicediscovery", "ListServices", "Services", "NextToken", "NextToken"),
    ("servicediscovery", "ListInstances", "Instances", "NextToken", "NextToken"),
]
NEEDED = {
    "SimulatePrincipalPolicy": {
        "PolicySourceArn": "arn:aws:iam::123456789012:role/app",
        "ActionNames": ["s3:GetObject"],
    },
    "GetManagedPrefixListEntries": {"PrefixListId": "pl-1"},
    "ListInstances": {"ServiceId": "srv-1"},
    "ListHostedZonesByVPC": {"VPCId": "vpc-1", "VPCRegion": REGION},
}
ZONE = {"HostedZoneId": "Z1", "Name": "example.", "Owner": {"OwningAccount": "123456789012"}}
EVALUATION = {"EvalActionName": "s3:GetObject", "EvalDecision": "allowed"}


def _item(service: str, operation: str, key: str) -> dict[str, str]:
    """Something that XML does not leave out: one field of text."""
    shape = MODELS.get_service_model(service).operation_model(operation).output_shape.members[key].member
    name = next(name for name, each in shape.members.items() if each.type_name == "string" and not each.enum)
    return {name: 64 * "x"}


@pytest.mark.parametrize(("service", "operation", "key", "sent", "got"), PAGED, ids=lambda value: str(value))
def test_all_pages_are_read(door: Door, program: Aws, service: str, operation: str, key: str, sent: str, got: str):
    item = {"iam": EVALUATION, "route53": ZONE}.get(service) or _item(service, operation, key)

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        last = bool(request.get(sent))
        more = {"iam": {"IsTruncated": not last}, "route53": {"MaxItems": "100"}}.get(service, {})
        return {key: [item], **more} if last else {key: [item, item], got: "more", **more}

    door.answer(service, operation, answer)
    assert len(program.all(service, operation, key, **NEEDED.get(operation, {}))) == 3
    assert len(door.noted) == 2


def test_the_health_of_all_pages_is_read(door: Door, program: Aws):
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        if request.get("NextToken"):
            return {"Status": {"b": "UNHEALTHY"}}
        return {"Status": {"a": "HEALTHY"}, "NextToken": "more"}

    door.answer("servicediscovery", "GetInstancesHealthStatus", answer)
    found = program.mapping("servicediscovery", "GetInstancesHealthStatus", "Status", ServiceId="srv-1")
    assert found == {"a": "HEALTHY", "b": "UNHEALTHY"}


def test_a_token_that_never_ends_does_not_hang(door: Door, program: Aws):
    door.answer("apprunner", "ListServices", {"ServiceSummaryList": [{}], "NextToken": "again"})
    assert len(program.all("apprunner", "ListServices", "ServiceSummaryList")) == 2
