"""The sums, names and settings in docs/deploy.md are right."""

import os
import re
import tomllib

import pytest

import costs
from causeway.settings import Settings
from causeway.table import LIKE, NAMES, STAGE_NAME, TABLE
from system import CDK_FOLDER, REPOSITORY_ROOT

DEPLOYMENT = REPOSITORY_ROOT / "docs/deploy.md"
TEXT = DEPLOYMENT.read_text()


def test_the_cost_table_is_the_one_that_the_prices_give():
    if os.environ.get("UPDATE_SNAPSHOTS"):
        table = re.compile(r"^\| \| dev, .*?(?=\n\n)", re.MULTILINE | re.DOTALL)
        DEPLOYMENT.write_text(table.sub(costs.table(), DEPLOYMENT.read_text(), count=1))
    assert costs.table() in DEPLOYMENT.read_text(), "run make cdk-snapshots, and review what it writes"


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


OTHER_VARIABLES = {"STACKS", "SERVICE", "SINCE", "CDK_ARGS", "REPOSITORY", "ENVIRONMENT", "OIDC_PROVIDER_ARN", "NAME"}
DOCUMENTS = {name: (REPOSITORY_ROOT / "docs" / name).read_text() for name in ("deploy.md", "runbooks.md")}
COMMANDS = sorted(
    {
        (name, target, arguments.strip())
        for name, text in DOCUMENTS.items()
        for target, arguments in re.findall(
            r"(?:`|^ {4,})make\s([a-z-]+)((?: [A-Z_]+=[^\s`,;)]+)*)", text, re.MULTILINE
        )
    }
)


@pytest.mark.parametrize(("document", "target", "arguments"), COMMANDS)
def test_every_command_of_the_documents_is_a_target_with_settings_that_are_accepted(
    document: str, target: str, arguments: str
):
    makefiles = "\n".join((REPOSITORY_ROOT / file).read_text() for file in ("Makefile", "deploy/cdk/cdk.mk"))
    given = dict(pair.split("=", 1) for pair in arguments.split())

    assert re.search(rf"^{target}:", makefiles, re.MULTILINE), f"{document}: there is no make {target}"
    settings = {name.lower(): value for name, value in given.items() if name not in OTHER_VARIABLES}
    if "…" not in arguments:
        Settings.parse(settings)
