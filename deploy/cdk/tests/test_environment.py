"""What the templates set is exactly what the services accept: the services themselves are asked.

`frontend-api config --check` and `private-service config --check` read the environment and report, as JSON, whether
they would start with it and which variables they know.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from system import REPOSITORY_ROOT, Combination, System

_DEFAULTS_FIT = {
    "WORKERS": "its default, the number of cores, fits every task size",
    "SHUTDOWN_DELAY_MS": "its default fits the drain time",
}

NOT_SET_ON_AWS = {
    "frontend-api": {
        **_DEFAULTS_FIT,
        "DB_CONNECT_TIMEOUT_MS": "its default fits",
        "DB_QUERY_TIMEOUT_MS": "its default fits",
        "DB_IDLE_TIMEOUT_MS": "its default lets Aurora pause",
        "DB_MAX_LIFETIME_MS": "its default fits",
        "DB_SECRET_INTERVAL_MS": "its default fits",
        "PRIVATE_SERVICE_CONCURRENCY": "its default fits",
        "PRIVATE_SERVICE_TIMEOUT_MS": "its default fits",
        "QUEUE_CAPACITY": "its default fits",
        "REQUEST_TIMEOUT_MS": "its default fits",
        "ECS_CONTAINER_METADATA_URI_V4": "ECS sets it",
        "DATABASE_URL": "for one machine",
        "DB_ENGINE": "set with the setting database only",
        "DB_AUTH": "set with the setting database_auth only",
        "DB_HOST": "the secret has it",
        "DB_PORT": "the secret has it",
        "DB_NAME": "the secret has it",
        "DB_USER": "the secret has it",
        "DB_PASS": "the secret has it",
        "DB_SSLROOTCERT": "the image sets it to the bundle of RDS that it carries",
        "TABLE_NAME": "its default is system A's name",
        "TARGET": "taken from the secret",
        "TARGETPORT": "taken from the secret",
        "SESSION_IDLE_HOURS": "its default fits",
        "SESSION_LIFETIME_HOURS": "its default fits",
        "FAILURES_PER_ACCOUNT_AND_ADDRESS": "its default fits",
        "FAILURES_PER_ADDRESS": "its default fits",
        "FAILURES_PER_ACCOUNT": "its default fits",
        "HASHES_PER_ADDRESS": "its default fits",
        "PASSWORD_QUEUE": "its default fits",
        "SIGN_UPS_PER_ADDRESS": "its default fits",
        "DIARY_BUCKET": "set with the setting diaries only",
        "DIARY_USER_MEGABYTES": "its default fits",
        "DIARY_STORAGE_TIMEOUT_MS": "its default fits",
        "DIARY_UPLOADS": "its default fits the memory of a task",
        "DOCTOR_TARGETS": "what else the doctor should look at is for each user to say",
        "VISITS_RETENTION_DAYS": "set with the setting visits_retention_days only",
    },
    "private-service": {
        **_DEFAULTS_FIT,
        "ECS_CONTAINER_METADATA_URI_V4": "ECS sets it",
        "ADMIN_TOKEN": "nobody scrapes it: its metrics leave by the log",
        "FORWARDED_HOPS": "only the front door and the catalogue's balancer reach it",
        "METADATA_REFRESH_MS": "its default fits",
        "METADATA_TIMEOUT_MS": "its default fits",
        "CATALOGUE": "set for books and authors only",
        "CATALOGUE_FILE": "the image has the six books and authors",
    },
}

NOT_SET_WITH_DSQL = {
    "APPRUNNERSERVICE": "there is no secret",
    "DBSECRETSNAME": "there is no secret",
}

PLACEHOLDERS = {
    "DBSECRETSNAME": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:application-AbCdEf",
    "AWS_REGION": "eu-west-1",
    "DB_HOST": "causeway.cluster-abc.eu-west-1.rds.amazonaws.com",
    "EXPLAIN_ARGS": "--from sg-0a,subnet-0b --region eu-west-1",
}


@dataclass(frozen=True)
class Container:
    """A container's environment, as the service will see it."""

    name: str
    program: str
    environment: dict[str, str]


@dataclass(frozen=True)
class Verdict:
    exit_code: int
    valid: bool
    errors: list[dict[str, str]]
    variables: set[str]


