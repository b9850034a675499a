"""Answers CloudFormation, which waits for an hour for a custom resource that says nothing."""

import http.client
import json
import logging
import urllib.parse

LONGEST_REASON = 1000

log = logging.getLogger()
log.setLevel(logging.INFO)


def serve(event, name, work):
    """Runs `work`, whose result is the resource's attributes, and reports how it ended, whatever happens."""
    why, attributes = None, None
    try:
        attributes = work()
    except Exception as error:
        log.exception("%s failed", name)
        why = f"{type(error).__name__}: {error}"
    send(event, name, why, attributes)


def send(event, name, why, attributes=None):
    """Sends the result; the reason of a failure becomes the stack's event."""
    body = {
        "Status": "SUCCESS" if why is None else "FAILED",
        "Reason": (why or "done")[:LONGEST_REASON],
        "PhysicalResourceId": event.get("PhysicalResourceId", name),
        "Data": attributes or {},
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    parts = urllib.parse.urlsplit(event["ResponseURL"])
    connection = http.client.HTTPSConnection(parts.netloc, timeout=30)
    try:
        connection.request("PUT", f"{parts.path}?{parts.query}", body=json.dumps(body).encode())
        connection.getresponse().read()
    finally:
        connection.close()
