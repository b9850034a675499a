"""What the app builds images from is there, and is not the whole working copy."""

import os
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


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `cdk deploy` hands to Docker, made from this checkout."""
    return _stage(REPOSITORY_ROOT, tmp_path_factory.mktemp("staged"))


def _stage(context: Path, outdir: Path) -> Path:
    app = App(outdir=str(outdir))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "BUILD_CONTEXT", context)
        image = images.frontend_image(Stack(app, "Images"), Platform.LINUX_ARM64)
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
    dockerfile = str(staged / DOCKERFILES["frontend-api"])
    result = subprocess.run(
        ["docker", "build", "--target=manifests", f"--build-arg=BUILDER={builder}", "--file", dockerfile, str(staged)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert result.returncode == 0, result.stderr
