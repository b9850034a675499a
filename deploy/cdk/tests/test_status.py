"""`make status` and `make logs`, with botocore's own models judging each call."""

from typing import Any

import pytest

from causeway.settings import Settings
from operations import logs, status
from operations.aws import Refused
from operations.stacks import STACKS
from stubbed_aws import StubbedAws, described
from system import System


@pytest.fixture
def aws() -> StubbedAws:
    return StubbedAws()


def _of(**values: str) -> Settings:
    return Settings.parse(values)


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
            answer = described(name, "UPDATE_COMPLETE", **outputs)
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

    report = status.run(_of(), aws, _answers(DOCTOR_IS_WELL))

    text = "\n".join(report.lines)
    assert report.well
    assert "https://api.example health 200" in text
    assert "version 0.3.0, revision arn:…:7" in text
    assert "the doctor says: All is well" in text
    assert "the-token" not in text


def test_status_is_not_well_when_a_hop_fails_and_names_stage_cause_and_remedy(aws: StubbedAws):
    _deployed(aws, alarms=[])

    report = status.run(_of(), aws, _answers(DOCTOR_IS_NOT))

    assert not report.well
    assert any("database fails at tcp: No answer.; Open port 5432." in line for line in report.lines)


def test_status_is_not_well_when_an_alarm_is_on(aws: StubbedAws):
    _deployed(aws, alarms=[{"AlarmName": "causeway-dev-errors", "StateReason": "too many"}])

    report = status.run(_of(), aws, _answers(DOCTOR_IS_WELL))

    assert not report.well
    assert "!! alarm causeway-dev-errors: too many" in report.lines


@pytest.mark.parametrize("document", [None, []])
def test_status_is_not_well_when_the_doctor_does_not_answer(aws: StubbedAws, document: object):
    _deployed(aws, alarms=[])

    assert not status.run(_of(), aws, _answers(document)).well


def test_a_stage_that_is_not_there_is_said_in_one_line(aws: StubbedAws):
    aws.expect_stacks("alice")

    with pytest.raises(Refused, match="the stage alice does not exist in eu-west-1: run make deploy STAGE=alice"):
        status.run(_of(stage="alice"), aws, _answers(None))


@pytest.mark.parametrize(("since", "expected"), [("30s", 30), ("15m", 900), ("2h", 7200), ("1d", 86_400)])
def test_since_takes_a_number_and_a_unit(since: str, expected: int):
    assert logs.seconds(since) == expected


@pytest.mark.parametrize("since", ["", "15", "m", "-1h", "1.5h", "1w"])
def test_since_refuses_everything_else(since: str):
    with pytest.raises(Refused, match="must be a number and"):
        logs.seconds(since)


def test_each_service_has_exactly_one_log_group_in_the_stack_that_runs_it(prod: System):
    for service, stacks in logs.SERVICES.items():
        for stack in set(stacks) & set(prod.stacks):
            if (service, stack) == ("frontend-api", "AppRunnerFrontDoor"):
                continue  # App Runner makes its groups itself
            if service == "database" and prod.combination.is_dsql:
                continue  # DSQL writes no log
            found = [
                resource.id
                for resource in prod.of_type("AWS::Logs::LogGroup", stack)
                if logs._is_of({"LogicalResourceId": resource.id}, service)
            ]
            assert len(found) == 1, (service, stack, found)
