"""Where alarms and events go."""

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from causeway.keeping import key_removal_policy
from causeway.settings import Settings

RUNBOOKS = "docs/runbooks.md"
"""Where each alarm and event has a section."""

PUBLISHERS = ("cloudwatch", "events", "budgets")


def alarm_topic(scope: Construct, settings: Settings) -> sns.Topic:
    """Creates the topic with its own key: alarms cannot publish through the key that AWS manages."""
    key = kms.Key(
        scope,
        "TopicKey",
        description=f"Causeway: alarms of {settings.stage.name}",
        enable_key_rotation=True,
        removal_policy=key_removal_policy(settings.stage),
    )
    topic = sns.Topic(scope, "Alarms", master_key=key, enforce_ssl=True)
    for publisher in PUBLISHERS:
        principal = iam.ServicePrincipal(
            f"{publisher}.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[principal], actions=["kms:Decrypt", "kms:GenerateDataKey*"], resources=["*"]
            )
        )
        topic.grant_publish(principal)
    if settings.alarm_email is not None:
        topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
    return topic
