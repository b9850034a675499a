"""The doctor as a construct for any CDK app: its template, and its function, whose calls botocore's models judge."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import boto3
import connectivity_check as function
import pytest
import yaml
from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_secretsmanager as secretsmanager
from botocore.stub import Stubber
from cdk_nag import AwsSolutionsChecks

from causeway.connectivity_check import ConnectivityCheck
from system import REPOSITORY_ROOT
from test_doctor_gate import Time
from test_environment import _binary

TASK = "arn:aws:ecs:eu-west-1:111122223333:task/main/0123"
WANTED = {
    "Cluster": "main",
    "TaskDefinition": "doctor:1",
    "Subnets": ["subnet-1"],
    "SecurityGroups": ["sg-1"],
    "AssignPublicIp": "DISABLED",
    "LogGroup": "doctor-log",
}
REQUEST = "0e2f-of-cloudformation"
RUN = {
    "cluster": "main",
    "taskDefinition": "doctor:1",
    "launchType": "FARGATE",
    "clientToken": REQUEST,
    "networkConfiguration": {
        "awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"}
    },
}
STREAM = {"logGroupName": "doctor-log", "logStreamName": "doctor/doctor/0123", "startFromHead": True}

SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:database-AbCdEf"
DOCUMENT = (REPOSITORY_ROOT / "docs/doctor-anywhere.md").read_text()
[EXAMPLE] = re.findall(r"```python\n(.+?)```", DOCUMENT, re.DOTALL)
ACKNOWLEDGED = {
    "AwsSolutions-ECS2": "the region is no secret",
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:task/main/*]": (
        "tasks of one cluster, whose ids are not known beforehand"
    ),
}
"""What cdk-nag finds, and what a user of the check has to answer."""


class Aws:
    """ECS and CloudWatch Logs; each call is held against botocore's model."""

    def __init__(self) -> None:
        def client(name: str) -> Any:
            return boto3.client(name, region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")

        self.ecs, self.logs = client("ecs"), client("logs")
        self.ecs_stub, self.logs_stub = Stubber(self.ecs), Stubber(self.logs)
        self.time = Time()

    def starts(self, *failures: dict[str, str]) -> None:
        tasks = [] if failures else [{"taskArn": TASK}]
        self.ecs_stub.add_response("run_task", {"tasks": tasks, "failures": list(failures)}, RUN)

    def answers(self, status: str, **task: Any) -> None:
        described = {"tasks": [{"lastStatus": status, **task}]}
        self.ecs_stub.add_response("describe_tasks", described, {"cluster": "main", "tasks": [TASK]})

    def ends(self, **container: Any) -> None:
        self.answers("STOPPED", containers=[{"name": "guard"}, {"name": "doctor", **container}])

    def check(self) -> None:
        with self.ecs_stub, self.logs_stub:
            function.check(self.ecs, self.logs, WANTED, REQUEST, self.time.clock, self.time.sleep)
            self.ecs_stub.assert_no_pending_responses()

    def fails(self) -> str:
        with pytest.raises(function.CheckFailed) as failure:
            self.check()
        self.ecs_stub.assert_no_pending_responses()
        self.logs_stub.assert_no_pending_responses()
        return str(failure.value)


@pytest.fixture
def aws() -> Aws:
    return Aws()


def test_a_doctor_that_finds_nothing_lets_the_deployment_go_on(aws: Aws):
    aws.starts()
    aws.answers("PROVISIONING")
    aws.answers("RUNNING")
    aws.ends(exitCode=0)

    aws.check()


def _doctor(*options: str) -> subprocess.CompletedProcess[str]:
    command = [_binary("doctor"), "--json", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _events(text: str) -> dict[str, Any]:
    return {"events": [{"message": line} for line in text.splitlines() if line]}


def test_the_built_doctors_report_becomes_the_reason_even_if_it_arrives_late(aws: Aws):
    report = _doctor("--target", "127.0.0.1:1")
    assert report.returncode == 1
    aws.starts()
    aws.ends(exitCode=1)
    aws.logs_stub.add_client_error("get_log_events", "ResourceNotFoundException")
    aws.logs_stub.add_response("get_log_events", {"events": []}, STREAM)
    aws.logs_stub.add_response("get_log_events", _events(report.stderr + report.stdout), STREAM)

    why = aws.fails()

    assert why.startswith("127.0.0.1:1 fails at tcp: ")
    assert "nothing listens on the port" in why


def test_a_mistake_in_the_options_is_told(aws: Aws):
    report = _doctor("--target", "no port")
    assert report.returncode == 64
    aws.starts()
    aws.ends(exitCode=64)
    aws.logs_stub.add_response("get_log_events", _events(report.stderr + report.stdout), STREAM)

    assert "--target has a value that is neither host:port" in aws.fails()


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ({"containers": [{"name": "doctor", "reason": "CannotPullContainerError: i/o timeout"}]}, "CannotPull"),
        ({"containers": [{"name": "doctor"}], "stoppedReason": "ResourceInitializationError"}, "ResourceInit"),
    ],
)
def test_a_task_that_never_ran_says_why(aws: Aws, task: dict[str, Any], says: str):
    aws.starts()
    aws.answers("STOPPED", **task)

    assert f"did not start: {says}" in aws.fails()


def test_a_task_that_ecs_refuses_says_why(aws: Aws):
    aws.starts({"reason": "RESOURCE:ENI"})

    assert aws.fails() == "the doctor's task did not start: RESOURCE:ENI"


