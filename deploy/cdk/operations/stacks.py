"""The stacks of a stage and their states at CloudFormation."""

from typing import Any

from botocore.exceptions import ClientError

from causeway.settings import Settings
from operations.aws import Aws

STACKS = (
    "Network",
    "Data",
    "PrivateService",
    "AppRunnerFrontDoor",
    "BalancerFrontDoor",
    "ExpressFrontDoor",
    "Edge",
    "Catalogue",
    "Diaries",
    "Watch",
)
"""All that a stage can have, in the order of their dependence."""

NEVER_CREATED = {"ROLLBACK_FAILED", "ROLLBACK_COMPLETE", "CREATE_FAILED"}


def stack_name(settings: Settings, stack: str) -> str:
    return f"Causeway-{settings.stage.name}-{stack}"


def describe(aws: Aws, name: str) -> dict[str, Any] | None:
    """Returns CloudFormation's description of a stack, or None if there is no such stack."""
    try:
        [stack] = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return dict(stack)


def status_of(aws: Aws, name: str) -> str | None:
    stack = describe(aws, name)
    return None if stack is None else str(stack["StackStatus"])


def outputs_of(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def first_creation_failed(status: str) -> bool:
    """True if the stack never held anything: its creation failed and was not, or could not be, cleaned up."""
    return status in NEVER_CREATED
