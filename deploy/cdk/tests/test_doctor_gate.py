"""The function that gates a deployment, asked as CloudFormation, ECS and the schedule ask it."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import doctor_gate
import pytest

from system import System

TOKEN = "a-token-that-nobody-may-see"
WELL = {"Service": {"Revision": "new"}, "Checks": [{"name": "database", "outcome": "ok", "stages": []}]}
STAGE = {"name": "tcp", "outcome": "failed", "cause": "No answer.", "remedy": "Open port 5432."}
SICK = {"Service": {"Revision": "new"}, "Checks": [{"name": "database", "outcome": "failed", "stages": [STAGE]}]}
REASON = "database fails at tcp: No answer.; Open port 5432."


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _event(kind: str = "Update") -> dict[str, Any]:
    return {
        "RequestType": kind,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Gate",
        "ResponseURL": "https://example",
        "ResourceProperties": {"Revision": "new"},
    }


def _cloudformation(answers: list[Any], kind: str = "Update", rolling_back: bool = False):
    """Returns what CloudFormation is told, and how often the doctor was asked; the last answer repeats."""
    asked, told, time = [], [], Time()

    def ask(revision: str) -> str | None:
        assert revision == "new"
        asked.append(None)
        answer = answers[min(len(asked), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return doctor_gate.judge(*answer, revision)

    doctor_gate.for_cloudformation(
        _event(kind), ask, lambda event, why: told.append(why), lambda stack: rolling_back, time.clock, time.sleep
    )
    [why] = told
    return why, len(asked), time.now


def test_a_revision_passes_after_three_good_answers():
    assert _cloudformation([(200, json.dumps(WELL))]) == (None, 3, 10)


def test_a_database_that_wakes_up_is_waited_for():
    sick, well = (503, json.dumps(SICK)), (200, json.dumps(WELL))

    why, asked, _ = _cloudformation([sick, sick, well, sick, well])

    assert (why, asked) == (None, 7)


def test_a_hop_that_stays_failed_fails_the_deployment_with_stage_cause_and_remedy():
    why, _, seconds = _cloudformation([(503, json.dumps(SICK))])

    assert why == REASON
    assert seconds < 15 * 60


def test_the_old_revision_does_not_answer_for_the_new_one():
    old = {**WELL, "Service": {"Revision": "old"}}

    why, *_ = _cloudformation([(200, json.dumps(old))])

    assert why == "revision old answers, not yet new"


@pytest.mark.parametrize("document", ["", "<html>", "[]", "{}", "null", '{"Checks": []}', '{"Checks": 7}'])
def test_an_answer_that_is_no_document_is_not_well(document: str):
    why, *_ = _cloudformation([(200, document)])

    assert why is not None


def test_an_api_that_does_not_answer_is_not_well():
    why, *_ = _cloudformation([(0, "timed out")])

    assert why == "the public API does not answer: timed out"


@pytest.mark.parametrize(("kind", "rolling_back"), [("Delete", False), ("Update", True)])
def test_deletion_and_roll_back_always_pass_without_asking(kind: str, rolling_back: bool):
    assert _cloudformation([(503, json.dumps(SICK))], kind, rolling_back) == (None, 0, 0)


def test_cloudformation_is_told_even_if_the_gate_itself_fails():
    why, *_ = _cloudformation([RuntimeError(TOKEN)])

    assert why == "the gate itself failed: RuntimeError"


def test_ecs_goes_on_when_the_doctor_is_well_and_takes_back_when_it_stays_ill():
    event: dict[str, Any] = {"lifecycleStage": "POST_TEST_TRAFFIC_SHIFT"}
    assert doctor_gate.for_ecs(event, lambda revision: None) == {"hookStatus": "SUCCEEDED"}

    statuses = []
    while not statuses or statuses[-1] == "IN_PROGRESS":
        answer = doctor_gate.for_ecs(event, lambda revision: REASON)
        statuses.append(answer["hookStatus"])
        event = {**event, "hookDetails": answer.get("hookDetails")}

    assert statuses == ["IN_PROGRESS"] * 19 + ["FAILED"]


def test_ecs_waits_for_the_revision_that_is_deployed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXPECTED_REVISION", "new")
    asked: list[str] = []

    answer = doctor_gate.for_ecs({"lifecycleStage": "POST_TEST_TRAFFIC_SHIFT"}, lambda revision: asked.append(revision))

    assert (answer, asked) == ({"hookStatus": "SUCCEEDED"}, ["new"] * 3)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    """A public API on a real port."""

    class Doctor(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.seen = (self.path, dict(self.headers))
            body = json.dumps(SICK).encode()
            self.send_response(503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Doctor)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_doctor_is_asked_with_the_token_and_the_test_header(api: HTTPServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXTRA_HEADER", "x-causeway-test=new-revision")
    url = f"http://api.example:{api.server_port}/test-connection"

    status, body = doctor_gate.fetch(url, TOKEN, "127.0.0.1")

    path, headers = api.seen
    assert (status, doctor_gate.judge(status, body, "new")) == (503, REASON)
    assert path == "/test-connection"
    assert headers["Host"] == f"api.example:{api.server_port}"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["x-causeway-test"] == "new-revision"


def test_an_api_that_is_too_slow_is_a_reason_and_no_exception(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(doctor_gate, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer = doctor_gate.fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/test-connection", TOKEN)

    assert doctor_gate.judge(*answer, "new") == "the public API does not answer: timed out"


def test_nothing_listens_is_a_reason_and_no_exception(api: HTTPServer):
    port = api.server_port
    api.shutdown()
    api.server_close()

    status, reason = doctor_gate.fetch(f"http://127.0.0.1:{port}/test-connection", TOKEN)

    assert status == 0
    assert TOKEN not in reason


def test_express_and_app_runner_are_gated_by_a_custom_resource_and_the_balancer_by_a_hook(system: System):
    gated = {gate.stack.name for gate in system.of_type("Custom::DoctorGate")}
    hooked = {
        service.stack.name
        for service in system.of_type("AWS::ECS::Service")
        if service.properties["DeploymentConfiguration"].get("LifecycleHooks")
    }
    doors = {name for name in system.stacks if name.endswith("FrontDoor")}

    assert gated == doors - {"BalancerFrontDoor"}
    assert hooked == doors & {"BalancerFrontDoor"}


def test_the_hook_expects_the_revision_that_its_service_runs(system: System):
    for service in system.of_type("AWS::ECS::Service", "BalancerFrontDoor") if _has_balancer(system) else []:
        [hook] = service.properties["DeploymentConfiguration"]["LifecycleHooks"]
        function = _resource(system, service.stack.name, hook["HookTargetArn"])
        task = _resource(system, service.stack.name, service.properties["TaskDefinition"])
        environment = {each["Name"]: each["Value"] for each in task["ContainerDefinitions"][0]["Environment"]}
        assert function["Environment"]["Variables"]["EXPECTED_REVISION"] == environment["REVISION"]


def _has_balancer(system: System) -> bool:
    return "BalancerFrontDoor" in system.stacks


def _resource(system: System, stack: str, reference: dict[str, Any]) -> dict[str, Any]:
    id = system.target(system.stacks[stack], reference).split(".")[1]
    return system.stacks[stack].template["Resources"][id]["Properties"]


def test_the_gate_asks_after_the_service_and_again_for_each_revision(system: System):
    for gate in system.of_type("Custom::DoctorGate"):
        assert "Service" in gate.body["DependsOn"]
        assert len(gate.properties["Revision"]) == 12
        assert gate.properties["ServiceTimeout"] == "900"
