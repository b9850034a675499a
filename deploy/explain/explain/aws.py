"""The only way to AWS: one list of operations, each call checked against it before it leaves."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from explain.model import Refusal

OPERATIONS = {
    "apprunner": ("DescribeService", "DescribeVpcConnector", "ListServices"),
    "ec2": (
        "DescribeDhcpOptions",
        "DescribeManagedPrefixLists",
        "DescribeNatGateways",
        "DescribeNetworkAcls",
        "DescribeNetworkInterfaces",
        "DescribeRouteTables",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeVpcAttribute",
        "DescribeVpcEndpoints",
        "DescribeVpcPeeringConnections",
        "DescribeVpcs",
        "GetManagedPrefixListEntries",
    ),
    "ecs": (
        "DescribeExpressGatewayService",
        "DescribeServices",
        "DescribeTaskDefinition",
        "ListClusters",
        "ListServices",
    ),
    "elbv2": ("DescribeListeners", "DescribeLoadBalancers", "DescribeTargetGroups", "DescribeTargetHealth"),
    "iam": ("SimulatePrincipalPolicy",),
    "kms": ("DescribeKey", "GetKeyPolicy"),
    "rds": ("DescribeDBClusters", "DescribeDBInstances", "DescribeDBProxies", "DescribeDBSubnetGroups"),
    "route53": ("GetHostedZone", "ListHostedZones", "ListHostedZonesByVPC", "ListResourceRecordSets"),
    "s3": ("GetBucketPolicy",),
    "secretsmanager": ("DescribeSecret", "GetResourcePolicy"),
    "servicediscovery": ("GetInstancesHealthStatus", "ListInstances", "ListNamespaces", "ListServices"),
    "sts": ("GetCallerIdentity",),
}
"""Everything that this program ever asks AWS. It is the IAM policy, too."""

_IAM_PREFIXES = {"elbv2": "elasticloadbalancing"}

_REFUSALS = {"UnauthorizedOperation", "AccessDeniedException", "AccessDenied", "AuthorizationError", "OptInRequired"}
_MISSING = {
    "MISSING",
    "NoSuchEntity",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchHostedZone",
    "ServiceNotFoundException",
    "ServiceNotFound",
}

T = TypeVar("T")


class Unseen(Exception):
    """The call was refused or failed: nothing is known."""


class Missing(Exception):
    """AWS says that the thing does not exist."""


class Forbidden(Exception):
    """A call that is not on the list: a defect of this program, stopped before it leaves."""


def action(service: str, operation: str) -> str:
    """Returns the operation as IAM names it."""
    return f"{_IAM_PREFIXES.get(service, service)}:{operation}"


def policy() -> str:
    """Returns the IAM document that allows exactly what this program calls."""
    actions = [action(service, operation) for service, names in OPERATIONS.items() for operation in names]
    statement = {"Sid": "CausewayExplain", "Effect": "Allow", "Action": actions, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


class Aws:
    """Clients of one region, and a record of what they were refused."""

    def __init__(self, region: str, session: Any = None) -> None:
        self.region = region
        self.refusals: list[Refusal] = []
        self._session = session or boto3.Session()
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._config = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})

    def prepare(self, *services: str) -> None:
        """Makes clients beforehand: sessions may not be shared between threads, clients may."""
        for service in services:
            self._client(service)

    def ask(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Returns one answer. Raises Missing if AWS says so, Unseen if it is not answered."""
        client = self._client(service)
        method = _METHODS[service, operation]
        return self._guarded(service, operation, lambda: getattr(client, method)(**parameters))

    def all(self, service: str, operation: str, key: str, **parameters: Any) -> list[Any]:
        """Returns all items of `key` over all pages, for operations with and without a paginator."""
        client = self._client(service)
        method = _METHODS[service, operation]
        if client.can_paginate(method):
            pages = client.get_paginator(method).paginate(**parameters)
            return self._guarded(service, operation, lambda: [item for page in pages for item in page.get(key, [])])
        return self._guarded(
            service,
            operation,
            lambda: [item for page in _pages(getattr(client, method), parameters) for item in page.get(key) or []],
        )

    def mapping(self, service: str, operation: str, key: str, **parameters: Any) -> dict[str, Any]:
        """Returns the union of a map over all pages, for an operation without a paginator."""
        method = getattr(self._client(service), _METHODS[service, operation])

        def union() -> dict[str, Any]:
            return {name: value for page in _pages(method, parameters) for name, value in (page.get(key) or {}).items()}

        return self._guarded(service, operation, union)

    def seen(self, service: str, operation: str, key: str, **parameters: Any) -> list[Any] | None:
        """Returns all items, or None when they may not be seen."""
        try:
            return self.all(service, operation, key, **parameters)
        except (Unseen, Missing):
            return None

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                client = self._session.client(service, region_name=self.region, config=self._config)
                client.meta.events.register_first("before-call", _refuse_unlisted, unique_id="explain")
                self._clients[service] = client
            return self._clients[service]

    def _guarded(self, service: str, operation: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except (NoCredentialsError, NoRegionError):
            raise
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _REFUSALS and (code in _MISSING or "NotFound" in code):
                raise Missing(code) from None
            why = (
                f"refused: the credentials lack {action(service, operation)}"
                if code in _REFUSALS
                else f"failed: {code}"
            )
            self._refuse(service, operation, why)
        except BotoCoreError as error:
            self._refuse(service, operation, f"failed: {type(error).__name__}")
        raise Unseen(operation)

    def _refuse(self, service: str, operation: str, why: str) -> None:
        refusal = Refusal(action(service, operation), why)
        if refusal not in self.refusals:
            self.refusals.append(refusal)


def _refuse_unlisted(model: Any, **_: Any) -> None:
    """Runs before each call is sent, whichever function makes it."""
    service = model.service_model.service_name
    if model.name not in OPERATIONS.get(service, ()):
        raise Forbidden(f"{service}:{model.name} is not on the list of operations")


def _pages(call: Callable[..., dict[str, Any]], parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """For operations whose model has no paginator. A token that repeats itself ends the loop."""
    tokens: set[str] = set()
    more: dict[str, Any] = {}
    while True:
        page = call(**parameters, **more)
        yield page
        token = page.get("NextToken")
        if not token or token in tokens:
            return
        tokens.add(token)
        more = {"NextToken": token}


def _methods() -> dict[tuple[str, str], str]:
    return {(service, name): xform_name(name) for service, names in OPERATIONS.items() for name in names}


_METHODS = _methods()
