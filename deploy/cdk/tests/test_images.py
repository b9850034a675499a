"""What the app builds images from is there, and is not the whole working copy."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk.aws_ecr_assets import Platform

from causeway import images
from causeway.images import DOCKERFILES, STAGING_RULES
from system import REPOSITORY_ROOT, System


@pytest.mark.parametrize("dockerfile", DOCKERFILES.values())
def test_the_dockerfiles_are_where_the_app_looks_for_them(dockerfile: str):
    if not (REPOSITORY_ROOT / dockerfile).exists():
        reason = f"{dockerfile} is missing"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


def test_build_results_and_the_apps_own_output_are_not_sent_to_docker():
    """`cdk.out` is inside `deploy/cdk`: it would be copied into itself."""
    assert {"**/target", ".git", "deploy/cdk"} <= set(STAGING_RULES)


def test_images_are_for_arm_wherever_the_front_door_allows_it(system: System):
    built = {(asset["source"]["dockerFile"], asset["source"]["platform"]) for asset in system.docker_images}
    doors = {
        "linux/amd64" if door == "app-runner" else "linux/arm64" for door in system.combination.front_door.split("+")
    }

    assert built == {
        (DOCKERFILES["private-service"], "linux/arm64"),
        *((DOCKERFILES["frontend-api"], platform) for platform in doors),
    }


def _stages(dockerfile: str) -> dict[str, tuple[str, str]]:
    """Returns what each named stage is made from, and its text."""
    text = (REPOSITORY_ROOT / dockerfile).read_text()
    stages = re.findall(r"^FROM (.+?) AS (\w[\w-]*)\n(.*?)(?=^(?:#[^\n]*\n)*FROM |\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: (base, body) for base, name, body in stages}


def test_the_build_stages_are_the_same_in_both_dockerfiles_so_that_they_are_built_once():
    of_both = [_stages(dockerfile) for dockerfile in DOCKERFILES.values()]

    for stage in ("base", "architecture", "manifests", "dependencies", "build"):
        assert of_both[0][stage] == of_both[1][stage], stage


@pytest.mark.parametrize("dockerfile", DOCKERFILES.values())
def test_nothing_runs_in_a_stage_of_another_architecture(dockerfile: str):
    """It would be emulated."""
    text = (REPOSITORY_ROOT / dockerfile).read_text()
    native: set[str] = set()
    for base, name, body in re.findall(
        r"^FROM (.+?)(?: AS (\S+))?\n(.*?)(?=^FROM |\Z)", text, re.MULTILINE | re.DOTALL
    ):
        if base.startswith("--platform=${BUILDPLATFORM:-linux} ") or base in native:
            native.add(name)
        else:
            assert not re.search("^RUN ", body, re.MULTILINE), name or "the last stage"
    assert native == {
        "architecture",
        "manifests",
        "dependencies",
        "build",
        *(["rds-ca"] if "frontend" in dockerfile else []),
    }


@pytest.mark.parametrize(
    ("machine", "base", "installs"),
    [
        ("x86_64", "aarch64", "gcc-aarch64-linux-gnu"),
        ("aarch64", "x86_64", "gcc-x86-64-linux-gnu"),
        ("x86_64", "x86_64", None),
    ],
)
def test_an_image_for_another_architecture_is_cross_compiled(
    tmp_path: Path, machine: str, base: str, installs: str | None
):
    """The Dockerfile's own commands, with stand-ins for the programs that would install something."""
    stages = _stages(DOCKERFILES["frontend-api"])
    (tmp_path / f"base/{base}-linux-gnu").mkdir(parents=True)
    for name, prints in (("apt-get", ""), ("rustup", ""), ("uname", machine)):
        program = f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/notes\necho "{prints}"\n'
        (tmp_path / name).write_text(program)
        (tmp_path / name).chmod(0o755)
    [name_it] = re.findall(r"^RUN (.+)$", stages["architecture"][1], re.MULTILINE)
    [prepare] = re.findall(r"^RUN (read .+?[^\\])$", stages["dependencies"][1], re.MULTILINE | re.DOTALL)
    script = f"{name_it}\n{prepare}".replace("/architecture", f"{tmp_path}/architecture").replace(
        "/base", f"{tmp_path}/base"
    )

    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CARGO_HOME": str(tmp_path)}
    subprocess.run(["sh", "-euc", script], env=environment, check=True, timeout=60)

    notes = (tmp_path / "notes").read_text()
    if installs is None:
        assert "apt-get" not in notes and not (tmp_path / "config.toml").exists()
        return
    triple = f"{base}-unknown-linux-gnu"
    assert f"apt-get install --yes --quiet {installs}\n" in notes
    assert f"rustup target add {triple}\n" in notes
    config = tomllib.loads((tmp_path / "config.toml").read_text())
    assert config == {"build": {"target": triple}, "target": {triple: {"linker": f"{base}-linux-gnu-gcc"}}}


