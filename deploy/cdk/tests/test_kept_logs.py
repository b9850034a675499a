"""The log groups that App Runner makes expire; botocore's model of CloudWatch Logs judges the function's calls."""

import boto3
import keep_logs
import pytest
from botocore.stub import Stubber

from system import COMBINATIONS, System

GROUP = "/aws/apprunner/front/0123/application"


@pytest.mark.parametrize("there", [True, False], ids=["made by App Runner", "not made yet"])
def test_a_group_gets_a_retention_whether_or_not_it_is_there(there: bool):
    logs = boto3.client("logs", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(logs) as stub:
        if there:
            stub.add_client_error("create_log_group", "ResourceAlreadyExistsException")
        else:
            stub.add_response("create_log_group", {}, {"logGroupName": GROUP})
        stub.add_response("put_retention_policy", {}, {"logGroupName": GROUP, "retentionInDays": 7})

        keep_logs.keep(logs, [GROUP], 7)

        stub.assert_no_pending_responses()


def test_a_refusal_is_no_success():
    logs = boto3.client("logs", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(logs) as stub:
        stub.add_client_error("create_log_group", "AccessDeniedException")

        with pytest.raises(logs.exceptions.ClientError, match="AccessDenied"):
            keep_logs.keep(logs, [GROUP], 7)


@pytest.mark.parametrize("combination", [each for each in COMBINATIONS if "app-runner" in each.front_door], ids=str)
def test_both_groups_of_app_runner_expire_in_dev(synthesised, combination):
    _check(synthesised(combination), 7)


def test_both_groups_of_app_runner_expire_in_prod(prod: System):
    _check(prod, 180)


def _check(system: System, days: int) -> None:
    [kept] = system.of_type("Custom::KeptLogs")

    assert kept.properties["Days"] == days
    assert [group["Fn::Join"][1][-1] for group in kept.properties["Groups"]] == ["/application", "/service"]
    assert all(group["Fn::Join"][1][0] == "/aws/apprunner/" for group in kept.properties["Groups"])
    assert "Service" in kept.body["DependsOn"]
