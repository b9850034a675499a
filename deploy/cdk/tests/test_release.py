"""A release, made of what stands in for docker, cosign and gh: each notes how it was called."""

import hashlib
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from system import REPOSITORY_ROOT

[VERSION] = re.findall(r'^version = "(.+)"$', (REPOSITORY_ROOT / "Cargo.toml").read_text(), re.MULTILINE)
RELEASE = f"v{VERSION}"
PROGRAMS = ("frontend-api", "private-service", "doctor")
STAND_IN = """#!/usr/bin/env python3
import io, os, sys, tarfile
name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
with open(os.environ["NOTES"], "a") as notes:
    print(name, *arguments, file=notes)
if os.environ.get("REFUSED") == name:
    sys.exit("denied: not yours")
if arguments[:2] == ["image", "inspect"]:
    print("arm64")
elif arguments[:1] == ["create"]:
    print("container")
elif arguments[:1] == ["cp"]:
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
        entry = tarfile.TarInfo(arguments[1].rsplit("/", 1)[1])
        entry.size = 7
        tar.addfile(entry, io.BytesIO(b"program"))
elif arguments[:3] == ["buildx", "imagetools", "inspect"]:
    print('{"digest": "sha256:0123"}')
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of what a release reads, so that nothing is written into this one."""
    copy = tmp_path / "repository"
    (copy / "deploy/dev").mkdir(parents=True)
    (copy / "target/sbom").mkdir(parents=True)
    for file in ("Cargo.toml", "LICENSE", "deploy/dev/release"):
        (copy / file).write_bytes((REPOSITORY_ROOT / file).read_bytes())
    (copy / "deploy/dev/release").chmod(0o755)
    for program in PROGRAMS:
        (copy / f"target/sbom/{program}.cdx.json").write_text("{}")
    return copy


