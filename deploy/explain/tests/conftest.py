"""One door and one AWS session for all tests; every topology is built once."""

import contextlib
import io
import json
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

import strict
from door import REGION, Door, environment
from explain import codec
from explain.cli import main
from explain.model import Snapshot
from topologies import Topology
from world import SERVICE, World


@dataclass
class Run:
    """What one run of the program gave."""

    code: int
    document: dict[str, Any]
    snapshot: Snapshot
    culprit: str | None
    noted: list[str] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        return [finding["code"] for finding in self.document["findings"]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the tests that share topologies in one process, and those of each other file together."""
    for item in items:
        group = "topologies" if "runs" in getattr(item, "fixturenames", ()) else item.path.name
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def door() -> Iterator[Door]:
    door = Door()
    before = dict(os.environ)
    os.environ.update(environment(door.url))
    yield door
    os.environ.clear()
    os.environ.update(before)
    door.close()


@pytest.fixture(scope="session")
def session(door: Door) -> Any:
    """A session whose answers may be read by fields alone that AWS's models have."""
    return CachedSession()


class CachedSession:
    """Making clients takes longer than the calls: the tests share them."""

    region_name = REGION

    def __init__(self) -> None:
        self._session = boto3.Session(region_name=REGION)
        self._session.events.register("after-call", strict.after_call)
        self._clients: dict[str, Any] = {}

    def client(self, service: str, **more: Any) -> Any:
        if service not in self._clients:
            self._clients[service] = self._session.client(service, **more)
        return self._clients[service]


@pytest.fixture
def world(door: Door) -> World:
    return fresh_world(door)


def fresh_world(door: Door) -> World:
    """Empties moto and builds the usual system."""
    fresh(door)
    return World(door)


def fresh(door: Door) -> None:
    """Forgets what was made, answered and refused."""
    door.clear()
    urllib.request.urlopen(urllib.request.Request(f"{door.url}/moto-api/reset", method="POST"), timeout=30).read()


@pytest.fixture(scope="session")
def runs(door: Door, session: Any, tmp_path_factory: pytest.TempPathFactory) -> "Runs":
    return Runs(door, session, tmp_path_factory.mktemp("runs"))


class Runs:
    """The program's run on each topology, made when it is first asked for."""

    def __init__(self, door: Door, session: Any, folder: Any) -> None:
        self._door, self._session, self._folder = door, session, folder
        self._made: dict[str, Run] = {}

    def of(self, topology: Topology) -> Run:
        if topology.name not in self._made:
            self._made[topology.name] = self._run(topology)
        return self._made[topology.name]

    def _run(self, topology: Topology) -> Run:
        world = fresh_world(self._door)
        built = topology.build(world)
        origin, to = (SERVICE, built) if isinstance(built, str) else built
        if topology.operation:
            self._door.denied.add(topology.operation)
        return run(
            self._door,
            self._session,
            self._folder / f"{topology.name}.json",
            "--from",
            origin,
            "--to",
            to,
            culprit=getattr(world, "culprit", None),
        )


def run(door: Door, session: Any, file: Any, *arguments: str, culprit: str | None = None) -> Run:
    """Runs the program in this process, with its JSON and its snapshot."""
    door.noted.clear()
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = main([*arguments, "--json", "--save", str(file)], session)
    assert door.errors == []
    snapshot = codec.load(file.read_text())
    return Run(code, json.loads(output.getvalue()), snapshot, culprit, list(door.noted))