def test_an_image_names_version_and_commit_and_a_commit_alone_builds_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = _stage(REPOSITORY_ROOT, tmp_path / "before").name
    monkeypatch.setattr(images, "_commit", lambda: "another")
    after = _stage(REPOSITORY_ROOT, tmp_path / "after").name
    [assets] = (tmp_path / "after").glob("*.assets.json")
    [image] = json.loads(assets.read_text())["dockerImages"].values()

    assert before == after
    assert image["source"]["dockerBuildArgs"] == {"VERSION": images.VERSION, "REVISION": "another"}


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `cdk deploy` hands to Docker, made from this checkout."""
    return _stage(REPOSITORY_ROOT, tmp_path_factory.mktemp("staged"))


def _stage(context: Path, outdir: Path) -> Path:
    app = App(outdir=str(outdir))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "BUILD_CONTEXT", context)
        image = images.frontend_image(Stack(app, "Images"), Platform.LINUX_ARM64)
    app.synth()
    return outdir / f"asset.{image.asset_hash}"


def test_the_staged_folder_has_what_the_build_needs_and_nothing_else(staged: Path):
    members = tomllib.loads((staged / "Cargo.toml").read_text())["workspace"]["members"]
    files = {str(file.relative_to(staged)) for file in staged.rglob("*") if file.is_file()}

    assert {*DOCKERFILES.values(), "Cargo.toml", "Cargo.lock", "common/src/lib.rs"} <= files
    assert {f"{member}/Cargo.toml" for member in members} <= files
    assert not [file for file in files if "/target/" in file or file.startswith(("target", ".git/", "deploy/cdk"))]


def test_an_edit_of_a_dockerfile_changes_the_assets_fingerprint(tmp_path: Path):
    repository = tmp_path / "repository"
    repository.mkdir()
    shutil.copy(REPOSITORY_ROOT / ".dockerignore", repository)
    for dockerfile in DOCKERFILES.values():
        (repository / dockerfile).parent.mkdir(parents=True)
        (repository / dockerfile).write_text("FROM scratch\n")
    before = _stage(repository, tmp_path / "before")
    (repository / DOCKERFILES["frontend-api"]).write_text("FROM scratch\nLABEL edited=true\n")

    assert _stage(repository, tmp_path / "after").name != before.name


def test_the_staged_folder_can_be_built_from(staged: Path):
    """The first stage copies every manifest; the others are the same with and without the CDK."""
    builder = "causeway-base/builder:1"
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "image", "inspect", builder], capture_output=True).returncode
    ):
        pytest.skip(f"there is no container engine, or it has no {builder} (make images BASE=local)")
    bases = [f"--build-arg=BUILDER={builder}", "--build-arg=RUNTIME=causeway-base/runtime:1"]
    dockerfile = str(staged / DOCKERFILES["frontend-api"])
    result = subprocess.run(
        ["docker", "build", "--target=manifests", *bases, "--file", dockerfile, str(staged)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert result.returncode == 0, result.stderr
