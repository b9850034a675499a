"""What stays when a stack goes, and for how long logs are kept."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from causeway.settings import Stage


def removal_policy(stage: Stage) -> RemovalPolicy:
    """Returns the policy of logs and buckets.

    A stage that keeps its data retains them, except when the creation of their stack fails: they are empty then, and
    their fixed names would block the next attempt.
    """
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if stage.keeps_data else RemovalPolicy.DESTROY


def emptied_in_dev(stage: Stage) -> bool:
    """True if a bucket's objects go with it: a bucket that holds any cannot be deleted otherwise."""
    return not stage.keeps_data


def database_removal_policy(stage: Stage) -> RemovalPolicy:
    """Returns the policy of the database: a last snapshot where data matters."""
    return RemovalPolicy.SNAPSHOT if stage.keeps_data else RemovalPolicy.DESTROY


def key_removal_policy(stage: Stage) -> RemovalPolicy:
    """Returns the policy of encryption keys: what they encrypted is unreadable without them."""
    return removal_policy(stage)


def log_group(scope: Construct, id: str, stage: Stage, name: str | None = None) -> logs.LogGroup:
    """Creates a log group whose entries expire."""
    return logs.LogGroup(
        scope,
        id,
        log_group_name=name,
        retention=logs.RetentionDays.SIX_MONTHS if stage.keeps_data else logs.RetentionDays.ONE_WEEK,
        removal_policy=removal_policy(stage),
    )
