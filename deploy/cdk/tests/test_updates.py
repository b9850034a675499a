"""A stage that was deployed from the first templates keeps what holds data or has an address, when it is updated.

`kept.yaml` has what stood in the templates of commit 8b92963: logical ids, types, and properties whose change means a
replacement. It is not generated anew: a line changes only together with the steps by hand in docs/deploy.md.
"""

from typing import Any

import pytest
import yaml

from system import CDK_FOLDER, Combination, System
from test_snapshots import short

KEPT: dict[str, dict[str, Any]] = yaml.safe_load((CDK_FOLDER / "tests/kept.yaml").read_text())


@pytest.mark.parametrize("front_door", ["express", "app-runner"])
def test_an_update_replaces_nothing_that_holds_data_or_has_an_address(synthesised, front_door: str):
    system: System = synthesised(Combination(front_door, catalogue=True, diaries=True))
    seen = 0
    for key, kept in KEPT.items():
        stack, id = key.split(".")
        if stack in system.stacks:
            body = system.stacks[stack].template["Resources"].get(id)
            assert body is not None, f"{key} is gone: CloudFormation would delete it"
            assert body["Type"] == kept["Type"], key
            properties = body.get("Properties", {})
            for name, value in kept.get("Immutable", {}).items():
                assert short(properties.get(name)) == value, f"{key}: a new {name} replaces it"
            seen += 1

    assert seen > 20
