"""Two stages live in one account and region: they share no name, export or log group."""

from typing import Any

import pytest

from system import Combination, System

EVERYTHING = Combination("balancer+express", catalogue=True, diaries=True)

UNIQUE_IN_AN_ACCOUNT = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ECS::ExpressGatewayService": "ServiceName",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::RDS::DBCluster": "DBClusterIdentifier",
    "AWS::RDS::DBInstance": "DBInstanceIdentifier",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::WAFv2::WebACL": "Name",
}


@pytest.fixture(scope="module")
def stages(synthesised) -> tuple[System, System]:
    return synthesised(EVERYTHING), synthesised(EVERYTHING, stage="alice", like="dev")


def _names(system: System) -> set[tuple[str, str]]:
    """Every name that is said; one that refers to a resource, or is left to AWS, is the stage's own."""
    named = {
        (resource.type, str(resource.properties[property]))
        for type, property in UNIQUE_IN_AN_ACCOUNT.items()
        for resource in system.of_type(type)
        if property in resource.properties
    }
    rotation = system.only("AWS::SecretsManager::RotationSchedule").properties["HostedRotationLambda"]
    return {*named, ("rotation", rotation["RotationLambdaName"])}


def _exports(system: System) -> set[Any]:
    return {
        output["Export"]["Name"]
        for stack in system.stacks.values()
        for output in stack.outputs.values()
        if "Export" in output
    }


def test_two_stages_share_no_name(stages: tuple[System, System]):
    dev, alice = map(_names, stages)
    insights = {(type, name) for type, name in dev & alice if "containerinsights" in name}

    assert len(dev) > 20
    assert dev & alice == insights, "a name of the stage's own cluster, which AWS names"


def test_two_stages_share_no_export(stages: tuple[System, System]):
    dev, alice = map(_exports, stages)

    assert dev
    assert not dev & alice
