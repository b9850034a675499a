"""AWS WAF: the same managed rules and rate limit in front of every front door."""

from typing import Any

from system import System

MANAGED = {
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesSQLiRuleSet",
}


def _rules(system: System) -> dict[str, dict[str, Any]]:
    return {rule["Name"]: rule for rule in system.only("AWS::WAFv2::WebACL").properties["Rules"]}


def test_every_front_door_stands_behind_the_web_acl(system: System):
    protected = {
        system.target(each.stack, each.properties["ResourceArn"])
        for each in system.of_type("AWS::WAFv2::WebACLAssociation")
    }

    protected = {key[:-8] if key.startswith("Balancer") else key for key in protected}
    assert protected == {
        "BalancerFrontDoor.Balancer" if name == "BalancerFrontDoor" else f"{name}.Service"
        for name in system.stacks
        if name.endswith("FrontDoor")
    }


def test_express_is_protected_at_the_load_balancer_that_ecs_makes(system: System):
    for stack in system.stacks.values():
        if stack.name == "ExpressFrontDoor":
            exported = [output["Value"] for output in stack.outputs.values() if "Export" in output]
            assert {"Fn::GetAtt": ["Service", "ECSManagedResourceArns.IngressPath.LoadBalancerArn"]} in exported


def test_the_managed_rules_block(system: System):
    for name in MANAGED:
        assert _rules(system)[name]["OverrideAction"] == {"None": {}}


def test_one_address_cannot_send_more_than_its_share(system: System):
    rule = _rules(system)["RateLimit"]

    assert rule["Action"] == {"Block": {}}
    assert rule["Statement"]["RateBasedStatement"] == {"AggregateKeyType": "IP", "Limit": 2000}
    assert rule["Priority"] == 0


def test_there_are_no_other_rules(system: System):
    assert set(_rules(system)) == MANAGED | {"RateLimit"}


def test_what_the_api_is_made_for_is_counted_and_not_blocked(system: System):
    """A visit without a User-Agent; pictures, texts and passwords, which may hold anything."""
    counted = {
        name: {
            override["Name"]
            for override in rule["Statement"]["ManagedRuleGroupStatement"].get("RuleActionOverrides", [])
            if override["ActionToUse"] == {"Count": {}}
        }
        for name, rule in _rules(system).items()
        if name in MANAGED
    }

    assert counted == {
        "AWSManagedRulesAmazonIpReputationList": set(),
        "AWSManagedRulesCommonRuleSet": {
            "NoUserAgent_HEADER",
            "SizeRestrictions_BODY",
            "CrossSiteScripting_BODY",
            "GenericLFI_BODY",
            "GenericRFI_BODY",
            "EC2MetaDataSSRF_BODY",
        },
        "AWSManagedRulesKnownBadInputsRuleSet": set(),
        "AWSManagedRulesSQLiRuleSet": {"SQLi_BODY", "SQLiExtendedPatterns_BODY"},
    }


def test_the_log_of_the_web_acl_holds_blocked_requests_alone(system: System):
    """What is only counted is every upload, with its session cookie."""
    logging = system.only("AWS::WAFv2::LoggingConfiguration").properties
    [keep] = logging["LoggingFilter"]["Filters"]

    assert logging["LoggingFilter"]["DefaultBehavior"] == "DROP"
    assert (keep["Behavior"], keep["Conditions"]) == ("KEEP", [{"ActionCondition": {"Action": "BLOCK"}}])


def test_neither_log_nor_sampled_requests_hold_a_session_or_the_admin_token(system: System):
    acl = system.only("AWS::WAFv2::WebACL").properties["DataProtectionConfig"]["DataProtections"]
    logging = system.only("AWS::WAFv2::LoggingConfiguration").properties["RedactedFields"]

    assert {header for each in acl for header in each["Field"]["FieldKeys"]} == {"authorization", "cookie"}
    assert {each["Field"]["FieldType"] for each in acl} == {"SINGLE_HEADER"}
    assert {field["SingleHeader"]["Name"] for field in logging} == {"authorization", "cookie"}
