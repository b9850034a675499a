"""Each template as text for review: a change of the app shows what it changes at AWS.

`snapshots/<Stack>.yaml` is a stack in its plainest combination, in a short notation for references. The other tests say
how the variants differ. `make cdk-snapshots` accepts the present templates.
"""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from system import CDK_FOLDER, Combination, Stack

SNAPSHOTS = CDK_FOLDER / "snapshots"
STACKS = (
    "Network",
    "Data",
    "PrivateService",
    "AppRunnerFrontDoor",
    "ExpressFrontDoor",
    "Edge",
    "BalancerFrontDoor",
    "Catalogue",
    "Diaries",
    "Watch",
)
SEEN_IN = {
    "AppRunnerFrontDoor": Combination("app-runner"),
    "BalancerFrontDoor": Combination("balancer", domain=True),
    "Catalogue": Combination(catalogue=True),
    "Diaries": Combination(diaries=True),
}

WITH_DSQL = ("Data", "ExpressFrontDoor", "Watch")
"""Those that differ, beside the ones above."""


@pytest.mark.parametrize("stack", STACKS)
def test_the_templates_are_those_that_were_reviewed(synthesised, stack: str):
    plainest = SEEN_IN.get(stack, Combination())
    _compare(SNAPSHOTS / f"{stack}.yaml", f"# {plainest}\n{render(synthesised(plainest).stacks[stack])}")


@pytest.mark.parametrize("stack", WITH_DSQL)
def test_the_templates_with_dsql_are_those_that_were_reviewed(synthesised, stack: str):
    plainest = Combination(database="dsql")
    _compare(SNAPSHOTS / f"{stack}.dsql.yaml", f"# {plainest}\n{render(synthesised(plainest).stacks[stack])}")


def test_there_is_no_snapshot_of_a_stack_that_is_gone():
    reviewed = {f"{stack}.yaml" for stack in STACKS} | {f"{stack}.dsql.yaml" for stack in WITH_DSQL}
    assert {file.name for file in SNAPSHOTS.iterdir()} == reviewed


def _compare(file: Path, text: str) -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert file.exists(), f"no {file.name}: run make cdk-snapshots, and review what it writes"
    assert text == file.read_text(), f"{file.name} differs: if that is meant, run make cdk-snapshots"


def render(stack: Stack) -> str:
    """Resources and outputs, without what every one of them has and without what changes by itself."""
    shown = {"Resources": {}, "Outputs": stack.outputs}
    for resource in stack.resources():
        if resource.type != "AWS::CDK::Metadata":
            body = {key: value for key, value in resource.body.items() if key != "Metadata"}
            body["Properties"] = {key: value for key, value in resource.properties.items() if key != "Tags"}
            shown["Resources"][resource.id] = short(body)
            if resource.type == "AWS::CloudWatch::Dashboard":
                _hide_queries(shown["Resources"][resource.id]["Properties"])
    shown["Outputs"] = {id: short(output["Value"]) for id, output in stack.outputs.items()}
    text = yaml.safe_dump(shown, sort_keys=False, width=140)
    text = re.sub(r"\b[0-9a-f]{64}\b", "<asset>", text)
    text = re.sub(r"(Revision: |EXPECTED_REVISION: |Name: REVISION\n +Value: )'?[0-9a-f]{12}'?", r"\1<revision>", text)
    return re.sub(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}", r"\1<hash>", text)


def _hide_queries(dashboard: dict[str, Any]) -> None:
    """They are reviewed where they stand, in docs/observability.md."""
    text, query = dashboard["DashboardBody"], r"' \| (?:[^\"\\]|\\.)*\""
    hidden = [re.sub(query, "' | <query>\"", part) if isinstance(part, str) else part for part in _parts(text)]
    dashboard["DashboardBody"] = {"Fn::Join": ["", hidden]}


def _parts(text: Any) -> list[Any]:
    return [text] if isinstance(text, str) else text["Fn::Join"][1]


def short(value: Any) -> Any:
    """`${Resource.Attribute}` for references of all kinds, text for joins."""
    if isinstance(value, list):
        return [short(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(function, argument)] = value.items()
        if function == "Ref":
            return f"${{{argument}}}"
        if function == "Fn::GetAtt":
            return f"${{{'.'.join(argument)}}}"
        if function == "Fn::ImportValue":
            return f"${{{argument.replace('Causeway-dev-', '').replace('ExportsOutput', '')}}}"
        if function == "Fn::Sub" and isinstance(argument, str):
            return argument
        if function == "Fn::Join":
            parts = short(argument[1])
            if all(isinstance(part, str) for part in parts):
                return argument[0].join(parts)
    return {key: short(item) for key, item in value.items()}
