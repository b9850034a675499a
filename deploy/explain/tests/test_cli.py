"""The program as a process, and its report as people and programs read it."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Run, Runs, fresh_world, run
from door import REGION, Door, environment
from explain.arguments import region_in
from explain.cli import EXIT, USAGE, main
from explain.judge import explain
from explain.render import WIDTH, command_lines, text
from topologies import BROKEN, SOUND, UNSEEN, database
from topologies.broken_network import the_databases_group_lacks_the_rule
from world import FARGATE, SERVICE, World

FOLDER = Path(__file__).parent.parent
TARGET = f"demo.cluster-abc.{REGION}.rds.amazonaws.com:5432"


def process(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the program as its users do."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "explain", *arguments],
        cwd=FOLDER,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1", "AWS_EC2_METADATA_DISABLED": "true", **variables},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture
def blocked(door: Door) -> World:
    world = fresh_world(door)
    world.to = the_databases_group_lacks_the_rule(world)
    return world


def test_blocked_is_1_and_json_is_all_of_stdout(blocked: World):
    found = process("--from", SERVICE, "--to", blocked.to, "--json", **environment(blocked.door.url))
    assert found.returncode == 1
    document = json.loads(found.stdout)
    assert set(document) == {"outcome", "findings", "evidence", "unseen", "notes"}
    [finding] = document["findings"]
    assert set(finding) == {"code", "resource", "rule", "hop", "others", "remedy"}
    assert set(finding["remedy"]) == {"command", "cdk"}
    assert finding["resource"] == blocked.db
    assert finding["hop"] == "security group, in"
    permissions = f"IpProtocol=tcp,FromPort=5432,ToPort=5432,UserIdGroupPairs=[{{GroupId={blocked.app}}}]"
    assert finding["remedy"]["command"] == (
        f"aws ec2 authorize-security-group-ingress --group-id {blocked.db} --ip-permissions '{permissions}'"
    )
    assert finding["remedy"]["cdk"] == "front.connections.allow_to(cluster, ec2.Port.tcp(5432))"
    assert found.stderr == ""


def test_a_pipe_gets_no_colour_and_names_stand_beside_ids(blocked: World):
    found = process("--from", SERVICE, "--to", blocked.to, **environment(blocked.door.url))
    assert "\x1b" not in found.stdout
    assert f"✕ security group, in   {blocked.db} (db)" in found.stdout
    assert "(other), which is not on the other side" in " ".join(found.stdout.split())


def test_a_name_of_an_app_runner_service_is_enough(door: Door, session: Any, tmp_path: Path):
    world = fresh_world(door)
    assert run(door, session, tmp_path / "x", "--from", "front", "--to", database(world)).code == 0


def test_without_credentials_the_outcome_is_unknown():
    found = process(
        "--from", SERVICE, "--to", TARGET, AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull
    )
    assert found.returncode == EXIT["unknown"]
    assert found.stdout == ""
    assert "credentials" in found.stderr and "Traceback" not in found.stderr


def test_aws_out_of_reach_is_unknown_and_never_open(
    door: Door, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    door.clear()
    for service in ("sts", "apprunner", "rds", "ec2"):
        for name in ("GetCallerIdentity", "DescribeService", "DescribeDBClusters", "DescribeVpcPeeringConnections"):
            door.denied.add(f"{service}:{name}")
    assert main(["--from", SERVICE, "--to", TARGET]) == EXIT["unknown"]
    output = capsys.readouterr().out
    assert "apprunner:DescribeService: refused: the credentials lack apprunner:DescribeService" in output
    assert output.rstrip().splitlines()[-1].startswith("unknown")


def apprunner_services(door: Door, *arns: str) -> None:
    summaries = [{"ServiceName": "front", "ServiceArn": arn, "Status": "RUNNING"} for arn in arns]
    door.answer("apprunner", "ListServices", {"ServiceSummaryList": summaries})


def test_without_a_source_all_services_are_listed_as_commands_that_run_as_they_are(
    door: Door, session: Any, capsys: pytest.CaptureFixture[str]
):
    world = fresh_world(door)
    apprunner_services(door, SERVICE)
    cluster = FARGATE.rsplit("/", 1)[0].replace(":service/", ":cluster/")
    old = FARGATE.replace("main/api", "old")
    door.answer("ecs", "ListClusters", {"clusterArns": [cluster]})
    door.answer("ecs", "ListServices", {"serviceArns": [FARGATE, old]})
    to = f"postgres://app:hunter2@{world.cluster}/demo"
    assert main(["--to", to], session) == USAGE
    error = capsys.readouterr().err
    arns = [SERVICE, FARGATE, FARGATE.replace("/api", "/old")]
    commands = [line.strip() for line in error.splitlines() if line.startswith("  ")]
    assert sorted(commands) == sorted(f"explain --from {arn} --to {world.cluster}:5432" for arn in arns)
    assert main(commands[0].split()[1:], session) == EXIT["open"]


def test_the_only_service_is_the_source(door: Door, session: Any, tmp_path: Path):
    world = fresh_world(door)
    apprunner_services(door, SERVICE)
    found = run(door, session, tmp_path / "x", "--to", database(world))
    assert (found.code, found.snapshot.origin) == (0, SERVICE)


@pytest.mark.parametrize("operation", ["apprunner:ListServices", "ecs:ListClusters", "ecs:ListServices"])
def test_a_service_is_not_the_only_one_where_others_may_not_be_seen(
    door: Door, session: Any, capsys: pytest.CaptureFixture[str], operation: str
):
    world = fresh_world(door)
    apprunner_services(door, SERVICE)
    world.ecs.create_cluster(clusterName="main")
    world.ecs.register_task_definition(family="api", containerDefinitions=[{"name": "x", "image": "x", "memory": 64}])
    if operation == "apprunner:ListServices":
        world.ecs.create_service(cluster="main", serviceName="api", taskDefinition="api", desiredCount=0)
    door.denied.add(operation)
    assert main(["--to", database(world)], session) == USAGE
    assert "1 services in eu-west-1 fit; others were not seen" in capsys.readouterr().err


def test_without_a_source_and_without_credentials_the_usage_is_wrong():
    found = process("--to", TARGET, AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    assert found.returncode == USAGE
    assert found.stderr.startswith("explain: --from is missing") and "redentials" in found.stderr


def test_aws_region_names_the_region_as_for_other_programs():
    without = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    arguments = ("--from", "sg-1a,subnet-1b", "--to", "api.example.com:443")
    assert "--region is missing" in process(*arguments, **without).stderr
    assert "credentials" in process(*arguments, **without, AWS_REGION=REGION).stderr


@pytest.mark.parametrize(
    ("to", "region"),
    [
        (TARGET, REGION),
        ("https://secretsmanager.us-west-2.amazonaws.com", "us-west-2"),
        ("secret:arn:aws:secretsmanager:us-west-2:123456789012:secret:x", "us-west-2"),
        ("secret:x", None),
        ("s3://logs-eu-west-1/x", None),
        ("api.example.com:443", None),
    ],
)
def test_a_target_can_name_the_region(to: str, region: str | None):
    assert region_in(to) == region


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--from", SERVICE],
        ["--from", SERVICE, "--to", TARGET, "--report", "x"],
        ["--from", "arn:aws:lambda:eu-west-1:123456789012:function:x", "--to", TARGET],
        ["--from", "arn:aws:ecs:eu-west-1:123456789012:service/x", "--to", TARGET],
        ["--from", "sg-1", "--to", TARGET],
        ["--from", "x", "--to", TARGET],
        ["--from", SERVICE, "--to", "host"],
        ["--from", SERVICE, "--to", "host:0"],
        ["--from", SERVICE, "--to", "host:99999"],
        ["--from", SERVICE, "--to", "ftp://host/"],
        ["--from", SERVICE, "--to", "http://[::1]:80/"],
        ["--from", SERVICE, "--to", "http://host:port/"],
        ["--from", SERVICE, "--to", "user@host:80"],
        ["--from", SERVICE, "--to", "secret:"],
        ["--from", SERVICE, "--to", "s3://UPPER/x"],
        ["--from", SERVICE, "--to", TARGET, "--role", "app"],
        ["--from", SERVICE, "--to", TARGET, "--surprise"],
        ["--snapshot", "/nowhere"],
        ["--snapshot", "/dev/null"],
        ["--snapshot", "/dev/null", "--to", TARGET],
        ["--from", SERVICE, "--report", "/nowhere"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_64_and_says_what_is_right(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(arguments) == USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("explain: ") and "--help" in captured.err


def test_a_password_in_a_url_gets_into_nothing(
    door: Door, session: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    world = fresh_world(door)
    file = tmp_path / "snapshot.json"
    main(["--from", SERVICE, "--to", f"postgres://app:hunter2@{world.cluster}/demo", "--save", str(file)], session)
    output = capsys.readouterr()
    assert "hunter2" not in output.out + output.err + file.read_text()
    assert f"{world.cluster}:5432" in output.out


def test_help_and_policy_need_no_credentials():
    found = process("--help")
    assert found.returncode == 0 and "examples:" in found.stdout and "exit codes:" in found.stdout
    assert json.loads(process("--policy").stdout)["Version"] == "2012-10-17"


def test_a_snapshot_is_judged_without_credentials_as_it_was_with_them(runs: Runs, tmp_path: Path):
    one: Run = runs.of(BROKEN[0])
    file = tmp_path / "snapshot.json"
    from explain import codec

    file.write_text(codec.dump(one.snapshot))
    found = process("--snapshot", str(file), "--json")
    assert found.returncode == 1
    assert json.loads(found.stdout) == one.document


def test_a_defect_of_the_program_is_not_taken_for_blocked(tmp_path: Path):
    """Python's own exit code for an exception is 1."""
    document = json.loads((FOLDER / "example.json").read_text())
    document["snapshot"]["acls"][0]["entries"][0]["cidr"] = "no range"
    file = tmp_path / "snapshot.json"
    file.write_text(json.dumps(document))
    assert process("--snapshot", str(file)).returncode == 70


