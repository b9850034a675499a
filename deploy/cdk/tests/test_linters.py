"""What tools of others think of the templates: CloudFormation's own rules, cfn-lint, checkov, and cdk-nag."""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import yaml
from aws_cdk import Acknowledgment
from constructs import IConstruct

from system import CDK_FOLDER, Combination, synthesise

FULL = (
    Combination("app-runner+express", nat=0, catalogue=True, diaries=True),
    Combination("balancer", domain=True, database="dsql"),
)


def _run(tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / tool, *arguments], cwd=CDK_FOLDER, capture_output=True, text=True, check=False
    )


def test_the_source_is_formatted_and_clean():
    for arguments in (["check"], ["format", "--check"]):
        result = _run("ruff", *arguments, "--no-cache", ".")
        assert result.returncode == 0, result.stdout


def test_the_types_are_right():
    result = _run("mypy")

    assert result.returncode == 0, result.stdout


def test_cfn_lint_has_nothing_to_say(distinct_templates: list[Path]):
    result = _run("cfn-lint", "--format", "parseable", *distinct_templates)

    assert result.returncode == 0, result.stdout


def test_checkov_finds_only_what_was_reviewed(distinct_templates: list[Path]):
    result = _run(
        "checkov",
        "-d",
        distinct_templates[0].parent,
        "--framework",
        "cloudformation",
        "-o",
        "json",
        "--quiet",
        "--skip-download",
    )
    report = json.loads(result.stdout)
    found = defaultdict(set)
    for failure in report["results"]["failed_checks"]:
        stack = failure["file_path"].strip("/").split(".")[0]
        found[failure["check_id"]].add(f"{stack}.{failure['resource'].split('.')[-1]}")
    baseline = yaml.safe_load((CDK_FOLDER / "checkov-baseline.yaml").read_text())

    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 300, "checkov looked at hardly anything"
    assert found == {check: set(entry["resources"]) for check, entry in baseline.items()}
    assert all(len(entry["reason"]) >= 12 for entry in baseline.values())


@pytest.mark.parametrize("stage", ["dev", "prod"])
@pytest.mark.parametrize("combination", FULL, ids=str)
def test_cdk_nag_and_cloudformations_own_rules_find_nothing(tmp_path: Path, combination: Combination, stage: str):
    """cdk-nag looks at every combination (`conftest.py`); the rules, which are slow, at two that have everything."""
    synthesise(combination, tmp_path, rules=True, stage=stage)


def test_cloudformations_own_rules_would_fail_the_synthesis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """EC2 refuses an apostrophe in a group's description, which nothing else here notices."""
    monkeypatch.setattr("causeway.fargate.contract.PRIVATE_SERVICE_NAME", "somebody's")

    with pytest.raises(RuntimeError, match="GroupDescription"):
        synthesise(Combination(), tmp_path, rules=True)


class _Unheard:
    """Takes the place of `Validations` where acknowledgements are made: notes them and passes none on."""

    made: list[tuple[IConstruct, Acknowledgment]]

    @classmethod
    def of(cls, construct: IConstruct) -> "_Unheard":
        return cls(construct)

    def __init__(self, construct: IConstruct) -> None:
        self._construct = construct

    def acknowledge(self, acknowledgment: Acknowledgment) -> None:
        self.made.append((self._construct, acknowledgment))


@pytest.fixture
def unacknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[tuple[str, str, str]], str]:
    """Acknowledgements as (path, finding, reason), and what cdk-nag reports when it hears none of them."""
    _Unheard.made = []
    monkeypatch.setattr("causeway.nag.Validations", _Unheard)
    reports = []
    for combination in FULL:
        with pytest.raises(RuntimeError, match="AwsSolutions") as failure:
            synthesise(combination, tmp_path / str(combination))
        reports.append(str(failure.value))
    return [(construct.node.path, made.id, made.reason) for construct, made in _Unheard.made], "\n".join(reports)


def test_every_acknowledgement_is_needed_and_none_is_missing(unacknowledged):
    made, report = unacknowledged
    reported = set(re.findall(r"^ +(\S+) \S+\n +Acknowledge with 'AwsSolutions::([^']+)'", report, re.MULTILINE))

    for path, finding, _ in made:
        assert any(where.startswith(f"{path}/") and what == finding for where, what in reported), (path, finding)
    for where, what in reported:
        assert any(where.startswith(f"{path}/") and what == finding for path, finding, _ in made), (where, what)


def test_every_acknowledgement_stands_on_its_construct_with_a_reason(unacknowledged):
    """A stack's path has two parts, its stage's and its own; one made there would hide the next finding too."""
    made, _ = unacknowledged

    assert made
    for path, finding, reason in made:
        assert path.count("/") >= 2, f"{finding} is acknowledged on a whole stack"
        assert len(reason) > 30, f"{finding}: {reason!r} is no reason"
