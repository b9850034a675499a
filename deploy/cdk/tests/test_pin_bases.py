"""`make pin-bases` with a stand-in for the registry."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from system import REPOSITORY_ROOT

DIGEST = "sha256:" + 64 * "a"
NEWER = "sha256:" + 64 * "b"
FILES = [
    *sorted(REPOSITORY_ROOT.glob("deploy/*/*Dockerfile")),
    *sorted(REPOSITORY_ROOT.glob("deploy/dev/*/Dockerfile")),
    REPOSITORY_ROOT / "compose.yaml",
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for file in FILES:
        place = tmp_path / "copy" / file.relative_to(REPOSITORY_ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    return tmp_path / "copy"


def _pin(copy: Path, answer: str) -> subprocess.CompletedProcess[str]:
    programs = copy.parent / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "docker").write_text(f"#!/bin/sh\n{answer}\n")
    (programs / "docker").chmod(0o755)
    return subprocess.run(
        [REPOSITORY_ROOT / "deploy/dev/pin-bases", copy],
        env={"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _texts(copy: Path) -> dict[str, str]:
    return {str(file.relative_to(copy)): file.read_text() for file in copy.rglob("*") if file.is_file()}


def test_every_base_is_pinned_behind_its_tag_and_nothing_else_is_changed(copy: Path):
    before = _texts(copy)
    result = _pin(copy, f"echo {DIGEST}")
    after = _texts(copy)

    assert result.returncode == 0, result.stderr
    for name, text in after.items():
        assert text.replace(f"@{DIGEST}", "") == re.sub("@sha256:[0-9a-f]{64}", "", before[name]), name
        for base in re.findall(r"^ARG (?:BUILDER|RUNTIME|POSTGRES)=(.+)$", text, re.MULTILINE):
            assert base.endswith(f"@{DIGEST}"), f"{name}: {base}"
    for variable in ("BUILDER", "RUNTIME", "POSTGRES_IMAGE"):
        assert re.search(rf"\$\{{{variable}:-[^}}]+@{DIGEST}\}}", after["compose.yaml"]), variable


def test_a_second_run_replaces_the_digests(copy: Path):
    _pin(copy, f"echo {DIGEST}")
    _pin(copy, f"echo {NEWER}")

    everything = "\n".join(_texts(copy).values())
    assert DIGEST not in everything
    assert f"rust:1-slim-bookworm@{NEWER}" in everything


@pytest.mark.parametrize("answer", ["echo 'no such host' >&2; exit 1", "echo nothing"])
def test_without_a_registry_nothing_is_written(copy: Path, answer: str):
    before = _texts(copy)
    result = _pin(copy, answer)

    assert result.returncode == 69
    assert "nothing was written" in result.stderr
    assert _texts(copy) == before
