"""Gives log groups that AWS makes by itself a retention, so that no entry stays for ever.

App Runner makes two groups for each service and never expires them. CloudFormation runs this after the service.
"""

import contextlib

import answer


def handler(event, _context):
    import boto3  # here, so that the tests need no AWS SDK

    def work():
        if event["RequestType"] != "Delete":
            properties = event["ResourceProperties"]
            keep(boto3.client("logs"), properties["Groups"], int(properties["Days"]))

    answer.serve(event, "kept-logs", work)


def keep(logs, groups, days):
    """Makes each group unless it is there: App Runner makes the application's with its first line."""
    for group in groups:
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=group)
        logs.put_retention_policy(logGroupName=group, retentionInDays=days)
