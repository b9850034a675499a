"""A synthesised deployment, as the tests look at it: stacks, resources, and references followed across stacks."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from app import compose

CDK_FOLDER = Path(__file__).parent.parent
REPOSITORY_ROOT = CDK_FOLDER.parent.parent


DOMAIN = {"domain": "api.example.com", "hosted_zone_id": "Z0123456789ABC", "hosted_zone_name": "example.com"}


@dataclass(frozen=True)
class Combination:
    """The choices that change what is deployed."""

    front_door: str = "express"
    nat: int = 0
    catalogue: bool = False
    diaries: bool = False
    domain: bool = False
    database: str = "aurora"

    def __str__(self) -> str:
        extras = "".join(f" {name}" for name in ["catalogue", "diaries", "domain"] if getattr(self, name))
        return f"{self.front_door} nat={self.nat}{extras}{' dsql' if self.is_dsql else ''}"

    @property
    def is_dsql(self) -> bool:
        return self.database == "dsql"

    @property
    def context(self) -> dict[str, str]:
        return {
            "front_door": self.front_door,
            "nat": str(self.nat),
            "catalogue": str(self.catalogue).lower(),
            "diaries": str(self.diaries).lower(),
            "database": self.database,
            **(DOMAIN if self.domain else {}),
        }


CHOICES: dict[str, tuple[Any, ...]] = {
    "front_door": ("express", "app-runner", "app-runner+express", "balancer", "balancer+express"),
    "nat": (0, 1, 2),
    "catalogue": (False, True),
    "diaries": (False, True),
    "domain": (False, True),
    "database": ("aurora", "dsql"),
}


def _pairwise(choices: dict[str, tuple[Any, ...]]) -> list[Combination]:
    """Returns few combinations in which every two values of different choices occur together somewhere."""
    names = list(choices)
    candidates = [dict(zip(names, values, strict=True)) for values in itertools.product(*choices.values())]
    candidates = [each for each in candidates if not each["domain"] or each["front_door"] in ("balancer", "express")]

    def pairs(candidate: dict[str, Any]) -> set[tuple[Any, ...]]:
        return {(one, candidate[one], other, candidate[other]) for one, other in itertools.combinations(names, 2)}

    missing = set().union(*map(pairs, candidates))
    chosen = []
    while missing:
        best = max(candidates, key=lambda candidate: len(pairs(candidate) & missing))
        chosen.append(Combination(**best))
        missing -= pairs(best)
    return chosen


COMBINATIONS = _pairwise(CHOICES)


@dataclass(frozen=True)
class Resource:
    """One resource and where it stands."""

    stack: "Stack"
    id: str
    body: dict[str, Any]

    @property
    def type(self) -> str:
        return self.body["Type"]

    @property
    def properties(self) -> dict[str, Any]:
        return self.body.get("Properties", {})

    @property
    def key(self) -> str:
        """How other stacks' references to it read, once resolved."""
        return f"{self.stack.name}.{self.id}"


@dataclass
class Stack:
    name: str
    text: str
    protected: bool = False
    """Nobody can delete it before its termination protection is taken away."""

    template: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.template = json.loads(self.text)

    def resources(self) -> Iterator[Resource]:
        for id, body in self.template["Resources"].items():
            yield Resource(self, id, body)

    @property
    def outputs(self) -> dict[str, Any]:
        return self.template.get("Outputs", {})


@dataclass
class System:
    combination: Combination
    stacks: dict[str, Stack]
    docker_images: list[dict[str, Any]]

    def of_type(self, type: str, stack: str | None = None) -> list[Resource]:
        """All resources of one type, of all stacks or of one."""
        stacks = self.stacks.values() if stack is None else [self.stacks[stack]]
        return [resource for each in stacks for resource in each.resources() if resource.type == type]

    def only(self, type: str, stack: str | None = None) -> Resource:
        """The one resource of a type."""
        found = self.of_type(type, stack)
        assert len(found) == 1, f"{len(found)} of {type} in {stack or 'the system'}, not one"
        return found[0]

    @cached_property
    def _exports(self) -> dict[str, tuple[Stack, Any]]:
        return {
            output["Export"]["Name"]: (stack, output["Value"])
            for stack in self.stacks.values()
            for output in stack.outputs.values()
            if "Export" in output
        }

    def follow(self, stack: Stack, value: Any) -> tuple[Stack, Any]:
        """Through imports to the stack that has the thing."""
        while isinstance(value, dict) and "Fn::ImportValue" in value:
            stack, value = self._exports[value["Fn::ImportValue"]]
        return stack, value

    def target(self, stack: Stack, value: Any) -> str:
        """`Stack.Resource` for whatever a Ref, a GetAtt or an import of either points to."""
        stack, value = self.follow(stack, value)
        if isinstance(value, dict) and "Ref" in value:
            return f"{stack.name}.{value['Ref']}"
        if isinstance(value, dict) and "Fn::GetAtt" in value:
            return f"{stack.name}.{value['Fn::GetAtt'][0]}"
        raise AssertionError(f"{value} in {stack.name} points to no resource")


def synthesise(
    combination: Combination, folder: Path, *, nag: bool = True, rules: bool = False, **context: str
) -> System:
    """What `cdk synth` does, in this process. Assets are fingerprinted but not copied.

    `rules` are CloudFormation's own, which take seconds and so are asked only where it matters.
    """
    app = cdk.App(
        outdir=str(folder),
        builtin_cloud_formation_validation=rules,
        context={
            **json.loads((CDK_FOLDER / "cdk.json").read_text())["context"],
            **combination.context,
            **context,
            "aws:cdk:disable-asset-staging": True,
        },
    )
    compose(app)
    if nag:
        cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()
    return read(combination, folder)


def read(combination: Combination, folder: Path) -> System:
    """Returns what was synthesised into a folder."""
    stacks, images = {}, []
    for manifest in folder.glob("assembly-*/manifest.json"):
        for artifact in json.loads(manifest.read_text())["artifacts"].values():
            if artifact["type"] == "aws:cloudformation:stack":
                name = artifact["properties"]["stackName"].rsplit("-", 1)[1]
                properties = artifact["properties"]
                text = (manifest.parent / properties["templateFile"]).read_text()
                stacks[name] = Stack(name, text, properties.get("terminationProtection", False))
    for assets in folder.glob("assembly-*/*.assets.json"):
        images.extend(json.loads(assets.read_text()).get("dockerImages", {}).values())
    return System(combination, stacks, images)
