"""AWS WAF in front of the public API, the same for App Runner and for Express's load balancer."""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from causeway.front_door import FrontDoorStack
from causeway.keeping import log_group
from causeway.settings import Settings

REQUESTS_PER_FIVE_MINUTES_AND_ADDRESS = 2000

MANAGED_RULE_GROUPS = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesSQLiRuleSet",
)

ONLY_COUNTED = {
    "AWSManagedRulesCommonRuleSet": (
        # A visit without a User-Agent is a visit.
        "NoUserAgent_HEADER",
        # These judge the first 8 KB of a body: pictures are larger, and their metadata, a diary's text or a password
        # may hold anything. The application stores and escapes all of it, so they would only reject honest users.
        "SizeRestrictions_BODY",
        "CrossSiteScripting_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
        "EC2MetaDataSSRF_BODY",
    ),
    "AWSManagedRulesSQLiRuleSet": ("SQLi_BODY", "SQLiExtendedPatterns_BODY"),
}
"""Rules that would reject what this API is made for."""

CREDENTIAL_HEADERS = ("authorization", "cookie")


class Edge(Stack):
    """One web ACL for every front door there is, with a log of what it stopped."""

    def __init__(self, scope: Construct, id: str, settings: Settings, front_doors: Sequence[FrontDoorStack]) -> None:
        super().__init__(scope, id, description="Causeway: web application firewall")
        acl = wafv2.CfnWebACL(
            self,
            "WebAcl",
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            rules=[_rate_limit(), *_managed_rules()],
            data_protection_config=_without_credentials(),
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
        # WAF writes only to names with this prefix.
        log = log_group(self, "Logs", settings.stage, f"aws-waf-logs-causeway-{settings.stage.name}")
        wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[log.log_group_arn],
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": header})
                for header in CREDENTIAL_HEADERS
            ],
            logging_filter={
                "DefaultBehavior": "DROP",
                "Filters": [
                    {
                        "Behavior": "KEEP",
                        "Requirement": "MEETS_ANY",
                        # Not what is only counted: that is every upload.
                        "Conditions": [{"ActionCondition": {"Action": "BLOCK"}}],
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


def _managed_rules() -> list[wafv2.CfnWebACL.RuleProperty]:
    return [
        wafv2.CfnWebACL.RuleProperty(
            name=group,
            priority=priority,
            override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
            statement=wafv2.CfnWebACL.StatementProperty(
                managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                    vendor_name="AWS", name=group, rule_action_overrides=_only_counted(group)
                )
            ),
            visibility_config=_visibility(group),
        )
        for priority, group in enumerate(MANAGED_RULE_GROUPS, start=1)
    ]


def _only_counted(group: str) -> list[wafv2.CfnWebACL.RuleActionOverrideProperty] | None:
    return [
        wafv2.CfnWebACL.RuleActionOverrideProperty(
            name=rule, action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={})
        )
        for rule in ONLY_COUNTED.get(group, ())
    ] or None


def _without_credentials() -> wafv2.CfnWebACL.DataProtectionConfigProperty:
    """Keeps cookies and tokens out of the log, and out of the sampled requests, which redaction does not reach."""
    return wafv2.CfnWebACL.DataProtectionConfigProperty(
        data_protections=[
            wafv2.CfnWebACL.DataProtectProperty(
                action="SUBSTITUTION",
                field=wafv2.CfnWebACL.FieldToProtectProperty(field_type="SINGLE_HEADER", field_keys=[header]),
            )
            for header in CREDENTIAL_HEADERS
        ]
    )


def _visibility(metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=True
    )
