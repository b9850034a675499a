"""The program on every topology: the right finding on a broken one, none on a sound one, neither where it can't see."""

import pytest

from conftest import Runs
from explain.aws import OPERATIONS, action
from explain.cli import EXIT
from topologies import BROKEN, SOUND, UNSEEN, Topology

EVERY = [*BROKEN, *SOUND, *UNSEEN]


def each(topologies: list[Topology]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("topology", topologies, ids=lambda topology: topology.name)


@each(BROKEN)
def test_a_broken_topology_yields_exactly_its_fault(runs: Runs, topology: Topology):
    run = runs.of(topology)
    assert run.codes == [topology.code], run.document
    [finding] = run.document["findings"]
    assert run.culprit in (finding["resource"], *finding["others"])
    assert (run.code, run.document["outcome"]) == (EXIT["blocked"], "blocked")


@each(SOUND)
def test_a_sound_topology_is_open(runs: Runs, topology: Topology):
    run = runs.of(topology)
    assert (run.code, run.document["outcome"], run.codes) == (EXIT["open"], "open", []), run.document


@each(UNSEEN)
def test_what_may_not_be_seen_is_neither_a_finding_nor_open(runs: Runs, topology: Topology):
    run = runs.of(topology)
    assert run.codes == ([] if topology.unknown else [topology.code])
    assert run.code == EXIT["unknown" if topology.unknown else "blocked"], run.document
    if topology.operation:
        service, operation = topology.operation.split(":")
        [refusal] = [each for each in run.document["unseen"] if each["operation"]]
        assert refusal == {
            "operation": action(service, operation),
            "why": f"refused: the credentials lack {topology.operation}",
        }
    else:
        assert run.document["unseen"]


@each(EVERY)
def test_a_run_only_reads_and_makes_fewer_than_40_calls(runs: Runs, topology: Topology):
    allowed = {f"{service}:{operation}" for service, operations in OPERATIONS.items() for operation in operations}
    noted = runs.of(topology).noted
    assert set(noted) <= allowed
    assert len(noted) < 40


def test_there_are_as_many_topologies_as_promised():
    assert len(BROKEN) >= 40 and len(SOUND) >= 20 and len(UNSEEN) >= 6
    assert len({topology.name for topology in EVERY}) == len(EVERY)
