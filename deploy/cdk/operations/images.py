"""The images that a synthesised deployment publishes, by digest, and their signatures."""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from operations.aws import Aws, Refused

OUTPUT = Path(__file__).parent.parent / "cdk.out"
ISSUER = "https://token.actions.githubusercontent.com"
LONGEST_SECONDS = 300


def published(aws: Aws, output: Path = OUTPUT) -> Iterator[tuple[str, str]]:
    """Yields service and `registry/repository@digest` of each image that cdk.out names and the registry has."""
    assets: dict[str, dict[str, Any]] = {}
    for file in output.glob("assembly-*/*.assets.json"):
        assets.update(json.loads(file.read_text()).get("dockerImages", {}))
    if not assets:
        raise Refused("no images have been published: run make publish first")
    for asset in assets.values():
        for destination in asset["destinations"].values():
            repository = destination["repositoryName"].replace("${AWS::AccountId}", aws.account())
            repository = repository.replace("${AWS::Region}", aws.region)
            [image] = aws.client("ecr").describe_images(
                repositoryName=repository, imageIds=[{"imageTag": destination["imageTag"]}]
            )["imageDetails"]
            registry = f"{aws.account()}.dkr.ecr.{aws.region}.amazonaws.com"
            service = Path(asset["source"]["dockerFile"]).parent.name
            yield service, f"{registry}/{repository}@{image['imageDigest']}"


def sign(aws: Aws, sboms: Path) -> Iterator[str]:
    """Signs each image without a key, and attests its bill of materials."""
    _log_in(aws)
    for service, image in published(aws):
        _cosign("sign", "--yes", image)
        bill = str(sboms / f"{service}.cdx.json")
        _cosign("attest", "--yes", "--type", "cyclonedx", "--predicate", bill, image)
        yield f"signed {image}"


def verify(aws: Aws, signed_by: str) -> Iterator[str]:
    """Verifies signature and bill of materials of each image; `signed_by` is the workflow that must have signed."""
    if not signed_by:
        raise Refused(
            "set SIGNED_BY to the signing workflow: SIGNED_BY=https://github.com/OWNER/NAME/.github/workflows/…@ref"
        )
    _log_in(aws)
    identity = ("--certificate-identity", signed_by, "--certificate-oidc-issuer", ISSUER)
    for _, image in published(aws):
        _cosign("verify", *identity, image)
        _cosign("verify-attestation", "--type", "cyclonedx", *identity, image)
        yield f"verified {image}"


def _log_in(aws: Aws) -> None:
    [grant] = aws.client("ecr").get_authorization_token()["authorizationData"]
    user, password = base64.b64decode(grant["authorizationToken"]).decode().split(":", 1)
    _run(["docker", "login", "--username", user, "--password-stdin", grant["proxyEndpoint"]], password)


def _cosign(*arguments: str) -> None:
    _run(["cosign", *arguments])


def _run(command: list[str], text: str | None = None) -> None:
    try:
        result = subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
        )
    except FileNotFoundError:
        raise Refused(f"{command[0]} is not installed on this machine") from None
    if result.returncode:
        raise Refused(f"{' '.join(command[:2])} failed: {result.stderr.strip().splitlines()[-1:]}")