@pytest.fixture
def release(repository: Path, tmp_path: Path) -> Run:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("docker", "cosign", "gh"):
        (programs / name).write_text(STAND_IN)
        (programs / name).chmod(0o755)

    def run(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        variables = {"RELEASE": RELEASE, "REGISTRY": "ghcr.io/owner/causeway", "TAG": "local", **variables}
        return subprocess.run(
            [repository / "deploy/dev/release", command],
            env={"PATH": f"{programs}:{os.environ['PATH']}", "NOTES": str(tmp_path / "notes"), **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def _files(repository: Path) -> set[str]:
    return {file.name for file in (repository / "target/release-files").iterdir()}


def test_the_archives_hold_the_images_program_the_licence_and_the_bill_of_materials(repository: Path, release: Run):
    assert release("files").returncode == 0

    name = f"frontend-api-{RELEASE}-linux-arm64"
    with tarfile.open(repository / "target/release-files" / f"{name}.tar.gz") as archive:
        entries = {entry.name: entry for entry in archive}
        program = archive.extractfile(f"{name}/frontend-api")
        assert program is not None and program.read() == b"program"
    held = ("frontend-api", "rds-ca.pem", "LICENSE", "frontend-api.cdx.json")
    assert set(entries) == {f"{name}/{each}" for each in held}
    assert entries[f"{name}/frontend-api"].mode == 0o755


def test_equal_contents_give_equal_archives(repository: Path, release: Run):
    release("files")
    files = sorted((repository / "target/release-files").iterdir())
    before = [file.read_bytes() for file in files]
    release("files")

    assert [file.read_bytes() for file in files] == before


def test_each_machine_pushes_under_a_tag_of_its_own(release: Run, tmp_path: Path):
    assert release("push").returncode == 0

    pushed = [line.split()[-1] for line in (tmp_path / "notes").read_text().splitlines() if "docker push" in line]
    assert pushed == [f"ghcr.io/owner/causeway/{program}:{RELEASE}-arm64" for program in PROGRAMS]


def _both_architectures(repository: Path, release: Run) -> None:
    release("files")
    for program in PROGRAMS:
        archive = repository / f"target/release-files/{program}-{RELEASE}-linux-arm64.tar.gz"
        archive.with_name(archive.name.replace("arm64", "amd64")).write_bytes(b"the other machine's")


def test_images_are_joined_then_signed_by_digest_and_the_files_sums_are_signed(
    repository: Path, release: Run, tmp_path: Path
):
    _both_architectures(repository, release)
    (tmp_path / "notes").unlink()

    assert release("publish").returncode == 0

    notes = (tmp_path / "notes").read_text().splitlines()
    image = "ghcr.io/owner/causeway/frontend-api"
    create = f"docker buildx imagetools create --tag {image}:{RELEASE} {image}:{RELEASE}-amd64 {image}:{RELEASE}-arm64"
    assert notes.index(create) < notes.index(f"cosign sign --yes --recursive {image}@sha256:0123")
    assert any(note.startswith("cosign attest") and note.endswith(f"{image}@sha256:0123") for note in notes)
    assert any(note.startswith("cosign sign-blob") and note.endswith("SHA256SUMS") for note in notes)
    assert notes[-1].startswith(f"gh release create {RELEASE} --verify-tag")
    assert notes[-1].count(".tar.gz") == 6


def test_the_sums_are_those_of_the_files(repository: Path, release: Run):
    _both_architectures(repository, release)
    release("publish")
    folder = repository / "target/release-files"

    sums = dict(reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert set(sums) == _files(repository) - {"SHA256SUMS"}
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_half_a_release_is_refused_before_anything_is_signed(release: Run, tmp_path: Path):
    release("files")
    (tmp_path / "notes").unlink()
    result = release("publish")

    assert result.returncode != 0
    assert f"lacks ['doctor-{RELEASE}-linux-amd64.tar.gz'" in result.stderr
    assert not (tmp_path / "notes").exists()


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"RELEASE": "v99.0.0"}, f"Cargo.toml says {VERSION}"),
        ({"RELEASE": ""}, "must be one such as v0.1.0"),
        ({"REGISTRY": "GHCR.io/Owner"}, "must be one such as ghcr.io/owner/causeway"),
        ({"REFUSED": "docker"}, "denied: not yours"),
    ],
)
def test_what_cannot_be_released_is_refused_in_one_line(release: Run, variables: dict[str, str], says: str):
    result = release("push", **variables)

    assert result.returncode != 0
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_workflow_builds_on_both_architectures_and_publishes_once():
    document = yaml.safe_load((REPOSITORY_ROOT / ".github/workflows/release.yml").read_text())
    build, publish = document["jobs"]["build"], document["jobs"]["publish"]
    targets = [
        step["run"].split()[1] for job in (build, publish) for step in job["steps"] if "make " in step.get("run", "")
    ]

    assert build["strategy"]["matrix"]["runner"] == ["ubuntu-24.04", "ubuntu-24.04-arm"]
    assert targets == ["images", "sbom", "release-files", "release-push", "release-publish"]
    assert publish["needs"] == "build"


def test_renovate_keeps_crates_images_actions_and_python_packages():
    """`docker:pinDigests` and `helpers:pinGitHubActionDigests` keep digests; `pip-compile` renews the hashes."""
    renovate = json.loads((REPOSITORY_ROOT / ".github/renovate.json").read_text())
    patterns = [pattern.strip("/") for pattern in renovate["pip-compile"]["managerFilePatterns"]]
    pinned = [
        str(file.relative_to(REPOSITORY_ROOT))
        for folder in ("deploy/cdk/requirements", "deploy/explain")
        for file in (REPOSITORY_ROOT / folder).glob("*.in")
    ]

    assert {"docker:pinDigests", "helpers:pinGitHubActionDigests"} <= set(renovate["extends"])
    assert pinned
    for file in pinned:
        assert any(re.search(pattern, file.removesuffix(".in") + ".txt") for pattern in patterns), file
