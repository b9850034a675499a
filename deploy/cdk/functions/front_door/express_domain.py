"""Adds a host name to the rule that ECS Express made for its service, and reports where its record has to point.

Express shifts the weights of that one rule during a canary, so a rule of our own to one of its target groups would
break then. CloudFormation runs this again for each revision, because a change of the service may write the rule anew.
"""

import answer

HOST = "host-header"


def handler(event, _context):
    import boto3  # here, so that the tests need no AWS SDK

    answer.serve(event, "express-domain", lambda: work(boto3.client("elbv2"), event))


def work(elb, event):
    """Makes the rule serve the name; returns the balancer's own name and zone."""
    wanted = event["ResourceProperties"]
    if event["RequestType"] == "Delete":
        remove(elb, wanted["Rule"], wanted["Host"])
        return {}
    add(elb, wanted["Rule"], wanted["Host"])
    before = event.get("OldResourceProperties", wanted)
    if (before["Rule"], before["Host"]) != (wanted["Rule"], wanted["Host"]):
        remove(elb, before["Rule"], before["Host"])
    [balancer] = elb.describe_load_balancers(LoadBalancerArns=[wanted["Balancer"]])["LoadBalancers"]
    return {"Name": balancer["DNSName"], "Zone": balancer["CanonicalHostedZoneId"]}


def add(elb, rule, host):
    """Adds the host beside those that Express serves."""
    conditions, hosts = _read(elb, rule)
    if host not in hosts:
        _write(elb, rule, conditions, [*hosts, host])


def remove(elb, rule, host):
    """Removes the host again; a rule that went with its service is no mistake."""
    try:
        conditions, hosts = _read(elb, rule)
    except elb.exceptions.RuleNotFoundException:
        return
    if host in hosts:
        _write(elb, rule, conditions, [each for each in hosts if each != host])


def _read(elb, rule):
    """Returns the rule's other conditions as they are written, and its hosts."""
    [found] = elb.describe_rules(RuleArns=[rule])["Rules"]
    hosts = next((each["HostHeaderConfig"]["Values"] for each in found["Conditions"] if each["Field"] == HOST), None)
    if not hosts:
        raise ValueError(f"the rule {rule} of ECS Express has no host name to stand beside")
    # `Values` repeats what the configuration of a condition says; the API takes only one of both.
    others = [
        {key: value for key, value in each.items() if key != "Values"}
        for each in found["Conditions"]
        if each["Field"] != HOST
    ]
    return others, hosts


def _write(elb, rule, others, hosts):
    condition = {"Field": HOST, "HostHeaderConfig": {"Values": hosts}}
    elb.modify_rule(RuleArn=rule, Conditions=[condition, *others])
