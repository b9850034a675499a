"""Shows the newest log entries of one service, whichever front door writes them."""

import datetime
import re
from collections.abc import Iterator
from typing import Any

from causeway.settings import Settings
from operations.aws import Aws, Refused
from operations.stacks import STACKS, describe, stack_name

SERVICES = {
    "frontend-api": ("AppRunnerFrontDoor", "BalancerFrontDoor", "ExpressFrontDoor"),
    "gate": ("AppRunnerFrontDoor", "BalancerFrontDoor", "ExpressFrontDoor"),
    "private-service": ("PrivateService",),
    "books": ("Catalogue",),
    "authors": ("Catalogue",),
    "database": ("Data",),
    "firewall": ("Edge",),
}
LOGICAL_IDS = {
    "frontend-api": "TaskLogs",
    "gate": "DoctorGateLogs",
    "private-service": "PrivateServiceTaskLogs",
    "books": "BooksTaskLogs",
    "authors": "AuthorsTaskLogs",
    "database": "DatabaseLogs",
    "firewall": "Logs",
}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MOST_ENTRIES = 10_000


def run(settings: Settings, aws: Aws, service: str, since: str) -> Iterator[str]:
    """Yields entries, oldest first in each log group."""
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds(since))
    for group in groups(settings, aws, service):
        yield f"--- {group}"
        yield from _entries(aws, group, int(start.timestamp() * 1000))


def seconds(since: str) -> int:
    """Returns the seconds that `15m`, `2h` and the like stand for."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})([smhd])", since)
    if match is None:
        raise Refused(f"SINCE={since}: must be a number and s, m, h or d, such as SINCE=15m")
    return int(match[1]) * SECONDS[match[2]]


def groups(settings: Settings, aws: Aws, service: str) -> list[str]:
    """Returns the log groups that a service writes to in this stage."""
    if service not in SERVICES:
        raise Refused(f"SERVICE={service}: must be one of {', '.join(SERVICES)}")
    stage = settings.stage.name
    if all(describe(aws, stack_name(settings, stack)) is None for stack in STACKS):
        raise Refused(
            f"the stage {stage} does not exist in {aws.region}: run make deploy STAGE={stage}, or set AWS_REGION"
        )
    found = [
        group
        for stack in SERVICES[service]
        if describe(aws, stack_name(settings, stack)) is not None
        for group in _groups_of_stack(aws, stack_name(settings, stack), service)
    ]
    if not found:
        raise Refused(f"the stage {stage} has no log of {service}: make status shows what is deployed")
    return found


def _groups_of_stack(aws: Aws, stack: str, service: str) -> Iterator[str]:
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    for resource in (resource for page in pages for resource in page["StackResourceSummaries"]):
        if resource["ResourceType"] == "AWS::Logs::LogGroup" and _is_of(resource, service):
            yield str(resource["PhysicalResourceId"])
        if resource["ResourceType"] == "AWS::AppRunner::Service" and service == "frontend-api":
            yield from _of_app_runner(aws, str(resource["PhysicalResourceId"]))


def _is_of(resource: dict[str, Any], service: str) -> bool:
    """Recognises a service's log group by its logical id: others stand beside it, such as those of functions."""
    return str(resource["LogicalResourceId"]).startswith(LOGICAL_IDS[service])


def _of_app_runner(aws: Aws, arn: str) -> Iterator[str]:
    """App Runner makes its groups itself: `/aws/apprunner/<name>/<id>/application` and `…/service`."""
    name, id = arn.split("service/")[1].split("/")
    found = aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/apprunner/{name}/{id}/application")
    yield from (str(group["logGroupName"]) for group in found["logGroups"])


def _entries(aws: Aws, group: str, start: int) -> Iterator[str]:
    pages = (
        aws.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=group, startTime=start, PaginationConfig={"MaxItems": MOST_ENTRIES})
    )
    for event in (event for page in pages for event in page["events"]):
        time = datetime.datetime.fromtimestamp(event["timestamp"] / 1000, datetime.UTC)
        yield f"{time:%Y-%m-%dT%H:%M:%SZ} {event['message'].rstrip()}"
