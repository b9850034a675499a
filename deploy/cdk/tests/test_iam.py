"""Each statement names what it is about; the few that cannot are known, action by action."""

from collections.abc import Iterator
from typing import Any

from system import Resource, System

ACTIONS_THAT_TAKE_NO_RESOURCE = {
    "ec2:DescribeSecurityGroupRules",
    "ecr:GetAuthorizationToken",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
}

MANAGED_POLICIES = {
    "service-role/AmazonECSInfrastructureRoleforExpressGatewayServices",
    "AmazonECSInfrastructureRolePolicyForLoadBalancers",
    # The CDK's own function that runs ours at a deployment.
    "service-role/AWSLambdaBasicExecutionRole",
}


def _statements(system: System) -> Iterator[tuple[Resource, dict[str, Any]]]:
    for policy in system.of_type("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            yield policy, statement
    for role in system.of_type("AWS::IAM::Role"):
        for inline in role.properties.get("Policies", []):
            for statement in inline["PolicyDocument"]["Statement"]:
                yield role, statement


def _actions(statement: dict[str, Any]) -> set[str]:
    actions = statement["Action"]
    return {actions} if isinstance(actions, str) else set(actions)


def test_every_statement_names_its_resources(system: System):
    for resource, statement in _statements(system):
        if statement["Resource"] == "*":
            assert _actions(statement) <= ACTIONS_THAT_TAKE_NO_RESOURCE, resource.key


def test_no_action_is_a_wildcard(system: System):
    for resource, statement in _statements(system):
        assert not any("*" in action for action in _actions(statement)), resource.key


def test_statements_allow_and_name_no_exceptions(system: System):
    for resource, statement in _statements(system):
        assert statement["Effect"] == "Allow", resource.key
        assert not {"NotAction", "NotResource"} & set(statement), resource.key


def test_the_only_managed_policies_are_those_that_aws_keeps_for_its_own_parts(system: System):
    for role in system.of_type("AWS::IAM::Role"):
        for arn in role.properties.get("ManagedPolicyArns", []):
            assert any(str(name) in str(arn) for name in MANAGED_POLICIES), f"{role.key}: {arn}"


def test_a_role_is_taken_on_by_one_aws_service(system: System):
    for role in system.of_type("AWS::IAM::Role"):
        [statement] = role.properties["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRole"
        assert isinstance(statement["Principal"]["Service"], str), role.key


def test_the_application_may_read_its_database_secret_and_no_more_secrets_than_that_and_the_token(system: System):
    for policy in system.of_type("AWS::IAM::Policy"):
        if not policy.stack.name.endswith("FrontDoor"):
            continue
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if "secretsmanager:GetSecretValue" in _actions(statement):
                resources = (
                    statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
                )
                for resource in resources:
                    assert system.target(policy.stack, resource).startswith(
                        ("Data.ApplicationUserSecretAttachment", "Data.AdminToken")
                    )
