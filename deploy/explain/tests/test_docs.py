"""docs/explain.md says what the program does."""

import re
from pathlib import Path

import pytest

from explain import codec
from explain.cli import parser
from explain.judge import explain
from explain.render import text

FOLDER = Path(__file__).parent.parent
DOCUMENT = (FOLDER.parent.parent / "docs" / "explain.md").read_text()
CODE = r"[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+"


def codes_of_the_judge() -> set[str]:
    """Returns the codes that the judge's sources write out."""
    sources = "".join(file.read_text() for file in (FOLDER / "explain" / "judge").glob("*.py"))
    return set(re.findall(rf'"({CODE})"', sources))


def test_every_code_has_a_heading_and_every_heading_a_code():
    assert set(re.findall(rf"^#### ({CODE})$", DOCUMENT, re.MULTILINE)) == codes_of_the_judge()


@pytest.mark.parametrize("code", sorted(codes_of_the_judge()))
def test_every_code_has_its_meaning_evidence_and_remedy(code: str):
    section = DOCUMENT.split(f"#### {code}\n")[1].split("####")[0]
    assert re.findall(r"^- \*\*(\w+)\.\*\*", section, re.MULTILINE) == ["Meaning", "Evidence", "Remedy"]


def test_the_example_is_what_the_program_prints():
    snapshot = codec.load((FOLDER / "example.json").read_text())
    assert text(snapshot, explain(snapshot), colour=False).rstrip() in DOCUMENT


def test_every_option_is_explained():
    options = {option for action in parser()._actions for option in action.option_strings if option.startswith("--")}
    assert options - {"--help"} == set(re.findall(r"`(--[a-z]+)`", DOCUMENT.split("### Credentials")[0]))
