"""The two images, built from the repository root by the Dockerfiles beside this folder."""

import subprocess
import tomllib
from functools import cache
from pathlib import Path

from aws_cdk import aws_ecr_assets as ecr_assets
from constructs import Construct

BUILD_CONTEXT = Path(__file__).parents[3]
"""The repository root: the Dockerfiles copy from all over the workspace."""

VERSION = tomllib.loads((BUILD_CONTEXT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
"""Becomes the images' label `org.opencontainers.image.version`."""

DOCKERFILES = {service: f"deploy/{service}/Dockerfile" for service in ("frontend-api", "private-service")}

# Added to the root's .dockerignore. The first four keep the fingerprint from changing with files that no build reads.
# The last one matters: .dockerignore leaves the Dockerfiles out, and the CDK adds back only a file of that name in the
# root, so that a staged asset would hold no Dockerfile and its fingerprint would not change with one.
STAGING_RULES = ["**/target", ".git", "docs", "deploy/cdk", "!deploy/*/Dockerfile"]


def frontend_image(scope: Construct, platform: ecr_assets.Platform) -> ecr_assets.DockerImageAsset:
    """The same Dockerfile for every front door: x86-64 on App Runner, which has no other, and arm64 elsewhere."""
    return _image(scope, "frontend-api", platform)


def private_service_image(scope: Construct) -> ecr_assets.DockerImageAsset:
    """Graviton: a fifth cheaper on Fargate."""
    return _image(scope, "private-service", ecr_assets.Platform.LINUX_ARM64)


def _image(scope: Construct, service: str, platform: ecr_assets.Platform) -> ecr_assets.DockerImageAsset:
    return ecr_assets.DockerImageAsset(
        scope,
        "Image",
        directory=str(BUILD_CONTEXT),
        file=DOCKERFILES[service],
        platform=platform,
        exclude=STAGING_RULES,
        build_args={"VERSION": VERSION, "REVISION": _commit()},
        # The tag is that of the contents alone: otherwise each commit would build, push and roll out anew.
        invalidation=ecr_assets.DockerImageAssetInvalidationOptions(build_args=False),
    )


@cache
def _commit() -> str:
    """Returns the commit that is checked out, for the label `org.opencontainers.image.revision`."""
    command = ["git", "-C", str(BUILD_CONTEXT), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return result.stdout.strip() or "unknown"
