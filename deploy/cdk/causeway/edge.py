"""AWS WAF in front of the public API, the same for App Runner and for Express's load balancer."""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from causeway.front_door import FrontDoorStack
from causeway.settings import Settings

REQUESTS_PER_FIVE_MINUTES_AND_ADDRESS = 2000

MANAGED_RULE_GROUPS = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesSQLiRuleSet",
)


class Edge(Stack):
    """One web ACL for every front door there is, with a log of what it stopped."""

    def __init__(self, scope: Construct, id: str, settings: Settings, front_doors: Sequence[FrontDoorStack]) -> None:
        super().__init__(scope, id, description="Causeway: web application firewall")
        acl = wafv2.CfnWebACL(
            self,
            "WebAcl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            rules=[_rate_limit(), *_managed_rules(settings)],
            visibility_config=_visibility("WebAcl"),
        )
        for front_door in front_doors:
            wafv2.CfnWebACLAssociation(
                self,
                f"{front_door.node.id}Association",
                resource_arn=front_door.protected_arn,
                web_acl_arn=acl.attr_arn,
            )
        self._log(settings, acl)

    def _log(self, settings: Settings, acl: wafv2.CfnWebACL) -> None:
        log_group = logs.LogGroup(
            self,
            "Logs",
            # WAF writes to no other name.
            log_group_name=f"aws-waf-logs-causeway-{settings.stage.name}",
            retention=settings.stage.log_retention,
            removal_policy=settings.stage.removal_policy,
        )
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[log_group.log_group_arn],
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": "authorization"})
            ],
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [
                    {
                        "Behavior": "KEEP",
                        "Requirement": "MEETS_ANY",
                        "Conditions": [
                            {"ActionCondition": {"Action": action}}
                            for action in ("BLOCK", "COUNT", "EXCLUDED_AS_COUNT")
                        ],
                    }
                ],
            },
        )


def _rate_limit() -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name="RateLimit",
        priority=0,
        action=wafv2.CfnWebACL.RuleActionProperty(block={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                aggregate_key_type="IP", limit=REQUESTS_PER_FIVE_MINUTES_AND_ADDRESS
            )
        ),
        visibility_config=_visibility("RateLimit"),
    )


def _managed_rules(settings: Settings) -> list[wafv2.CfnWebACL.RuleProperty]:
    return [
        wafv2.CfnWebACL.RuleProperty(
            name=group,
            priority=priority,
            override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
            statement=wafv2.CfnWebACL.StatementProperty(
                managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                    vendor_name="AWS", name=group, rule_action_overrides=_only_counted(group, settings)
                )
            ),
            visibility_config=_visibility(group),
        )
        for priority, group in enumerate(MANAGED_RULE_GROUPS, start=1)
    ]


def _only_counted(group: str, settings: Settings) -> list[wafv2.CfnWebACL.RuleActionOverrideProperty] | None:
    """Rules that would turn away what this API is made for."""
    if group != "AWSManagedRulesCommonRuleSet":
        return None
    # A visit without a User-Agent is a visit; a picture is larger than 8 KiB.
    rules = ["NoUserAgent_HEADER", *(["SizeRestrictions_BODY"] if settings.diaries else [])]
    return [
        wafv2.CfnWebACL.RuleActionOverrideProperty(
            name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
        )
        for rule in rules
    ]


def _visibility(metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=True
    )
