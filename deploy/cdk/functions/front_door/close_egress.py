"""Closes the outgoing rules to everywhere of the security groups that ECS Express makes for a service.

The tasks wear them beside our own group, which names everything that they may call. CloudFormation runs this when the
service is first made and whenever ECS gives it other groups.
"""

import http.client
import json
import logging
import urllib.parse

log = logging.getLogger()
log.setLevel(logging.INFO)

EVERYWHERE = ("CidrIpv4", "0.0.0.0/0"), ("CidrIpv6", "::/0")


def handler(event, context):
    """Always answers CloudFormation, which would otherwise wait for an hour."""
    import boto3  # here, so that the tests need no AWS SDK

    why = None
    try:
        if event["RequestType"] != "Delete":
            close(boto3.client("ec2"), event["ResourceProperties"]["Groups"])
    except Exception as error:
        log.exception("could not close the groups")
        why = f"{type(error).__name__}: {error}"
    respond(event, why)


def close(ec2, groups):
    """Revokes each outgoing rule to everywhere. `groups` are ids or ARNs; a rule that is gone is no mistake."""
    for group in groups:
        id = group.rsplit("/", 1)[-1]
        rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [id]}])["SecurityGroupRules"]
        open_rules = [
            rule["SecurityGroupRuleId"]
            for rule in rules
            if rule["IsEgress"] and any(rule.get(key) == value for key, value in EVERYWHERE)
        ]
        if open_rules:
            ec2.revoke_security_group_egress(GroupId=id, SecurityGroupRuleIds=open_rules)
        log.info("%s: %d rules revoked", id, len(open_rules))


def respond(event, why):
    """Sends CloudFormation the result."""
    body = {
        "Status": "SUCCESS" if why is None else "FAILED",
        "Reason": (why or "closed")[:1000],
        "PhysicalResourceId": event.get("PhysicalResourceId", "closed-egress"),
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    parts = urllib.parse.urlsplit(event["ResponseURL"])
    connection = http.client.HTTPSConnection(parts.netloc, timeout=30)
    connection.request("PUT", f"{parts.path}?{parts.query}", body=json.dumps(body).encode())
    connection.getresponse().read()
    connection.close()
