"""The judge alone, on the snapshots of all topologies: its mutants must lose, and snapshots must survive a file."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from conftest import Runs
from explain import codec
from explain.judge import acls, explain, groups, outcome, path
from explain.model import Snapshot
from topologies import BROKEN, SOUND, UNSEEN, Topology

EVERY = [*BROKEN, *SOUND, *UNSEEN]


def _denied_is_empty(snapshot: Snapshot) -> Snapshot:
    found = copy.deepcopy(snapshot)
    for field in dataclasses.fields(found):
        if getattr(found, field.name) is None and str(field.type).startswith("list"):
            setattr(found, field.name, [])
    return found


Patch = Callable[[pytest.MonkeyPatch], Any]

MUTANTS: dict[str, Patch] = {
    "no replies": lambda patch: patch.setattr(path, "replies", lambda *_: None),
    "no rule order": lambda patch: patch.setattr(acls, "in_order", list),
    "any reference counts": lambda patch: patch.setattr(groups, "_admits_reference", lambda *_: True),
    "ACL inside a subnet": lambda patch: patch.setattr(path, "stays_inside", lambda *_: False),
}


def wrong(runs: Runs, change: Callable[[Snapshot], Snapshot] = lambda snapshot: snapshot) -> list[str]:
    """Returns the topologies that are judged otherwise than they should be."""
    return [topology.name for topology in EVERY if not _right(topology, change(runs.of(topology).snapshot))]


def _right(topology: Topology, snapshot: Snapshot) -> bool:
    evidence = explain(snapshot)
    codes = [each.code for each in evidence if each.verdict == "blocks"]
    if topology.code:
        return codes == [topology.code]
    return outcome(evidence) == ("unknown" if topology.unknown else "open")


def test_the_judge_is_right_about_every_snapshot(all_runs: Runs):
    assert wrong(all_runs) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_of_the_judge_loses(all_runs: Runs, monkeypatch: pytest.MonkeyPatch, name: str):
    MUTANTS[name](monkeypatch)
    assert wrong(all_runs)


def test_taking_denied_for_empty_loses(all_runs: Runs):
    assert wrong(all_runs, _denied_is_empty)


def test_a_snapshot_that_is_saved_is_judged_the_same(all_runs: Runs):
    for topology in EVERY:
        snapshot = all_runs.of(topology).snapshot
        assert codec.load(codec.dump(snapshot)) == snapshot


def test_a_reference_over_a_peering_that_is_gone_admits_nobody(runs: Runs):
    [topology] = [each for each in SOUND if each.name == "a_group_of_a_peered_vpc_is_named"]
    snapshot = copy.deepcopy(runs.of(topology).snapshot)
    references = [ref for group in snapshot.groups or [] for rule in group.inbound for ref in rule.groups]
    for reference in references:
        reference.status = "deleted"
    [finding] = [each for each in explain(snapshot) if each.verdict == "blocks"]
    assert finding.code == "UNKNOWN_PEERED_SGS"


def test_block_public_access_is_not_judged_and_never_open(runs: Runs):
    [topology] = [each for each in SOUND if each.name == "public_addresses_by_a_nat_gateway"]
    snapshot = copy.deepcopy(runs.of(topology).snapshot)
    for vpc in snapshot.vpcs or []:
        vpc.public_access_block = "block-bidirectional"
    evidence = explain(snapshot)
    assert outcome(evidence) == "unknown"
    assert "VPC_BLOCK_PUBLIC_ACCESS_ENABLED" in [each.code for each in evidence]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "causeway-explain-1"}',
        '{"format": "causeway-explain-1", "snapshot": {"asked": 1}}',
        '{"format": "causeway-explain-1", "snapshot": {"region": "x"}}',
        '{"format": "causeway-explain-1", "snapshot": {"surprise": 1}}',
    ],
)
def test_a_file_that_is_no_snapshot_is_refused(text: str):
    with pytest.raises(codec.BadSnapshot):
        codec.load(text)
