"""Each template as text for review: a change of the app shows what it changes at AWS.

`snapshots/<Stack>.yaml` is a stack in its plainest combination, in a short notation for references;
`snapshots/<Stack>.diff` is how each other variant differs from the variant that is most like it, each headed by the
combinations that have it.
`make cdk-snapshots` accepts the present templates.
"""

import dataclasses
import difflib
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from system import CDK_FOLDER, Combination, Stack, System

SNAPSHOTS = CDK_FOLDER / "snapshots"
STACKS = (
    "Network",
    "Data",
    "PrivateService",
    "AppRunnerFrontDoor",
    "ExpressFrontDoor",
    "Edge",
    "Catalogue",
    "Diaries",
)


@pytest.mark.parametrize("stack", STACKS)
def test_the_templates_are_those_that_were_reviewed(every_system: list[System], stack: str):
    variants = _variants(every_system, stack)
    texts = list(variants)
    differences = [_difference(texts[:place], texts[place], variants) for place in range(1, len(texts))]
    _compare(SNAPSHOTS / f"{stack}.yaml", f"# {variants[texts[0]]}\n{texts[0]}")
    _compare(SNAPSHOTS / f"{stack}.diff", "\n".join(differences))


def test_there_is_no_snapshot_of_a_stack_that_is_gone():
    assert {file.stem for file in SNAPSHOTS.iterdir()} == set(STACKS)


def _variants(systems: list[System], name: str) -> dict[str, str]:
    """The different texts of a stack, plainest first, each with a description of the combinations that have it."""
    variants = defaultdict(list)
    for system in sorted(systems, key=lambda system: _plainness(system.combination)):
        if name in system.stacks:
            variants[render(system.stacks[name])].append(system.combination)
    return {text: _describe(combinations) for text, combinations in variants.items()}


def _plainness(combination: Combination) -> tuple[Any, ...]:
    return (
        combination.catalogue,
        combination.diaries,
        "+" in combination.front_door,
        combination.nat,
        str(combination),
    )


def _describe(combinations: list[Combination]) -> str:
    """`front_door=express, nat=1|2, diaries=True`: the values of each choice, where not all of them occur."""
    choices = {
        field.name: sorted({str(getattr(combination, field.name)) for combination in combinations})
        for field in dataclasses.fields(Combination)
    }
    every = {"front_door": 3, "nat": 3, "catalogue": 2, "diaries": 2}
    said = [f"{name}={'|'.join(values)}" for name, values in choices.items() if len(values) < every[name]]
    return ", ".join(said) or "in every combination"


def _compare(file: Path, text: str) -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert file.exists(), f"no {file.name}: run make cdk-snapshots, and review what it writes"
    assert text == file.read_text(), f"{file.name} differs: if that is meant, run make cdk-snapshots"


def _difference(earlier: list[str], text: str, variants: dict[str, str]) -> str:
    """Against whichever earlier variant makes the shortest difference."""
    base, lines = min(((base, _diff(base, text)) for base in earlier), key=lambda pair: len(pair[1]))
    return "\n".join([f"## {variants[text]}", f"## against {variants[base]}", *lines, ""])


def _diff(base: str, text: str) -> list[str]:
    return list(difflib.unified_diff(base.splitlines(), text.splitlines(), n=1, lineterm=""))[2:]


def render(stack: Stack) -> str:
    """Resources and outputs, without what every one of them has and without what changes by itself."""
    shown = {"Resources": {}, "Outputs": stack.outputs}
    for resource in stack.resources():
        if resource.type != "AWS::CDK::Metadata":
            body = {key: value for key, value in resource.body.items() if key != "Metadata"}
            body["Properties"] = {key: value for key, value in resource.properties.items() if key != "Tags"}
            shown["Resources"][resource.id] = _short(body)
    shown["Outputs"] = {id: _short(output["Value"]) for id, output in stack.outputs.items()}
    text = yaml.safe_dump(shown, sort_keys=False, width=140)
    text = re.sub(r"\b[0-9a-f]{64}\b", "<asset>", text)
    return re.sub(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}", r"\1<hash>", text)


def _short(value: Any) -> Any:
    """`${Resource.Attribute}` for references of all kinds, text for joins."""
    if isinstance(value, list):
        return [_short(item) for item in value]
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
            parts = _short(argument[1])
            if all(isinstance(part, str) for part in parts):
                return argument[0].join(parts)
    return {key: _short(item) for key, item in value.items()}
