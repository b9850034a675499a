"""What an account needs once, beside the CDK's own bootstrap stack."""

import sys
from collections.abc import Iterator

from botocore.exceptions import ClientError

from operations.aws import Aws, code
from operations.preflight import ECS_ROLE


def run(aws: Aws) -> Iterator[str]:
    """Makes the role that ECS works with, and yields the environment for `cdk bootstrap`."""
    iam = aws.client("iam")
    try:
        iam.get_role(RoleName=ECS_ROLE)
    except ClientError as error:
        if code(error) != "NoSuchEntity":
            raise
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
        print(f"made the role {ECS_ROLE}", file=sys.stderr)
    yield f"aws://{aws.account()}/{aws.region}"
