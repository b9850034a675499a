"""Settings can be changed on a running system: no stack drops an export that another, deployed later, still imports.

The database alone is chosen once: its data would not move with the setting.
"""

import pytest

from system import System

LASTING_STACKS = ("Network", "Data", "PrivateService")


@pytest.mark.parametrize("stack", LASTING_STACKS)
def test_the_exports_of_a_lasting_stack_are_the_same_in_every_combination(
    every_system: list[System], stack: str, database: str
):
    exports = {
        system.combination: {name for name, output in system.stacks[stack].outputs.items() if "Export" in output}
        for system in every_system
        if stack != "Data" or system.combination.database == database
    }

    first = next(iter(exports.values()))
    assert all(names == first for names in exports.values()), {
        str(combination): sorted(names ^ first) for combination, names in exports.items() if names != first
    }