def test_a_task_that_does_not_end_is_stopped(aws: Aws):
    aws.starts()
    for _ in range(function.PATIENCE_SECONDS // function.PAUSE_SECONDS):
        aws.answers("PENDING")
    stopped = {"cluster": "main", "task": TASK, "reason": "the connectivity check took too long"}
    aws.ecs_stub.add_response("stop_task", {}, stopped)

    assert "did not end" in aws.fails()


def test_a_doctor_without_a_log_is_no_success(aws: Aws):
    aws.starts()
    aws.ends(exitCode=1)
    for _ in range(function.LOG_SECONDS // function.PAUSE_SECONDS):
        aws.logs_stub.add_client_error("get_log_events", "ResourceNotFoundException")

    assert aws.fails() == "the doctor failed, and its log is empty"


def _template(folder: Path) -> dict[str, Any]:
    """Synthesises the document's example in an app that has nothing else of Causeway, with cdk-nag looking on."""
    app = cdk.App(outdir=str(folder), context={"aws:cdk:disable-asset-staging": True})
    stack = cdk.Stack(app, "Foreign")
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-1",
        availability_zones=["eu-west-1a", "eu-west-1b"],
        private_subnet_ids=["subnet-1", "subnet-2"],
    )
    names = {
        "self": stack,
        "cluster": ecs.Cluster.from_cluster_attributes(stack, "Cluster", cluster_name="main", vpc=vpc),
        "group": ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-1"),
        "secret": secretsmanager.Secret.from_secret_complete_arn(stack, "Secret", SECRET),
        "service": cdk.CfnResource(stack, "Service", type="AWS::ECS::Service"),
        **{module.__name__.removeprefix("aws_cdk.aws_"): module for module in (ec2, ecs)},
        "ConnectivityCheck": ConnectivityCheck,
    }
    exec(EXAMPLE, names)
    check = names["check"]
    for finding, reason in ACKNOWLEDGED.items():
        Validations.of(check).acknowledge(Acknowledgment(id=finding, reason=reason))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return json.loads((folder / stack.template_file).read_text())["Resources"]


def _only(resources: dict[str, Any], type: str) -> dict[str, Any]:
    [found] = [each["Properties"] for each in resources.values() if each["Type"] == type]
    return found


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _template(tmp_path_factory.mktemp("foreign"))


def test_the_task_runs_the_doctor_with_what_is_to_be_checked(resources: dict[str, Any]):
    [container] = _only(resources, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]

    assert container["Command"] == [
        *("--json", "--wait", "60"),
        *("--target", "db.internal:5432"),
        *("--target", "https://api.internal/health"),
        *("--postgres-secret", SECRET),
    ]
    assert container["Name"] == function.CONTAINER
    assert container["LogConfiguration"]["Options"]["awslogs-stream-prefix"] == function.CONTAINER


def test_the_built_doctor_knows_these_options(resources: dict[str, Any]):
    [container] = _only(resources, "AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    text = subprocess.run([_binary("doctor"), "--help"], capture_output=True, text=True, timeout=60, check=True).stdout

    for option in (each for each in container["Command"] if each.startswith("--")):
        assert f"      {option}" in text, option


def test_the_function_gets_what_it_reads(resources: dict[str, Any]):
    check = _only(resources, "Custom::ConnectivityCheck")

    assert set(WANTED) <= set(check)
    assert check["Subnets"] == ["subnet-1", "subnet-2"]
    assert check["SecurityGroups"] == ["sg-1"]
    assert check["ServiceTimeout"] == "900"


def test_the_function_may_run_this_task_in_this_cluster_and_nothing_else(resources: dict[str, Any]):
    statements = [
        statement
        for each in resources.values()
        if each["Type"] == "AWS::IAM::Policy"
        for statement in each["Properties"]["PolicyDocument"]["Statement"]
    ]
    limited = {
        action: statement.get("Condition")
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    everything = [statement["Action"] for statement in statements if statement["Resource"] == "*"]

    for action in ("ecs:RunTask", "ecs:DescribeTasks", "ecs:StopTask"):
        assert "ecs:cluster" in limited[action]["ArnEquals"], action
    assert limited["iam:PassRole"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert not everything


def test_it_runs_after_the_service(resources: dict[str, Any]):
    [check] = [each for each in resources.values() if each["Type"] == "Custom::ConnectivityCheck"]

    assert "Service" in check["DependsOn"]


def test_a_check_of_nothing_is_refused():
    with pytest.raises(ValueError, match="give targets, postgres_secret or bucket"):
        ConnectivityCheck(
            cdk.Stack(cdk.App(), "Foreign"),
            "Check",
            cluster=None,  # type: ignore[arg-type]
            subnets=ec2.SubnetSelection(),
            security_groups=[],
            image=ecs.ContainerImage.from_registry("doctor"),
        )


@pytest.mark.parametrize(("target", "code", "says"), [("127.0.0.1:1", 1, "nothing listens on the port"), ("", 64, "")])
def test_the_step_of_github_actions_ends_as_the_doctor_does(tmp_path: Path, target: str, code: int, says: str):
    """`docker run` is the built program here."""
    action = yaml.safe_load((REPOSITORY_ROOT / ".github/actions/doctor/action.yml").read_text())
    [step] = action["runs"]["steps"]
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\nwhile [ "$1" != image ]; do shift; done\nshift\nexec {_binary("doctor")} "$@"\n')
    docker.chmod(0o755)
    summary = tmp_path / "summary"

    result = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "IMAGE": "image",
            "OPTIONS": f"--target {target}",
            "GITHUB_STEP_SUMMARY": str(summary),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert result.returncode == code, result.stderr
    assert says in re.sub(r"\s+", " ", summary.read_text())
