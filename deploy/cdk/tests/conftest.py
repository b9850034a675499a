"""Each combination of `system.py` is synthesised once, with cdk-nag looking on, and shared by all tests.

The tests run in several processes. A lock per combination lets one of them synthesise it; the others read the result.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from causeway import images
from system import CHOICES, COMBINATIONS, Combination, System, read, synthesise


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with mypy, which takes as long as all else together while its cache is empty."""
    items.sort(key=lambda item: item.name != "test_the_types_are_right")


@pytest.fixture(scope="session", autouse=True)
def build_context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two small Dockerfiles instead of the repository: templates do not depend on what is in an image."""
    folder = tmp_path_factory.mktemp("context")
    for dockerfile in images.DOCKERFILES.values():
        (folder / dockerfile).parent.mkdir(parents=True)
        (folder / dockerfile).write_text(f"FROM scratch\nLABEL file={dockerfile}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "BUILD_CONTEXT", folder)
        yield


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., System]:
    """Synthesis on demand, so that running one test does not wait for all combinations."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    @cache
    def once(combination: Combination, **context: str) -> System:
        name = hashlib.sha256(f"{combination} {sorted(context.items())}".encode()).hexdigest()[:12]
        folder = shared / f"synthesised-{name}"
        with (shared / f"synthesised-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (folder / "complete").exists():
                return read(combination, folder)
            system = synthesise(combination, folder, **context)
            (folder / "complete").touch()
            return system

    return once


@pytest.fixture(params=COMBINATIONS, ids=str)
def system(request: pytest.FixtureRequest, synthesised: Callable[..., System]) -> System:
    """The test runs once for each combination."""
    return synthesised(request.param)


@pytest.fixture(params=[each for each in COMBINATIONS if not each.is_dsql], ids=str)
def on_aurora(request: pytest.FixtureRequest, synthesised: Callable[..., System]) -> System:
    """As `system`, for what Aurora alone has: capacity, instances, a master, a secret that rotates."""
    return synthesised(request.param)


@pytest.fixture(params=[each for each in COMBINATIONS if each.is_dsql], ids=str)
def on_dsql(request: pytest.FixtureRequest, synthesised: Callable[..., System]) -> System:
    """As `system`, for what Aurora DSQL alone has: tokens of an admin, conflicts, work."""
    return synthesised(request.param)


@pytest.fixture(scope="session", params=CHOICES["database"])
def database(request: pytest.FixtureRequest) -> str:
    """For combinations of a test's own that must hold with each database."""
    return request.param


@pytest.fixture(scope="session")
def prod(synthesised: Callable[..., System], database: str) -> System:
    """A stage that keeps its data, with everything, once for each database."""
    return _prod(synthesised, database)


@pytest.fixture(scope="session")
def prod_on_aurora(synthesised: Callable[..., System]) -> System:
    """The same, for what Aurora alone has."""
    return _prod(synthesised, "aurora")


def _prod(synthesised: Callable[..., System], database: str) -> System:
    everything = Combination("app-runner+express", catalogue=True, diaries=True, database=database)
    return synthesised(everything, stage="prod")


@pytest.fixture(scope="session")
def prod_balancer(synthesised: Callable[..., System], database: str) -> System:
    """A stage that keeps its data behind a balancer, once for each database."""
    return synthesised(Combination("balancer", domain=True, database=database), stage="prod")


@pytest.fixture(scope="session")
def every_system(synthesised: Callable[..., System]) -> list[System]:
    """For tests that compare combinations."""
    return [synthesised(combination) for combination in COMBINATIONS]


@pytest.fixture(scope="session")
def distinct_templates(every_system: list[System], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Each template that differs from every other, once, as a file: linters need not see it for every combination."""
    folder = tmp_path_factory.mktemp("distinct")
    files: dict[str, Path] = {}
    for system in every_system:
        for stack in system.stacks.values():
            files.setdefault(stack.text, folder / f"{stack.name}.{len(files)}.template.json")
    for text, file in files.items():
        file.write_text(text)
    return list(files.values())
