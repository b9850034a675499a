"""Reports what AWS says once, as an event: a failed rotation, a fail-over, a failed roll-out."""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct

from causeway.front_door import FrontDoorStack
from causeway.settings import Settings
from causeway.table import FrontDoor
from causeway.topic import RUNBOOKS


def report_events(
    scope: Construct, settings: Settings, topic: sns.ITopic, front_doors: Sequence[FrontDoorStack]
) -> None:
    """Sends the events of this stage to the topic, and each failed rotation of the account."""
    # By its ARN: the construct would let every account's events publish, beside the statements of `topic.py`.
    of_this_account = sns.Topic.from_topic_arn(scope, "AlarmsOfThisAccount", topic.topic_arn)
    for name, (runbook, pattern) in _patterns(scope, settings, front_doors).items():
        events.Rule(
            scope,
            name,
            description=f"Runbook: {RUNBOOKS}#{runbook}",
            event_pattern=pattern,
            targets=[targets.SnsTopic(of_this_account)],
        )


def _patterns(
    scope: Construct, settings: Settings, front_doors: Sequence[FrontDoorStack]
) -> dict[str, tuple[str, events.EventPattern]]:
    """Returns the name of each rule, its runbook, and the events that it waits for."""
    cluster = front_doors[0].inside.private_service.cluster.cluster_name
    services = Stack.of(scope).format_arn(service="ecs", resource="service", resource_name=f"{cluster}/")
    patterns = {
        "RotationFailed": (
            "rotationfailed",
            events.EventPattern(
                source=["aws.secretsmanager"],
                detail_type=["AWS Service Event via CloudTrail"],
                detail={"eventName": ["RotationFailed", "RotationAbandoned"]},
            ),
        ),
        "FailOver": (
            "failover",
            events.EventPattern(
                source=["aws.rds"],
                detail_type=["RDS DB Cluster Event"],
                detail={"EventCategories": ["failover"], "SourceIdentifier": [_cluster_identifier(settings)]},
            ),
        ),
        "DeploymentFailed": (
            "deploymentfailed",
            events.EventPattern(
                source=["aws.ecs"],
                detail_type=["ECS Deployment State Change"],
                resources=events.Match.prefix(services),
                detail={"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            ),
        ),
    }
    if settings.is_dsql:
        # It has no writer that could fail over.
        del patterns["FailOver"]
    if FrontDoor.APP_RUNNER in settings.front_door:
        [app_runner] = [door.protected_arn for door in front_doors if door.short_name == "apprunner"]
        patterns["AppRunnerDeploymentFailed"] = (
            "deploymentfailed",
            events.EventPattern(
                source=["aws.apprunner"],
                detail_type=["AppRunner Service Operation Status Change"],
                resources=[app_runner],
                detail={"operationStatus": ["CreateServiceFailed", "UpdateServiceFailed", "DeploymentFailed"]},
            ),
        )
    return patterns


def _cluster_identifier(settings: Settings) -> str:
    """Returns the database cluster's name: that of an existing one, or the one that `database.py` gives."""
    return settings.database_cluster_id or f"causeway-{settings.stage.name}"
