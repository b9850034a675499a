"""The gate asks the service as it was built: a fault that the doctor finds fails the deployment with its hop."""

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import doctor_gate
import pytest

from test_environment import _binary

TOKEN = "a-token-that-no-reason-may-hold-0123456789"
LONGEST_START_SECONDS = 60


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


CLOSED = str(_free_port())
AWAY = {
    "DB_HOST": "127.0.0.1",
    "DB_PORT": CLOSED,
    "DB_USER": "application",
    "DB_PASS": "a-password-that-no-reason-may-hold",
    "DB_NAME": "demo",
    "DB_SSLMODE": "disable",
    "ECSPRIVATESERVICE": f"http://127.0.0.1:{CLOSED}",
}


@contextmanager
def _service(**variables: str) -> Iterator[str]:
    """Runs frontend-api, and yields the doctor's address."""
    port = _free_port()
    environment = {"PORT": str(port), "BIND_ADDRESS": "127.0.0.1", "ADMIN_TOKEN": TOKEN, **AWAY, **variables}
    process = subprocess.Popen([_binary("frontend-api")], env=environment, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + LONGEST_START_SECONDS
        while doctor_gate.fetch(f"http://127.0.0.1:{port}/health", TOKEN)[0] != 200:
            assert process.poll() is None, "frontend-api ended"
            assert time.monotonic() < end, "frontend-api did not start"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/test-connection"
    finally:
        process.terminate()
        process.wait(60)


def _asks(url: str, revision: str) -> str:
    why = doctor_gate.judge(*doctor_gate.fetch(url, TOKEN), revision)
    assert why is not None
    assert TOKEN not in why
    assert AWAY["DB_PASS"] not in why
    return why


@pytest.mark.parametrize(
    ("variables", "check", "stage"),
    [
        ({}, "database", "tcp"),
        ({"DB_HOST": "nowhere.invalid"}, "database", "dns"),
        ({}, "private service", "tcp"),
        ({"ECSPRIVATESERVICE": "http://nowhere.invalid:8080"}, "private service", "dns"),
        ({"DOCTOR_TARGETS": "127.0.0.1:CLOSED"}, "127.0.0.1:CLOSED", "tcp"),
    ],
)
def test_a_fault_is_the_reason_with_hop_cause_and_remedy(variables: dict[str, str], check: str, stage: str):
    variables = {name: value.replace("CLOSED", CLOSED) for name, value in variables.items()}
    with _service(REVISION="new", **variables) as url:
        why = _asks(url, "new")

    check = check.replace("CLOSED", CLOSED)
    assert f"{check} fails at {stage}: " in why
    assert "no cause was given" not in why


def test_the_answer_of_the_old_revision_is_not_taken_for_the_new_ones():
    with _service(REVISION="old") as url:
        assert _asks(url, "new") == "revision old answers, not yet new"
        assert "fails at" in _asks(url, "old")


def test_a_service_without_a_revision_answers_for_none():
    with _service() as url:
        assert _asks(url, "new") == "revision None answers, not yet new"


ROOT = Path(__file__).parents[3]
FAULTS = (ROOT / "frontend-api" / "tests" / "doctor" / "faults.rs").read_text()
CODES = re.findall(r'^    "([a-z0-9-]+)": \w+::\w+,$', FAULTS, re.MULTILINE)
REPORTS = Path(os.environ.get("DOCTOR_REPORTS", ROOT / "target" / "doctor-reports"))


@pytest.mark.parametrize("code", CODES)
def test_the_report_of_each_fault_stops_a_deployment_unless_it_is_a_warning(code: str):
    """The doctor's own tests make each fault for real, and keep the service's report of it (`make test`)."""
    file = REPORTS / f"{code}.json"
    if not file.exists():
        pytest.skip("make test keeps the reports; as root on Linux, of all faults")
    report = json.loads(file.read_text())
    failed = report["Verdict"]["outcome"] == "failed"

    why = doctor_gate.judge(503 if failed else 200, file.read_bytes(), "")

    stages = [stage for check in report["Checks"] for stage in check["stages"] if stage["outcome"] == "failed"]
    assert (why is not None) == failed == bool(stages)
    for stage in stages:
        assert f"fails at {stage['name']}: " in why
        assert stage["cause"] in why and stage["remedy"] in why
