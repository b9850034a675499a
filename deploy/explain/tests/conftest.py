"""One door and one AWS session for the tests of a process; every topology is built once, for all processes."""

import contextlib
import fcntl
import io
import json
import os
import pickle
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import boto3
import pytest

import strict
from door import REGION, Door, environment
from explain import codec
from explain.cli import main
from explain.model import Snapshot
from topologies import BROKEN, SOUND, UNSEEN, Topology
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
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "runs"
    shared.mkdir(exist_ok=True)
    return Runs(door, session, shared)


@pytest.fixture
def all_runs(runs: "Runs") -> "Runs":
    """The same with all runs made, so that a test may then change the judge."""
    runs.make([*BROKEN, *SOUND, *UNSEEN])
    return runs


class Runs:
    """The program's run on each topology, made by the process that asks for it first."""

    def __init__(self, door: Door, session: Any, folder: Path) -> None:
        self._door, self._session, self._folder = door, session, folder
        self._made: dict[str, Run] = {}

    def of(self, topology: Topology) -> Run:
        if topology.name not in self._made:
            with self._locked(topology):
                self._load_or_make(topology)
        return self._made[topology.name]

    def make(self, topologies: list[Topology]) -> None:
        """Makes all of them: first those that no other process is making, so that none waits for the other's."""
        for topology in topologies:
            try:
                lock = self._locked(topology, fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            with lock:
                self._load_or_make(topology)
        for topology in topologies:
            self.of(topology)

    def _locked(self, topology: Topology, how: int = 0) -> IO[str]:
        """Returns a file that is locked until it is closed."""
        lock = (self._folder / f"{topology.name}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | how)
        except BlockingIOError:
            lock.close()
            raise
        return lock

    def _load_or_make(self, topology: Topology) -> None:
        file = self._folder / f"{topology.name}.run"
        if topology.name in self._made:
            return
        if file.exists():
            self._made[topology.name] = pickle.loads(file.read_bytes())
            return
        made = self._made[topology.name] = self._run(topology)
        file.write_bytes(pickle.dumps(made))

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