def test_every_report_fits_100_columns(all_runs: Runs):
    for topology in (*BROKEN, *SOUND, *UNSEEN):
        snapshot = all_runs.of(topology).snapshot
        for line in text(snapshot, explain(snapshot), colour=False).splitlines():
            # A word that can't be broken, such as a quoted argument of a command, stands alone on its line.
            assert len(line) <= WIDTH or len(line.removesuffix("\\").split()) <= 2 or line.lstrip().startswith("'"), (
                line
            )


def test_colour_is_for_terminals_and_no_color_is_honoured(runs: Runs, monkeypatch: pytest.MonkeyPatch):
    from explain import cli

    snapshot = runs.of(BROKEN[0]).snapshot
    assert "\x1b[31m✕\x1b[0m" in text(snapshot, explain(snapshot), colour=True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert cli._colour()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not cli._colour()


def test_a_command_is_broken_between_words_only():
    command = "aws ec2 x " + " ".join(f"--option-{number} value" for number in range(12)) + " 'one quoted, long word'"
    lines = command_lines(command)
    assert len(lines) > 1 and all(line.endswith(" \\") for line in lines[:-1])
    assert " ".join(line.removesuffix("\\").strip() for line in lines) == command


def test_one_of_two_subnets_is_said(runs: Runs):
    [topology] = [each for each in BROKEN if each.name == "one_of_two_subnets_has_no_route"]
    [finding] = [each for each in runs.of(topology).document["evidence"] if each["verdict"] == "blocks"]
    assert finding["seen"].endswith("(1 of 2 subnets)")


def test_a_partial_denial_says_that_some_connections_fail(runs: Runs):
    [topology] = [each for each in BROKEN if each.name == "replies_are_admitted_to_the_ports_of_windows_only"]
    [finding] = [each for each in runs.of(topology).document["evidence"] if each["verdict"] == "blocks"]
    assert finding["seen"].startswith("some connections fail: ")
    assert "32768-49151" in finding["seen"]


def report(target: str | None = TARGET, **more: Any) -> dict[str, Any]:
    """A report of the doctor, as /test-connection gives it."""
    checks = [
        {"name": "secrets manager", "outcome": "ok", "target": "https://secretsmanager.eu-west-1.amazonaws.com/"},
        {"name": "database", "outcome": "failed", "target": target},
        {"name": "private service", "outcome": "failed", "target": "http://privateservice.apprunner.demo:8080/"},
    ]
    return {"Response": "…", "Redacted": False, "Checks": checks, **more}


def test_the_first_failed_check_of_a_report_is_the_target(door: Door, session: Any, tmp_path: Path):
    world = fresh_world(door)
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report(f"{world.cluster}:5432")))
    assert run(door, session, tmp_path / "x", "--from", SERVICE, "--report", str(file)).code == 0


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (report(None, Redacted=True), "ADMIN_TOKEN"),
        (report(None), "no target"),
        ({"Checks": []}, "no check failed"),
        ({"x": 1}, "not a report"),
        ([], "not a report"),
    ],
)
def test_a_report_that_names_no_target_is_refused(
    document: Any, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(document))
    assert main(["--from", SERVICE, "--report", str(file)]) == USAGE
    assert words in capsys.readouterr().err


@pytest.fixture
def doctor() -> Iterator[tuple[str, list[str | None]]]:
    """A doctor that answers 503 with its report, and notes who asked."""
    asked: list[str | None] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization"))
            body = json.dumps({"checks": [], "redacted": True}).encode()
            self.send_response(503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/test-connection", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_report_is_fetched_with_the_admin_token(
    doctor: tuple[str, list[str | None]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    url, asked = doctor
    monkeypatch.setenv("ADMIN_TOKEN", "token-of-the-service")
    assert main(["--from", SERVICE, "--report", url]) == USAGE
    assert asked == ["Bearer token-of-the-service"]
    error = capsys.readouterr().err
    assert "redacted" in error and "token-of-the-service" not in error
