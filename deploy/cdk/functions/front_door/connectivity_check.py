"""Runs the doctor once as an ECS task in the network of a service, and fails the deployment with what it finds.

CloudFormation runs this when the check is created and whenever its task definition or its revision changes.
"""

import json
import time

import answer
import doctor_gate
import document as doctor

PATIENCE_SECONDS = 12 * 60
"""Less than the function's time-out of 15 minutes, so that its answer is always sent."""

LOG_SECONDS = 60
PAUSE_SECONDS = 5
CONTAINER = "doctor"


class CheckFailed(Exception):
    """Says which hop fails, why, and what fixes it."""


def handler(event, _context):
    import boto3  # here, so that the tests need no AWS SDK

    def work():
        if event["RequestType"] != "Delete" and not doctor_gate.is_rolling_back(event["StackId"]):
            check(boto3.client("ecs"), boto3.client("logs"), event["ResourceProperties"], event["RequestId"])

    answer.serve(event, "connectivity-check", work)


def check(ecs, logs, wanted, request, clock=time.monotonic, sleep=time.sleep):
    """Raises `CheckFailed` unless the doctor's task ends with 0."""
    task = _start(ecs, wanted, request)
    try:
        stopped = _wait(ecs, wanted["Cluster"], task, clock, sleep)
    except TimeoutError:
        ecs.stop_task(cluster=wanted["Cluster"], task=task, reason="the connectivity check took too long")
        raise CheckFailed("the doctor's task did not end; does it reach its registry and its log?") from None
    [container] = [each for each in stopped["containers"] if each["name"] == CONTAINER]
    if container.get("exitCode") is None:
        reason = container.get("reason") or stopped.get("stoppedReason") or "no reason given"
        raise CheckFailed(f"the doctor's task did not start: {reason}")
    if container["exitCode"] != 0:
        stream = f"{CONTAINER}/{CONTAINER}/{task.rsplit('/', 1)[-1]}"
        raise CheckFailed(_reason(_log(logs, wanted["LogGroup"], stream, clock, sleep)))


def _start(ecs, wanted, request):
    """Returns the task's ARN. CloudFormation may repeat a request: the token makes it the same task."""
    result = ecs.run_task(
        cluster=wanted["Cluster"],
        taskDefinition=wanted["TaskDefinition"],
        launchType="FARGATE",
        clientToken=request,
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": wanted["Subnets"],
                "securityGroups": wanted["SecurityGroups"],
                "assignPublicIp": wanted["AssignPublicIp"],
            }
        },
    )
    if result["failures"]:
        raise CheckFailed(f"the doctor's task did not start: {result['failures'][0].get('reason')}")
    return result["tasks"][0]["taskArn"]


def _wait(ecs, cluster, task, clock, sleep):
    """Returns the stopped task."""
    end = clock() + PATIENCE_SECONDS
    while clock() < end:
        # ECS forgets a task an hour after its end, and may not know it yet just after its start.
        found = ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"]
        if found and found[0]["lastStatus"] == "STOPPED":
            return found[0]
        sleep(PAUSE_SECONDS)
    raise TimeoutError


def _log(logs, group, stream, clock, sleep):
    """Returns the lines that the task wrote. They may arrive some seconds after its end."""
    end = clock() + LOG_SECONDS
    while clock() < end:
        try:
            events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
        except logs.exceptions.ResourceNotFoundException:
            events = []
        if events:
            return [event["message"] for event in events]
        sleep(PAUSE_SECONDS)
    return []


def _reason(lines):
    """Returns the failed hops of the report; without a report, what the doctor says of its options."""
    reports = [line for line in lines if line.startswith("{")]
    if not reports:
        return " ".join(lines) or "the doctor failed, and its log is empty"
    report = json.loads(reports[-1])
    return "; ".join(doctor.failures(report)) or str(report.get("Response"))