@pytest.fixture(params=["frontend-api", "private-service"])
def program(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_services_would_start_with_what_the_templates_set(system: System, program: str):
    for container in _containers(system, program):
        verdict = _ask(container)
        assert (verdict.exit_code, verdict.valid, verdict.errors) == (0, True, []), container.name


def test_the_templates_set_nothing_that_a_service_does_not_know(system: System, program: str):
    for container in _containers(system, program):
        unknown = set(container.environment) - _ask(container).variables - {"AWS_REGION"}
        assert not unknown, f"{container.name} is given {sorted(unknown)}, which {program} does not read"


def test_what_the_templates_leave_out_is_left_out_for_a_reason(system: System, program: str):
    for container in _containers(system, program):
        # Traces go to App Runner's collector alone, and the SDK's defaults fit.
        known = {name for name in _ask(container).variables if not name.startswith(("AWS_", "OTEL_"))}
        left_out = known - set(container.environment) - set(NOT_SET_ON_AWS[program])
        if system.combination.is_dsql:
            left_out -= set(NOT_SET_WITH_DSQL)
        assert not left_out, f"set {sorted(left_out)} in causeway/contract.py, or say in NOT_SET_ON_AWS why not"


@pytest.mark.parametrize("front_door", ["express", "app-runner", "balancer"])
def test_the_public_api_would_start_without_a_password(synthesised, front_door: str):
    [container] = _containers(synthesised(Combination(front_door), database_auth="iam"), "frontend-api")
    verdict = _ask(container)

    assert (verdict.exit_code, verdict.valid, verdict.errors) == (0, True, [])
    assert not {"DBSECRETSNAME", "APPRUNNERSERVICE", "DB_PASS"} & set(container.environment)
    assert container.environment["DB_AUTH"] == "iam"


@pytest.mark.parametrize("front_door", ["express", "app-runner", "balancer"])
def test_the_public_api_would_start_with_dsql(synthesised, front_door: str):
    [container] = _containers(synthesised(Combination(front_door), database="dsql"), "frontend-api")
    verdict = _ask(container)

    assert (verdict.exit_code, verdict.valid, verdict.errors) == (0, True, [])
    assert container.environment["DB_ENGINE"] == "dsql"
    assert not {"DBSECRETSNAME", "APPRUNNERSERVICE", "DB_PASS", "DB_AUTH"} & set(container.environment)


def test_a_mistake_would_be_noticed(program: str):
    verdict = _ask(Container("mistaken", program, {"PORT": "not a port"}))

    assert (verdict.exit_code, verdict.valid) == (64, False)
    assert "PORT" in {error["variable"] for error in verdict.errors}


def test_all_front_doors_set_the_same_but_for_the_traces_of_app_runner(system: System):
    environments = {
        tuple(
            sorted(
                (name, value)
                for name, value in container.environment.items()
                if name != "REVISION" and not (name.startswith("OTEL_") and container.name == "App Runner")
            )
        )
        for container in _containers(system, "frontend-api")
    }

    assert len(environments) == 1


def _containers(system: System, program: str) -> list[Container]:
    found = []
    for service in system.of_type("AWS::AppRunner::Service"):
        image = service.properties["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]
        pairs = [*image["RuntimeEnvironmentVariables"], *image["RuntimeEnvironmentSecrets"]]
        # App Runner itself sets PORT, and takes it from nobody.
        found.append(Container("App Runner", "frontend-api", {"PORT": image["Port"], **_values(pairs)}))
    for task in system.of_type("AWS::ECS::TaskDefinition"):
        [container] = task.properties["ContainerDefinitions"]
        pairs = [*container["Environment"], *container.get("Secrets", [])]
        program_of_task = container["HealthCheck"]["Command"][1].removeprefix("/app/")
        found.append(Container(container["Name"], program_of_task, _values(pairs)))
    return [container for container in found if container.program == program]


def _values(pairs: list[dict[str, Any]]) -> dict[str, str]:
    """References can be known at AWS only: a value of the right form stands in."""
    return {
        pair["Name"]: pair["Value"]
        if isinstance(pair.get("Value"), str)
        else PLACEHOLDERS.get(pair["Name"], "0123456789abcdef0123456789abcdef0123456789abcdef")
        for pair in pairs
    }


_answers: dict[str, Verdict] = {}


def _ask(container: Container) -> Verdict:
    """Runs the service's check with this environment and no other variable; equal questions are asked once."""
    question = json.dumps([container.program, container.environment], sort_keys=True)
    if question not in _answers:
        result = subprocess.run(
            [_binary(container.program), "config", "--check"],
            env=container.environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        report = json.loads(result.stdout)
        _answers[question] = Verdict(result.returncode, report["valid"], report["errors"], set(report["variables"]))
    return _answers[question]


def _binary(program: str) -> Path:
    variable = f"{program.replace('-', '_').upper()}_BIN"
    binary = Path(os.environ.get(variable) or REPOSITORY_ROOT / "target" / "debug" / program)
    if not binary.exists():
        reason = f"{program} is not built ({variable} or target/debug): run cargo build first"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return binary
