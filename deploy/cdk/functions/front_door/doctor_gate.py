"""Asks the doctor, and lets a deployment go on only if it is well.

One function, asked in three ways. CloudFormation asks for each new revision (a custom resource), and a failed hop fails
the deployment. ECS asks between test traffic and production traffic (a lifecycle hook), and takes the revision back. A
schedule asks every few minutes, and a failure becomes an error of the function, which an alarm watches.
"""

import http.client
import json
import logging
import os
import socket
import ssl
import time
import urllib.parse

import answer
import document as doctor

GOOD_ANSWERS = 3
PAUSE_SECONDS = 5
PATIENCE_SECONDS = 13 * 60
"""Less than the function's time-out of 15 minutes, so that its answer is always sent."""

ANSWER_SECONDS = 60
LONGEST_ANSWER = 1 << 20
HOOK_TRIES = 20
HOOK_DELAY_SECONDS = 30

log = logging.getLogger()
log.setLevel(logging.INFO)


class NotWell(Exception):
    """Says which hop fails, why, and what fixes it."""


def handler(event, context):
    """Answers CloudFormation, ECS or the schedule. Never raises to CloudFormation, which would wait for an hour."""
    if "RequestType" in event:
        return for_cloudformation(event, ask, respond, is_rolling_back)
    if "lifecycleStage" in event or "executionDetails" in event:
        return for_ecs(event, ask)
    why = ask("")
    if why is not None:
        raise NotWell(why)
    return None


def for_cloudformation(event, ask, respond, is_rolling_back, clock=time.monotonic, sleep=time.sleep):
    """Reports success once the new revision is well, or failure with stage, cause and remedy.

    While a stack is deleted or taken back this reports success: a failure would leave it in UPDATE_ROLLBACK_FAILED.
    """
    try:
        if event["RequestType"] == "Delete" or is_rolling_back(event["StackId"]):
            why = None
        else:
            revision = event["ResourceProperties"]["Revision"]
            why = wait(lambda: ask(revision), clock, sleep)
    except Exception as error:
        log.exception("the gate itself failed")
        why = f"the gate itself failed: {type(error).__name__}"
    if why is not None:
        log.error("not well: %s", why)
    respond(event, why)


def wait(ask, clock, sleep):
    """Returns None after three good answers in a row, or the last reason when the patience ends."""
    end, good = clock() + PATIENCE_SECONDS, 0
    while True:
        why = ask()
        good = good + 1 if why is None else 0
        if good == GOOD_ANSWERS:
            return None
        if clock() > end:
            return why or "the doctor's answers changed until the time was up"
        sleep(PAUSE_SECONDS)


def for_ecs(event, ask):
    """Returns the status of a lifecycle hook. While it is IN_PROGRESS, ECS asks again and hands `hookDetails` back."""
    revision = os.environ.get("EXPECTED_REVISION", "")
    why = next((why for why in (ask(revision) for _ in range(GOOD_ANSWERS)) if why is not None), None)
    if why is None:
        return {"hookStatus": "SUCCEEDED"}
    details = event.get("hookDetails")
    tries = 1 + int(details.get("tries", 0) if isinstance(details, dict) else 0)
    log.error("not well, try %d of %d: %s", tries, HOOK_TRIES, why)
    if tries >= HOOK_TRIES:
        return {"hookStatus": "FAILED"}
    return {"hookStatus": "IN_PROGRESS", "callBackDelay": HOOK_DELAY_SECONDS, "hookDetails": {"tries": str(tries)}}


def ask(revision):
    """Returns None if the doctor of this revision finds nothing, otherwise why not."""
    import boto3  # here, so that the tests need no AWS SDK

    secrets = boto3.client("secretsmanager")
    token = secrets.get_secret_value(SecretId=os.environ["ADMIN_TOKEN_SECRET"])["SecretString"]
    return judge(*fetch(os.environ["DOCTOR_URL"], token, os.environ.get("CONNECT_TO")), revision)


def judge(status, body, revision):
    """Returns None if the document is the expected revision's and no check failed, otherwise why not."""
    if status == 0:
        return f"the public API does not answer: {body}"
    try:
        document = json.loads(body)
        answered = doctor.service(document).get("Revision")
        failures = doctor.failures(document)
    except (ValueError, AttributeError, TypeError):
        return f"the doctor answered {status} without a document"
    if not document.get("Checks"):
        return f"the doctor answered {status} without a check"
    if revision and answered != revision:
        return f"revision {answered} answers, not yet {revision}"
    for warning in doctor.warnings(document):
        log.warning("warning, which passes: %s", warning)
    return "; ".join(failures) or None


def fetch(url, token, connect_to=None):
    """Returns status and body, or 0 and the reason. `connect_to` is the balancer's name while the domain's record is
    missing; the certificate is verified for the domain all the same."""
    parts = urllib.parse.urlsplit(url)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Host": parts.netloc}
    name, _, value = os.environ.get("EXTRA_HEADER", "").partition("=")
    if name:
        headers[name] = value
    connection = _connection(parts, connect_to or parts.hostname)
    try:
        connection.request("GET", parts.path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read(LONGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error) or type(error).__name__
    finally:
        connection.close()


def _connection(parts, host):
    port = parts.port or (443 if parts.scheme == "https" else 80)
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    if parts.scheme == "https":
        context = ssl.create_default_context()

        def connect():
            plain = socket.create_connection((host, port), ANSWER_SECONDS)
            connection.sock = context.wrap_socket(plain, server_hostname=parts.hostname)

        connection.connect = connect
    return connection


def is_rolling_back(stack):
    """Asks CloudFormation whether it takes the stack back."""
    import boto3

    [description] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return "ROLLBACK" in description["StackStatus"]


def respond(event, why):
    """Reports the outcome to CloudFormation."""
    answer.send(event, "doctor-gate", why)
