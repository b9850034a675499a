"""What the app builds images from is there, and is not the whole working copy."""

import os

import pytest

from causeway.images import DOCKERFILES, NOT_PART_OF_AN_IMAGE
from system import REPOSITORY_ROOT, System


@pytest.mark.parametrize("dockerfile", DOCKERFILES.values())
def test_the_dockerfiles_are_where_the_app_looks_for_them(dockerfile: str):
    if not (REPOSITORY_ROOT / dockerfile).exists():
        reason = f"{dockerfile} is missing"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


def test_build_results_and_the_apps_own_output_are_not_sent_to_docker():
    """`cdk.out` is inside `deploy/cdk`: it would be copied into itself."""
    assert {"**/target", ".git", "deploy/cdk"} <= set(NOT_PART_OF_AN_IMAGE)


def test_there_are_two_images_each_for_its_architecture(system: System):
    platforms = {asset["source"]["dockerFile"]: asset["source"]["platform"] for asset in system.docker_images}

    assert platforms == {
        DOCKERFILES["frontend-api"]: "linux/amd64",
        DOCKERFILES["private-service"]: "linux/arm64",
    }
