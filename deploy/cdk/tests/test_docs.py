"""The sums, names and settings in docs/deploy.md are right."""

import re
import tomllib

import costs
from causeway.settings import LIKE, NAMES, STAGE_NAME, TABLE
from system import CDK_FOLDER, REPOSITORY_ROOT

TEXT = (REPOSITORY_ROOT / "docs/deploy.md").read_text()


def test_the_cost_table_is_the_one_that_the_prices_give():
    assert costs.table() in TEXT, "put what `python costs.py` prints into docs/deploy.md"


def test_every_price_says_where_it_was_read():
    for name, price in tomllib.loads((CDK_FOLDER / "prices.toml").read_text()).items():
        assert price["source"] in ("article", "memory"), name
        assert price["usd"] > 0, name


def test_every_module_that_the_text_names_exists():
    for module in set(re.findall(r"`(causeway/\w+\.py|tests/\w+\.py)`", TEXT)):
        assert (CDK_FOLDER / module).exists(), module


def test_the_settings_table_is_the_one_in_the_code():
    rows = {
        tuple(cell.strip() for cell in line.strip("|").split("|"))[:4]
        for line in TEXT.split("## Settings")[1].split("## ")[0].splitlines()
        if line.startswith("| `")
    }

    assert rows == {
        ("`stage`", STAGE_NAME.accepts, "`dev`", "`prod`"),
        ("`like`", LIKE.accepts, "`dev`", "`prod`"),
        *((f"`{each.name}`", each.kind.accepts, _shown(each.dev), _shown(each.prod)) for each in TABLE),
    }


def test_make_knows_every_setting():
    text = (CDK_FOLDER / "cdk.mk").read_text()
    [names] = re.findall(r"^CDK_SETTINGS := ((?:.*\\\n)*.*)$", text, re.MULTILINE)

    assert {name.lower() for name in names.replace("\\", "").split()} == set(NAMES)


def _shown(default: object) -> str:
    if default is None:
        return "none"
    return f"`{str(default).lower()}`"
