"""`make preflight`, `bootstrap`, `status`, `logs` and `rollback`, with botocore's own models judging each call."""

import datetime
import os
import subprocess
import sys
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from causeway import contract
from causeway.settings import Settings
from operations import bootstrap, logs, preflight, rollback, status
from operations.aws import Aws, Refused
from operations.stacks import STACKS
from system import CDK_FOLDER, System

NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)


class StubbedAws(Aws):
    """Clients that answer what the test expects, in its order, and check every call against AWS's model."""

    def __init__(self) -> None:
        super().__init__(boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1"))
        self._stubbers: dict[str, Stubber] = {}

    def client(self, service: str) -> Any:
        client = super().client(service)
        if service not in self._stubbers:
            self._stubbers[service] = Stubber(client)
            self._stubbers[service].activate()
        return client

    def expect(self, service: str, operation: str, answer: dict[str, Any], **parameters: Any) -> None:
        self.client(service)
        self._stubbers[service].add_response(operation, answer, parameters)

    def expect_error(self, service: str, operation: str, code: str, message: str = "") -> None:
        self.client(service)
        self._stubbers[service].add_client_error(operation, code, message)

    def expect_stacks(self, stage: str, **states: str) -> None:
        for stack in STACKS:
            name = f"Causeway-{stage}-{stack}"
            if stack in states:
                self.expect("cloudformation", "describe_stacks", _stack(name, states[stack]), StackName=name)
            else:
                self.expect_error("cloudformation", "describe_stacks", "ValidationError", f"{name} does not exist")

    def all_was_asked(self) -> None:
        for stubber in self._stubbers.values():
            stubber.assert_no_pending_responses()


def _stack(name: str, state: str, **outputs: str) -> dict[str, Any]:
    pairs = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    return {"Stacks": [{"StackName": name, "CreationTime": NOW, "StackStatus": state, "Outputs": pairs}]}


@pytest.fixture
def aws() -> StubbedAws:
    return StubbedAws()


@pytest.fixture(autouse=True)
def an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_engine", lambda: iter(()))


def _settings(**values: str) -> Settings:
    return Settings.parse(values)


def _ready(aws: StubbedAws, stage: str = "dev", **states: str) -> None:
    """An account in which nothing stands in the way."""
    aws.expect("sts", "get_caller_identity", {"Account": "111122223333"})
    aws.expect("ssm", "get_parameter", {"Parameter": {"Value": "27"}}, Name="/cdk-bootstrap/hnb659fds/version")
    aws.expect("iam", "get_role", _role(), RoleName="AWSServiceRoleForECS")
    _zones(aws)
    aws.expect_stacks(stage, **states)
    for stack in ("Data", "Edge"):
        name = f"Causeway-{stage}-{stack}"
        aws.expect_error("cloudformation", "describe_stacks", "ValidationError", f"{name} does not exist")
        aws.expect("logs", "describe_log_groups", {"logGroups": []}, logGroupNamePrefix=ANY)


def _role() -> dict[str, Any]:
    role = {"Path": "/", "RoleName": "r", "RoleId": "A" * 16, "Arn": "a" * 20, "CreateDate": NOW}
    return {"Role": role}


def _zones(aws: StubbedAws, *ids: str) -> None:
    zones = [
        {"ZoneName": f"eu-west-1{letter}", "ZoneId": id}
        for letter, id in zip("abc", ids or ("euw1-az1", "euw1-az2", "euw1-az3"), strict=True)
    ]
    aws.expect("ec2", "describe_availability_zones", {"AvailabilityZones": zones}, Filters=ANY)


def _preflight(aws: StubbedAws, approval: str = "never", **values: str) -> list[str]:
    found = list(preflight.run(_settings(**values), aws, approval))
    aws.all_was_asked()
    return found


def test_nothing_is_found_where_nothing_is_missing(aws: StubbedAws):
    _ready(aws)

    assert _preflight(aws) == []


def test_a_fresh_account_is_told_to_bootstrap(aws: StubbedAws):
    aws.expect("sts", "get_caller_identity", {"Account": "111122223333"})
    aws.expect_error("ssm", "get_parameter", "ParameterNotFound")
    aws.expect_error("iam", "get_role", "NoSuchEntity")
    _zones(aws)
    aws.expect_stacks("dev")
    for _ in range(2):
        aws.expect_error("cloudformation", "describe_stacks", "ValidationError", "does not exist")
        aws.expect("logs", "describe_log_groups", {"logGroups": []}, logGroupNamePrefix=ANY)

    found = _preflight(aws)

    assert len(found) == 2
    assert all(line.endswith("run make bootstrap") for line in found)


def test_credentials_of_another_account_or_region_are_refused(aws: StubbedAws):
    _ready(aws)

    found = _preflight(aws, account="999999999999", region="us-east-1")

    assert "region=us-east-1, but the session's is eu-west-1" in found[0]
    assert "account=999999999999, but the credentials are of 111122223333" in found[1]


def test_without_a_terminal_somebody_must_have_approved(aws: StubbedAws):
    _ready(aws)

    [line] = _preflight(aws, approval="broadening")

    assert line.endswith("say APPROVAL=never")


def test_a_zone_that_vpc_links_do_not_know_is_avoided_by_its_id(aws: StubbedAws):
    aws.expect("ec2", "describe_availability_zones", _zone_answer("use1-az3", "use1-az6", "use1-az1"), Filters=ANY)

    [line] = list(preflight._zones(_settings(catalogue="true"), aws))

    assert "say ZONE_IDS=use1-az6,use1-az1" in line


def _zone_answer(*ids: str) -> dict[str, Any]:
    return {
        "AvailabilityZones": [
            {"ZoneName": f"us-east-1{letter}", "ZoneId": id} for letter, id in zip("abc", ids, strict=True)
        ]
    }


def test_two_stages_in_one_network_are_refused_because_their_private_zones_collide(aws: StubbedAws):
    summary = {"HostedZoneId": "Z1", "Name": f"{contract.NAMESPACE}.", "Owner": {"OwningAccount": "111122223333"}}
    aws.expect_error("cloudformation", "describe_stacks", "ValidationError", "does not exist")
    aws.expect(
        "route53",
        "list_hosted_zones_by_vpc",
        {"HostedZoneSummaries": [summary], "MaxItems": "100"},
        VPCId="vpc-0123",
        VPCRegion="eu-west-1",
    )
    settings = _settings(
        vpc_id="vpc-0123",
        availability_zones="eu-west-1a,eu-west-1b",
        public_subnet_ids="subnet-0a,subnet-0b",
        private_subnet_ids="subnet-1a,subnet-1b",
        private_route_table_ids="rtb-1a,rtb-1b",
    )

    [line] = list(preflight._namespace(settings, aws))

    assert line.startswith("vpc-0123 has the private zone apprunner.demo of another stage")


def test_what_an_earlier_prod_left_behind_is_named_before_it_fails_the_deployment(aws: StubbedAws):
    group = "/aws/rds/cluster/causeway-prod/postgresql"
    for found in ([{"logGroupName": group}], []):
        aws.expect_error("cloudformation", "describe_stacks", "ValidationError", "does not exist")
        aws.expect("logs", "describe_log_groups", {"logGroups": found}, logGroupNamePrefix=ANY)

    [line] = list(preflight._names_taken(_settings(stage="prod"), aws))

    assert line.endswith(f"aws logs delete-log-group --log-group-name {group}")


def test_a_first_deployment_that_failed_is_told_how_to_go_on(aws: StubbedAws):
    aws.expect_stacks("prod", Network="CREATE_COMPLETE", Data="ROLLBACK_FAILED")

    [line] = list(preflight._half_made_stacks(_settings(stage="prod"), aws))

    assert line.startswith("Causeway-prod-Data is ROLLBACK_FAILED")
    assert line.endswith("run make rollback")


def test_bootstrap_makes_the_role_and_names_the_environment(aws: StubbedAws):
    aws.expect_error("iam", "get_role", "NoSuchEntity")
    aws.expect("iam", "create_service_linked_role", {}, AWSServiceName="ecs.amazonaws.com")
    aws.expect("sts", "get_caller_identity", {"Account": "111122223333"})

    assert list(bootstrap.run(aws)) == ["aws://111122223333/eu-west-1"]
    aws.all_was_asked()


def test_rollback_removes_what_a_failed_first_deployment_left_though_it_was_protected(aws: StubbedAws):
    for stack in reversed(STACKS):
        name = f"Causeway-prod-{stack}"
        if stack == "Network":
            aws.expect("cloudformation", "describe_stacks", _stack(name, "CREATE_COMPLETE"), StackName=name)
        elif stack == "Data":
            aws.expect("cloudformation", "describe_stacks", _stack(name, "ROLLBACK_FAILED"), StackName=name)
            aws.expect(
                "cloudformation",
                "update_termination_protection",
                {},
                StackName=name,
                EnableTerminationProtection=False,
            )
            aws.expect("cloudformation", "delete_stack", {}, StackName=name)
        else:
            aws.expect_error("cloudformation", "describe_stacks", "ValidationError", f"{name} does not exist")
    clusters = {"DBClusters": [{"DBClusterIdentifier": "causeway-prod", "DeletionProtection": True}]}
    aws.expect("rds", "describe_db_clusters", clusters, Filters=ANY)
    aws.expect(
        "rds",
        "modify_db_cluster",
        {},
        DBClusterIdentifier="causeway-prod",
        DeletionProtection=False,
        ApplyImmediately=True,
    )

    [line] = list(rollback.run(_settings(stage="prod"), aws))

    assert line.startswith("Causeway-prod-Data: ROLLBACK_FAILED, being deleted")
    aws.all_was_asked()


def test_rollback_continues_an_update_that_stopped(aws: StubbedAws):
    for stack in reversed(STACKS):
        name = f"Causeway-dev-{stack}"
        if stack == "ExpressFrontDoor":
            aws.expect("cloudformation", "describe_stacks", _stack(name, "UPDATE_ROLLBACK_FAILED"), StackName=name)
            aws.expect("cloudformation", "continue_update_rollback", {}, StackName=name)
        else:
            aws.expect_error("cloudformation", "describe_stacks", "ValidationError", f"{name} does not exist")

    assert len(list(rollback.run(_settings(), aws))) == 1
    aws.all_was_asked()


DOCTOR_IS_WELL = {
    "Response": "All is well",
    "Service": {"Name": "frontend-api", "Version": "0.3.0", "Revision": "arn:…:7"},
    "Checks": [{"name": "database", "outcome": "ok", "stages": [{"name": "dns", "outcome": "ok"}]}],
}
DOCTOR_IS_NOT = {
    "Checks": [
        {
            "name": "database",
            "outcome": "failed",
            "stages": [
                {"name": "dns", "outcome": "ok"},
                {"name": "tcp", "outcome": "failed", "cause": "No answer.", "remedy": "Open port 5432."},
                {"name": "tls", "outcome": "skipped"},
            ],
        }
    ],
}


def _deployed(aws: StubbedAws, alarms: list[dict[str, Any]]) -> None:
    for stack in STACKS:
        name = f"Causeway-dev-{stack}"
        if stack == "ExpressFrontDoor":
            outputs = {
                "ServiceUrl": "https://api.example",
                "DoctorUrl": "https://api.example/test-connection",
                "AdminTokenSecret": "arn",
            }
            answer = _stack(name, "UPDATE_COMPLETE", **outputs)
            aws.expect("cloudformation", "describe_stacks", answer, StackName=name)
        else:
            aws.expect_error("cloudformation", "describe_stacks", "ValidationError", f"{name} does not exist")
    aws.expect("secretsmanager", "get_secret_value", {"SecretString": "the-token"}, SecretId="arn")
    aws.expect(
        "cloudwatch", "describe_alarms", {"MetricAlarms": alarms}, AlarmNamePrefix="causeway-dev-", StateValue="ALARM"
    )


def _answers(document: object):
    def fetch(url: str, headers: dict[str, str]) -> tuple[int, object]:
        if url.endswith("/health"):
            return 200, None
        assert headers["Authorization"] == "Bearer the-token"
        return 200, document

    return fetch


def test_status_shows_version_health_and_verdict(aws: StubbedAws):
    _deployed(aws, alarms=[])

    report = status.run(_settings(), aws, _answers(DOCTOR_IS_WELL))

    text = "\n".join(report.lines)
    assert report.well
    assert "https://api.example health 200" in text
    assert "version 0.3.0, revision arn:…:7" in text
    assert "the doctor says: All is well" in text
    assert "the-token" not in text


def test_status_is_not_well_when_a_hop_fails_and_names_stage_cause_and_remedy(aws: StubbedAws):
    _deployed(aws, alarms=[])

    report = status.run(_settings(), aws, _answers(DOCTOR_IS_NOT))

    assert not report.well
    assert any("database fails at tcp: No answer.; Open port 5432." in line for line in report.lines)


def test_status_is_not_well_when_an_alarm_is_on(aws: StubbedAws):
    _deployed(aws, alarms=[{"AlarmName": "causeway-dev-errors", "StateReason": "too many"}])

    report = status.run(_settings(), aws, _answers(DOCTOR_IS_WELL))

    assert not report.well
    assert "!! alarm causeway-dev-errors: too many" in report.lines


@pytest.mark.parametrize("document", [None, []])
def test_status_is_not_well_when_the_doctor_does_not_answer(aws: StubbedAws, document: object):
    _deployed(aws, alarms=[])

    assert not status.run(_settings(), aws, _answers(document)).well


def test_a_stage_that_is_not_there_is_said_in_one_line(aws: StubbedAws):
    aws.expect_stacks("alice")

    with pytest.raises(Refused, match="no stage alice in eu-west-1: run make deploy STAGE=alice"):
        status.run(_settings(stage="alice"), aws, _answers(None))


@pytest.mark.parametrize(("since", "expected"), [("30s", 30), ("15m", 900), ("2h", 7200), ("1d", 86_400)])
def test_since_takes_a_number_and_a_unit(since: str, expected: int):
    assert logs.seconds(since) == expected


@pytest.mark.parametrize("since", ["", "15", "m", "-1h", "1.5h", "1w"])
def test_since_refuses_everything_else(since: str):
    with pytest.raises(Refused, match="say a number and"):
        logs.seconds(since)


def test_each_service_has_exactly_one_log_group_in_the_stack_that_runs_it(prod: System):
    for service, stacks in logs.SERVICES.items():
        for stack in set(stacks) & set(prod.stacks):
            if (service, stack) == ("frontend-api", "AppRunnerFrontDoor"):
                continue  # App Runner makes its groups itself
            found = [
                resource.id
                for resource in prod.of_type("AWS::Logs::LogGroup", stack)
                if logs._is_of({"LogicalResourceId": resource.id}, service)
            ]
            assert len(found) == 1, (service, stack, found)


@pytest.mark.parametrize(
    ("command", "environment", "expected"),
    [
        ("status", {}, "no AWS credentials were found: run aws sso login, or export AWS_PROFILE="),
        ("logs", {"AWS_PROFILE": "nobody"}, "The config profile (nobody) could not be found"),
        ("rollback", {"AWS_REGION": ""}, "no region is set: export AWS_REGION="),
        ("reachable", {}, "no AWS credentials were found"),
    ],
)
def test_without_credentials_or_region_each_command_says_so_in_one_line_and_fails(
    command: str, environment: dict[str, str], expected: str, tmp_path
):
    bare = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        **environment,
    }
    result = subprocess.run(
        [sys.executable, "-m", "operations", command],
        cwd=CDK_FOLDER,
        env={name: value for name, value in bare.items() if value},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (result.returncode, result.stdout) == (1, "")
    [line] = result.stderr.splitlines()
    assert expected in line


def test_a_setting_that_cannot_be_meant_ends_each_command_alike():
    result = subprocess.run(
        [sys.executable, "-m", "operations", "status", "-c", "databse_max_acu=3"],
        cwd=CDK_FOLDER,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert result.returncode == 64
    assert result.stderr.startswith("causeway: databse_max_acu: there is no such setting; did you mean")
