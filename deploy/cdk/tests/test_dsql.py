"""Aurora DSQL: who may log in as whom, by which way, and that a role is mapped to its user before it is needed."""

import json
import re
from typing import Any

import pytest

import costs
from system import Resource, Stack, System


def _may(system: System, action: str) -> list[tuple[Resource, dict[str, Any]]]:
    return [
        (policy, statement)
        for policy in system.of_type("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]


def _doors(system: System) -> list[Stack]:
    return [stack for name, stack in system.stacks.items() if name.endswith("FrontDoor")]


def _roles(policy: Resource) -> list[str]:
    return [role["Ref"][:-8] for role in policy.properties["Roles"]]


def test_the_application_may_connect_to_its_cluster_and_not_as_its_admin(on_dsql: System):
    allowed = _may(on_dsql, "dsql:DbConnect")

    assert [policy.stack for policy, _ in allowed] == _doors(on_dsql)
    for policy, statement in allowed:
        assert _roles(policy) == ["ApplicationRole"]
        assert on_dsql.target(policy.stack, statement["Resource"]).startswith("Data.DsqlCluster")


def test_the_function_that_makes_the_user_and_nobody_else_may_connect_as_the_admin(on_dsql: System):
    allowed = _may(on_dsql, "dsql:DbConnectAdmin")

    assert [policy.stack for policy, _ in allowed] == _doors(on_dsql)
    for policy, statement in allowed:
        assert _roles(policy) == ["DatabaseUserRole"]
        assert on_dsql.target(policy.stack, statement["Resource"]).startswith("Data.DsqlCluster")


def test_no_other_action_of_dsql_is_allowed(on_dsql: System):
    for policy in on_dsql.of_type("AWS::IAM::Policy"):
        text = str(policy.properties)
        assert text.count("'dsql:") == text.count("'dsql:DbConnect'") + text.count("'dsql:DbConnectAdmin'"), policy.key


def test_each_front_doors_role_is_mapped_to_the_user_before_the_front_door_runs(on_dsql: System):
    mappings = on_dsql.of_type("Custom::DsqlUser")

    assert [mapping.stack for mapping in mappings] == _doors(on_dsql)
    for mapping in mappings:
        properties = mapping.properties
        assert properties["User"] == "causeway"
        assert on_dsql.target(mapping.stack, properties["Role"]).split(".")[1].startswith("ApplicationRole")
        assert on_dsql.target(mapping.stack, properties["Host"]).startswith("Data.DsqlCluster")
        assert {"DatabaseUserRole", "DatabaseUserRoleDefaultPolicy", "ApplicationRoleDefaultPolicy"} <= {
            id[:-8] for id in mapping.body["DependsOn"]
        }
        runs = [
            each
            for each in mapping.stack.resources()
            if each.type in ("AWS::ECS::TaskDefinition", "AWS::AppRunner::Service")
        ]
        assert runs and all(mapping.id in each.body["DependsOn"] for each in runs)


def test_the_function_logs_in_at_the_public_endpoint_and_the_application_at_the_private_one(on_dsql: System):
    """The function stands outside the VPC; tokens are signed for the name by which each of them connects."""
    [mapping, *_] = on_dsql.of_type("Custom::DsqlUser")
    _, host = on_dsql.follow(mapping.stack, mapping.properties["Host"])

    assert host["Fn::GetAtt"][1] == "Endpoint"
    assert '"VpcEndpoint"' in on_dsql.stacks["Data"].text


def test_dsql_is_reached_through_an_endpoint_that_only_the_front_doors_may_use(on_dsql: System):
    endpoint = on_dsql.only("AWS::EC2::VPCEndpoint", "Data").properties
    [group] = endpoint["SecurityGroupIds"]
    rules = [
        rule for rule in on_dsql.of_type("AWS::EC2::SecurityGroupIngress") if rule.properties.get("FromPort") == 5432
    ]

    assert endpoint["PrivateDnsEnabled"] is True
    assert endpoint["ServiceName"]["Fn::GetAtt"][1] == "VpcEndpointServiceName"
    assert group["Fn::GetAtt"][0].startswith("DsqlGroup")
    assert len(rules) == len(_doors(on_dsql))


PUBLISHED = {
    "ClusterStorageSize",
    "CommitLatency",
    "ComputeDPU",
    "OccConflicts",
    "QueryTimeouts",
    "ReadDPU",
    "TotalDPU",
    "TotalTransactions",
    "WriteDPU",
}
"""Those of the page Monitoring Aurora DSQL with Amazon CloudWatch that are used here."""


def _metrics(alarm: Resource) -> list[dict[str, Any]]:
    """Returns the metrics that an alarm looks at, alone or in an expression."""
    if "MetricName" in alarm.properties:
        return [alarm.properties]
    return [each["MetricStat"]["Metric"] for each in alarm.properties["Metrics"] if "MetricStat" in each]


def _alarms(system: System) -> dict[str, Resource]:
    found = {}
    for alarm in system.of_type("AWS::CloudWatch::Alarm", "Watch"):
        if any(metric.get("Namespace") == "AWS/AuroraDSQL" for metric in _metrics(alarm)):
            found[alarm.properties["AlarmName"].removeprefix(f"causeway-{_stage(system)}-")] = alarm
    return found


def _stage(system: System) -> str:
    return system.only("AWS::CloudWatch::Dashboard").properties["DashboardName"].removeprefix("causeway-")


WATCHED = {"database-conflicts", "database-commits", "database-storage"}


def test_conflicts_commits_and_storage_are_watched(on_dsql: System):
    assert set(_alarms(on_dsql)) == WATCHED


def test_each_alarm_looks_at_a_metric_that_aws_publishes_of_this_cluster(on_dsql: System):
    for alarm in _alarms(on_dsql).values():
        for metric in _metrics(alarm):
            [dimension] = metric["Dimensions"]
            assert metric["MetricName"] in PUBLISHED, alarm.key
            assert dimension["Name"] == "ClusterId"
            assert on_dsql.target(alarm.stack, dimension["Value"]).startswith("Data.DsqlCluster")


def test_conflicts_are_a_share_of_enough_transactions(on_dsql: System):
    [expression] = [
        each["Expression"]
        for each in _alarms(on_dsql)["database-conflicts"].properties["Metrics"]
        if "Expression" in each
    ]

    assert expression == "IF(transactions >= 100, 100 * FILL(conflicts, 0) / transactions, 0)"


def test_the_work_that_costs_the_budget_is_counted_with_the_price_of_the_table(prod: System):
    """500 USD in 730 hours, at 8 USD a million. A stage without a budget has no such alarm."""
    if not prod.combination.is_dsql:
        pytest.skip("Aurora is paid by capacity, which has a maximum")
    alarms = _alarms(prod)

    assert set(alarms) == WATCHED | {"database-work"}
    assert alarms["database-work"].properties["AlarmDescription"].endswith("Runbook: docs/runbooks.md#database-work")
    assert alarms["database-work"].properties["Threshold"] == int(
        500 / costs.HOURS / costs.PRICES["dsql_million_dpu"] * 1_000_000
    )


def test_the_dashboard_shows_what_aws_publishes_of_dsql(on_dsql: System):
    text = json.dumps(on_dsql.only("AWS::CloudWatch::Dashboard").properties["DashboardBody"]).replace("\\", "")

    assert set(re.findall(r'"AWS/AuroraDSQL","(\w+)","ClusterId"', text)) == PUBLISHED - {"TotalDPU"}
