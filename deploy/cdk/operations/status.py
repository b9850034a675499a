"""How a deployed stage is: addresses, versions, health, the doctor's verdict, and the alarms that are on."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from causeway.settings import Settings
from functions.front_door import document as doctor
from operations.aws import DENIED, Aws, Refused, code
from operations.stacks import STACKS, describe, outputs_of, stack_name

WELL = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}
LONGEST_ANSWER = 1 << 20
PATIENCE_SECONDS = 60

Fetch = Callable[[str, dict[str, str]], tuple[int, Any]]


class Report:
    """Lines to print, and whether all is well."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.well = True

    def say(self, line: str, well: bool = True) -> None:
        self.lines.append(f"{'   ' if well else '!! '}{line}")
        self.well = self.well and well


def run(settings: Settings, aws: Aws, fetch: Fetch) -> Report:
    """Returns the report; it is not well if any stack, address, dependency or alarm is not."""
    report = Report()
    found = stacks(settings, aws)
    for name, stack in found.items():
        status = str(stack["StackStatus"])
        report.say(f"{name}: {status}", status in WELL)
    for name, stack in found.items():
        outputs = outputs_of(stack)
        if "ServiceUrl" in outputs:
            _front_door(report, name, outputs, aws, fetch)
    for alarm in _alarms(settings, aws):
        report.say(f"alarm {alarm['AlarmName']}: {alarm.get('StateReason', '')}", well=False)
    return report


def stacks(settings: Settings, aws: Aws) -> dict[str, dict[str, Any]]:
    """Returns the stage's stacks, or raises `Refused` if there is none."""
    found = {}
    for stack in STACKS:
        description = describe(aws, stack_name(settings, stack))
        if description is not None:
            found[stack_name(settings, stack)] = description
    if not found:
        stage = settings.stage.name
        raise Refused(
            f"the stage {stage} does not exist in {aws.region}: run make deploy STAGE={stage}, or set AWS_REGION"
        )
    return found


def _front_door(report: Report, name: str, outputs: dict[str, str], aws: Aws, fetch: Fetch) -> None:
    url = outputs["ServiceUrl"]
    status, _ = fetch(f"{url}/health", {})
    report.say(f"{name}: {url} health {status or 'no answer'}", status == 200)
    status, document = fetch(outputs["DoctorUrl"], {"Accept": "application/json", **_token(outputs, aws)})
    if not isinstance(document, dict):
        report.say(f"{name}: the doctor does not answer ({status or 'no answer'})", well=False)
        return
    for line, well in doctor_lines(document):
        report.say(f"{name}: {line}", well)


def _token(outputs: dict[str, str], aws: Aws) -> dict[str, str]:
    """Returns the header that shows causes and remedies; without the right to the token, outcomes alone are shown."""
    try:
        secret = aws.client("secretsmanager").get_secret_value(SecretId=outputs["AdminTokenSecret"])
    except ClientError as error:
        if code(error) not in DENIED:
            raise
        return {}
    return {"Authorization": f"Bearer {secret['SecretString']}"}


def doctor_lines(document: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yields the doctor's document in short: the version, then each failed check with cause and remedy."""
    service = doctor.service(document)
    if service:
        yield f"version {service.get('Version')}, revision {service.get('Revision')}", True
    failures = doctor.failures(document)
    for failure in failures:
        yield f"the doctor says: {failure}", False
    if not failures:
        yield f"the doctor says: {document.get('Response', 'no failed stage')}", True


def _alarms(settings: Settings, aws: Aws) -> Iterator[dict[str, Any]]:
    pages = aws.client("cloudwatch").get_paginator("describe_alarms")
    for page in pages.paginate(AlarmNamePrefix=f"causeway-{settings.stage.name}-", StateValue="ALARM"):
        yield from page["MetricAlarms"]
        yield from page.get("CompositeAlarms", [])


def fetch(url: str, headers: dict[str, str]) -> tuple[int, Any]:
    """Returns status and JSON document; status 0 if nothing answers. Follows no redirect: a token goes to one host."""
    request = urllib.request.Request(url, headers=headers)
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=ssl.create_default_context()))
    try:
        with opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, _json(answer.read(LONGEST_ANSWER))
    except urllib.error.HTTPError as error:
        return error.code, _json(error.read(LONGEST_ANSWER))
    except (urllib.error.URLError, TimeoutError, OSError):
        return 0, None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
