"""The way to the AWS API, with every wait bounded and every refusal turned into one line that says what helps."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import exceptions
from botocore.config import Config

LIMITS = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 2})

EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


class Refused(Exception):
    """Ends a command with one line: what is missing, and the command that helps."""


class Aws:
    """Clients of one session. Tests put stubbed clients in their place."""

    def __init__(self, session: boto3.Session | None = None) -> None:
        # boto3 reads AWS_DEFAULT_REGION alone; the CDK and the other SDKs read AWS_REGION.
        self._session = session or boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
        self._clients: dict[str, Any] = {}

    @property
    def region(self) -> str:
        if not self._session.region_name:
            raise Refused("no region is set: export AWS_REGION=eu-west-1, or another one")
        return str(self._session.region_name)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            credentials = {} if service == "sts" else self._assumed()
            self._clients[service] = self._session.client(
                service, region_name=self.region, config=LIMITS, **credentials
            )
        return self._clients[service]

    def _assumed(self) -> dict[str, str]:
        """A pipeline's role may only assume the bootstrap roles: CAUSEWAY_ROLE says which of them to work with."""
        name = os.environ.get("CAUSEWAY_ROLE")
        if not name:
            return {}
        account = self.account()
        role = f"arn:aws:iam::{account}:role/cdk-hnb659fds-{name}-role-{account}-{self.region}"
        answer = self.client("sts").assume_role(RoleArn=role, RoleSessionName="causeway")["Credentials"]
        return {
            "aws_access_key_id": answer["AccessKeyId"],
            "aws_secret_access_key": answer["SecretAccessKey"],
            "aws_session_token": answer["SessionToken"],
        }

    def account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])


@contextmanager
def explained() -> Iterator[None]:
    """Turns what goes wrong on the way to AWS into `Refused`."""
    try:
        yield
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise Refused("no AWS credentials were found: run aws sso login, or export AWS_PROFILE=…") from None
    except (exceptions.TokenRetrievalError, exceptions.SSOError):
        raise Refused("the sign-in has expired: run aws sso login") from None
    except exceptions.ProfileNotFound as error:
        raise Refused(f"{error}: run aws configure list-profiles, then export AWS_PROFILE=…") from None
    except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError) as error:
        raise Refused(f"AWS cannot be reached: {error}; check the network, a proxy, and AWS_REGION") from None
    except exceptions.ClientError as error:
        raise Refused(_client_error(error)) from None


def code(error: exceptions.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _client_error(error: exceptions.ClientError) -> str:
    if code(error) in EXPIRED:
        return "AWS does not accept the credentials: run aws sso login, or export AWS_PROFILE=…"
    if code(error) in DENIED:
        return f"these credentials may not call {error.operation_name}: use a role that may, with AWS_PROFILE=…"
    return f"AWS answered {error.operation_name} with {code(error)}: {error.response['Error'].get('Message', '')}"
