"""Acknowledging a cdk-nag finding where it arises, with the reason beside it."""

import json
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def acknowledge(construct: IConstruct, **reasons: str) -> None:
    """`acknowledge(x, RDS6="why")` is AwsSolutions-RDS6.

    Always on the construct that has the finding, never on its stack: a stack's would hide the next one too.
    """
    for rule, reason in reasons.items():
        acknowledge_finding(construct, f"AwsSolutions-{rule}", reason)


def acknowledge_finding(construct: IConstruct, finding: str, reason: str) -> None:
    """The same for a finding that names what it found, such as `AwsSolutions-IAM5[Resource::*]`."""
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))


def acknowledge_image_pull(role: iam.IRole) -> None:
    """The one statement of a role that pulls images which cannot name a resource."""
    acknowledge_finding(
        role,
        "AwsSolutions-IAM5[Resource::*]",
        "ecr:GetAuthorizationToken takes no resource; pulling is limited to this app's repository",
    )


def readable(construct: IConstruct, arn: str) -> str:
    """Returns an ARN as cdk-nag shows it in a finding."""
    resolved = Stack.of(construct).resolve(arn)
    parts = resolved["Fn::Join"][1] if isinstance(resolved, dict) else [resolved]
    return "".join(_shown(part) for part in parts)


def _shown(part: Any) -> str:
    if isinstance(part, str):
        return part
    if "Ref" in part:
        return f"<{part['Ref']}>"
    if "Fn::GetAtt" in part:
        return f"<{'.'.join(part['Fn::GetAtt'])}>"
    return json.dumps(part, separators=(",", ":"))
