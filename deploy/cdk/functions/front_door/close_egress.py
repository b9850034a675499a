"""Closes the outgoing rules to everywhere of the security groups that ECS Express makes for a service.

The tasks wear them beside our own group, which names everything that they may call. CloudFormation runs this when the
service is first made and whenever ECS gives it other groups.
"""

import logging

import answer

log = logging.getLogger()

EVERYWHERE = ("CidrIpv4", "0.0.0.0/0"), ("CidrIpv6", "::/0")


def handler(event, _context):
    import boto3  # here, so that the tests need no AWS SDK

    def work():
        if event["RequestType"] != "Delete":
            close(boto3.client("ec2"), event["ResourceProperties"]["Groups"])

    answer.serve(event, "closed-egress", work)


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
