"""The picture is the one its source describes, and the sums and names in docs/deploy.md are right."""

import math
import re
import subprocess
import sys

import pytest

from causeway.settings import STAGES
from system import CDK_FOLDER, REPOSITORY_ROOT

TIMES = "\N{MULTIPLICATION SIGN}"
TEXT = (REPOSITORY_ROOT / "docs/deploy.md").read_text()


def _cost_rows() -> list[list[str]]:
    table = TEXT.split("## What it costs a month")[1].split("## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _sum_of_products(arithmetic: str) -> float:
    """Twice three and one is seven."""
    return sum(math.prod(map(float, term.split(TIMES))) for term in arithmetic.split("+"))


def test_the_picture_is_drawn_from_its_present_source():
    result = subprocess.run([sys.executable, CDK_FOLDER / "draw.py", "--check"], capture_output=True, text=True)

    assert result.returncode == 0, f"{result.stderr.strip()}: run make cdk-picture"


@pytest.mark.parametrize("column", [2, 3, 4])
def test_each_cost_is_what_its_arithmetic_says_and_the_total_is_their_sum(column: int):
    _, _, *rows, total = _cost_rows()
    costs = []
    for row in rows:
        if row[column]:
            arithmetic, result = row[column].split(" = ")
            assert abs(_sum_of_products(arithmetic) - float(result)) < 0.006, row[0]
            costs.append(float(result))

    assert f"{sum(costs):.2f}" == total[column].strip("*")


def test_every_module_that_the_text_names_exists():
    for module in set(re.findall(r"`(causeway/\w+\.py|tests/\w+\.py)`", TEXT)):
        assert (CDK_FOLDER / module).exists(), module


def test_the_settings_table_tells_the_stages_defaults():
    dev, prod = STAGES["dev"], STAGES["prod"]

    assert f"dev {dev.database_max_acu}, prod {prod.database_max_acu}" in TEXT
    assert f"dev {dev.front_door_max_instances}, prod {prod.front_door_max_instances}" in TEXT
