"""System B's bucket, where it was asked for."""

from collections import defaultdict
from typing import Any

import pytest

from system import COMBINATIONS, Resource, System


@pytest.fixture(params=[combination for combination in COMBINATIONS if combination.diaries], ids=str)
def diaries(request: pytest.FixtureRequest, synthesised) -> System:
    return synthesised(request.param)


def test_the_bucket_is_there_exactly_when_asked_for(system: System):
    assert ("Diaries" in system.stacks) == system.combination.diaries


def test_the_bucket_is_private_and_encrypted(diaries: System):
    bucket = diaries.only("AWS::S3::Bucket", "Diaries").properties

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "BucketEncryption" in bucket


def test_the_bucket_speaks_tls_only(diaries: System):
    tls, *_ = diaries.only("AWS::S3::BucketPolicy", "Diaries").properties["PolicyDocument"]["Statement"]

    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


OURS = {"aws:PrincipalTag/system": "causeway", "aws:SecureTransport": "true", "s3:signatureAge": 1_000}
FROM_INSIDE = {"aws:SourceVpce": "our endpoint"}
PRESIGNED = {"s3:authType": "REST-QUERY-STRING"}
SIGNED = {"s3:authType": "REST-HEADER"}
LATE = {"s3:signatureAge": 300_001}
ADMINISTRATOR = {**SIGNED, "aws:SecureTransport": "true", "s3:signatureAge": 1_000}


@pytest.mark.parametrize(
    ("who", "action", "request_context", "denied"),
    [
        ("the service reads", "s3:GetObject", {**OURS, **SIGNED, **FROM_INSIDE}, False),
        ("the service writes", "s3:PutObject", {**OURS, **SIGNED, **FROM_INSIDE}, False),
        ("the service deletes", "s3:DeleteObject", {**OURS, **SIGNED, **FROM_INSIDE}, False),
        ("a browser in time", "s3:GetObject", {**OURS, **PRESIGNED}, False),
        ("a browser too late", "s3:GetObject", {**OURS, **PRESIGNED, **LATE}, True),
        ("a browser without TLS", "s3:GetObject", {**OURS, **PRESIGNED, "aws:SecureTransport": "false"}, True),
        ("stolen credentials that read", "s3:GetObject", {**OURS, **SIGNED}, True),
        ("stolen credentials that write", "s3:PutObject", {**OURS, **SIGNED}, True),
        ("stolen credentials that sign a write", "s3:PutObject", {**OURS, **PRESIGNED}, True),
        ("stolen credentials that delete", "s3:DeleteObject", {**OURS, **SIGNED}, True),
        ("stolen credentials by another endpoint", "s3:PutObject", {**OURS, "aws:SourceVpce": "theirs"}, True),
        ("an administrator who empties it", "s3:DeleteObject", ADMINISTRATOR, False),
        ("an administrator who copies into it", "s3:PutObject", ADMINISTRATOR, False),
    ],
)
def test_the_bucket_policy_denies(synthesised, who: str, action: str, request_context: dict, denied: bool):
    system = synthesised(next(combination for combination in COMBINATIONS if combination.diaries))
    statements = system.only("AWS::S3::BucketPolicy", "Diaries").properties["PolicyDocument"]["Statement"]

    statements = [statement for statement in statements if statement["Effect"] == "Deny"]
    assert any(_applies(statement, action, request_context) for statement in statements) == denied, who


def _applies(statement: dict, action: str, request_context: dict) -> bool:
    """IAM's evaluation of one Deny: all conditions must match, and a negated one matches a missing key."""
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    compare = {
        "StringEquals": lambda have, want: have == want,
        "StringNotEquals": lambda have, want: have != want,
        "Bool": lambda have, want: have == want,
        "NumericGreaterThan": lambda have, want: have is not None and have > int(want),
    }
    return (actions == ["s3:*"] or action in actions) and all(
        compare[operator](request_context.get(key), "our endpoint" if key == "aws:SourceVpce" else want)
        for operator, keys in statement["Condition"].items()
        for key, want in keys.items()
    )


def test_the_policy_names_the_vpcs_endpoint(diaries: System):
    statements = diaries.only("AWS::S3::BucketPolicy", "Diaries").properties["PolicyDocument"]["Statement"]
    endpoints = [
        statement["Condition"]["StringNotEquals"]["aws:SourceVpce"]
        for statement in statements
        if "StringNotEquals" in statement.get("Condition", {})
    ]

    assert len(endpoints) == 2
    for endpoint in endpoints:
        assert diaries.target(diaries.stacks["Diaries"], endpoint).startswith("Network.VpcS3")


def test_every_role_that_may_touch_pictures_carries_the_tag_that_the_policy_asks_for(diaries: System):
    touching = {
        diaries.target(policy.stack, role)
        for policy in diaries.of_type("AWS::IAM::Policy")
        if "s3:PutObject" in str(policy.properties)
        for role in policy.properties["Roles"]
    }
    tagged = {
        role.key
        for role in diaries.of_type("AWS::IAM::Role")
        if {"Key": "system", "Value": "causeway"} in role.properties.get("Tags", [])
    }

    assert touching
    assert touching <= tagged


def test_old_versions_of_pictures_end_when_the_backups_that_name_them_do(prod: System):
    bucket = prod.only("AWS::S3::Bucket", "Diaries").properties
    [rule] = [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if "NoncurrentVersionExpiration" in rule]

    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 14}
    for aurora in prod.of_type("AWS::RDS::DBCluster"):
        assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == aurora.properties["BackupRetentionPeriod"]


def test_incomplete_uploads_are_thrown_away(diaries: System):
    rule, *_ = diaries.only("AWS::S3::Bucket", "Diaries").properties["LifecycleConfiguration"]["Rules"]

    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert rule["Status"] == "Enabled"


def test_only_the_application_may_touch_the_objects_and_only_with_diaries(system: System):
    allowed = {
        (policy.stack.name, policy.id[:-8])
        for policy in system.of_type("AWS::IAM::Policy")
        if "s3:PutObject" in str(policy.properties)
    }
    doors = {name for name in system.stacks if name.endswith("FrontDoor")}

    assert allowed == (
        {(door, "ApplicationRoleDefaultPolicy") for door in doors} if system.combination.diaries else set()
    )


def test_the_application_is_told_the_bucket_exactly_with_diaries(system: System):
    diaries = system.combination.diaries
    name = system.only("AWS::S3::Bucket", "Diaries").properties["BucketName"] if diaries else None

    for service in _public_apis(system):
        assert _variables(service)["DIARY_BUCKET"] == name, service.key


def _public_apis(system: System) -> list[Resource]:
    tasks = [task for task in system.of_type("AWS::ECS::TaskDefinition") if task.stack.name.endswith("FrontDoor")]
    return [*system.of_type("AWS::AppRunner::Service"), *tasks]


def _variables(service: Resource) -> defaultdict[str, Any]:
    if service.type == "AWS::ECS::TaskDefinition":
        pairs = service.properties["ContainerDefinitions"][0]["Environment"]
    else:
        image = service.properties["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]
        pairs = image["RuntimeEnvironmentVariables"]
    return defaultdict(lambda: None, {pair["Name"]: pair["Value"] for pair in pairs})


def test_the_name_that_the_policies_use_is_the_buckets(diaries: System):
    name = diaries.only("AWS::S3::Bucket", "Diaries").properties["BucketName"]["Fn::Join"][1]
    for policy in diaries.of_type("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if "s3:PutObject" in statement["Action"]:
                arn = statement["Resource"]["Fn::Join"][1]
                assert str(name)[1:-1].removeprefix("'") in str(arn)
