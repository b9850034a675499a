"""This repository's own system: it is sound, and each rule that is taken out of it is the finding."""

import pytest

from conftest import fresh, run
from deployed import Deployed
from door import Door
from world import SERVICE

FRONT_DOORS = ("AppRunnerFrontDoor", "ExpressFrontDoor")
# The stack, the beginning of the group's name, and the port of each thing that a front door calls.
CALLED = {
    "database": ("Data", "DatabaseGroup", 5432),
    "private service": ("PrivateService", "PrivateServiceGroup", 8080),
    "secret": ("Network", "EndpointGroup", 443),
}


@pytest.fixture(scope="module")
def system(door: Door) -> Deployed:
    fresh(door)
    return Deployed(door)


def source(system: Deployed, front_door: str) -> str:
    return SERVICE if front_door == "AppRunnerFrontDoor" else system.express(*system.express_parts())


def target(system: Deployed, called: str) -> str:
    if called == "database":
        return f"{system.endpoint}:5432"
    if called == "private service":
        return "http://privateservice.apprunner.demo:8080"
    secrets = system.secretsmanager.list_secrets()["SecretList"]
    [arn] = [each["ARN"] for each in secrets if each["Name"].startswith("Data-ApplicationUserSecret")]
    return f"secret:{arn}"


@pytest.mark.parametrize("called", CALLED)
@pytest.mark.parametrize("front_door", FRONT_DOORS)
def test_each_front_door_reaches_what_it_calls(system: Deployed, session, tmp_path, front_door: str, called: str):
    found = run(
        system.door, session, tmp_path / "x", "--from", source(system, front_door), "--to", target(system, called)
    )
    assert (found.code, found.codes) == (0, []), found.document


@pytest.mark.parametrize("front_door", FRONT_DOORS)
def test_the_doctors_command_takes_what_the_front_doors_environment_says(
    system: Deployed, session, tmp_path, front_door: str
):
    to = target(system, "database")
    found = run(system.door, session, tmp_path / "x", *system.explain_args(front_door), "--to", to)
    assert (found.code, found.codes) == (0, []), found.document
    assert found.snapshot.source is not None and found.snapshot.source.subnets


@pytest.mark.parametrize("inbound", [True, False], ids=["in", "out"])
@pytest.mark.parametrize("called", CALLED)
@pytest.mark.parametrize("front_door", FRONT_DOORS)
def test_a_rule_that_is_taken_out_is_the_finding(
    system: Deployed, session, tmp_path, front_door: str, called: str, inbound: bool
):
    stack, prefix, port = CALLED[called]
    theirs, ours = system.group(stack, prefix), system.group(front_door, "Group")
    group, peer = (theirs, ours) if inbound else (ours, theirs)
    everywhere = not inbound and port == 443
    system.revoke(group, peer, port, out=not inbound)
    if everywhere:
        # The rule to 0.0.0.0/0 for S3 covers the endpoints, too.
        system.revoke(group, "0.0.0.0/0", port, out=True)
    try:
        found = run(
            system.door, session, tmp_path / "x", "--from", source(system, front_door), "--to", target(system, called)
        )
    finally:
        system.allow(group, peer, port, out=not inbound)
        if everywhere:
            system.allow(group, "0.0.0.0/0", port, out=True)
    [finding] = found.document["findings"]
    assert finding["resource"] == group
    way = f"inbound tcp {port} from {peer}" if inbound else f"outbound tcp {port} to {peer}"
    assert finding["rule"].startswith(way)
    assert f"GroupId={peer}" in finding["remedy"]["command"]
