"""Each combination of `system.py` is synthesised once, with cdk-nag looking on, and shared by all tests."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from causeway import images
from system import COMBINATIONS, Combination, System, synthesise


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
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Combination], System]:
    """Synthesis on demand, so that running one test does not wait for all combinations."""

    @cache
    def once(combination: Combination) -> System:
        return synthesise(combination, tmp_path_factory.mktemp(str(combination)))

    return once


@pytest.fixture(params=COMBINATIONS, ids=str)
def system(request: pytest.FixtureRequest, synthesised: Callable[[Combination], System]) -> System:
    """The test runs once for each combination."""
    return synthesised(request.param)


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> System:
    """A stage that keeps its data, with everything."""
    everything = Combination("app-runner+express", catalogue=True, diaries=True)
    return synthesise(everything, tmp_path_factory.mktemp("prod"), stage="prod")


@pytest.fixture(scope="session")
def prod_balancer(tmp_path_factory: pytest.TempPathFactory) -> System:
    """A stage that keeps its data behind a balancer."""
    return synthesise(Combination("balancer", domain=True), tmp_path_factory.mktemp("balancer"), stage="prod")


@pytest.fixture(scope="session")
def every_system(synthesised: Callable[[Combination], System]) -> list[System]:
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
