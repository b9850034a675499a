"""`make preflight`, `bootstrap` and `rollback`, with botocore's own models judging each call."""

from typing import Any

import pytest
from botocore.stub import ANY

from causeway import contract
from causeway.settings import Settings
from operations import bootstrap, preflight, rollback
from operations.stacks import STACKS
from stubbed_aws import NOW, StubbedAws, described


@pytest.fixture
def aws() -> StubbedAws:
    return StubbedAws()


@pytest.fixture(autouse=True)
def an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_engine", lambda: iter(()))


def _of(**values: str) -> Settings:
    return Settings.parse(values)


def _ready(aws: StubbedAws, stage: str = "dev", **states: str) -> None:
    """An account in which nothing stands in the way."""
    aws.expect("sts", "get_caller_identity", {"Account": "111122223333"})
    aws.expect("ssm", "get_parameter", {"Parameter": {"Value": "27"}}, Name="/cdk-bootstrap/hnb659fds/version")
    aws.expect("iam", "get_role", _role(), RoleName="AWSServiceRoleForECS")
    _zones(aws)
    aws.expect_stacks(stage, **states)
    for stack in ("Data", "Edge"):
        name = f"Causeway-{stage}-{stack}"
        aws.expect_error("cloudformation", "describe_stacks", "ValidationError", f"{name} does not exist")
        aws.expect("logs", "describe_log_groups", {"logGroups": []}, logGroupNamePrefix=ANY)


def _role() -> dict[str, Any]:
    role = {"Path": "/", "RoleName": "r", "RoleId": "A" * 16, "Arn": "a" * 20, "CreateDate": NOW}
    return {"Role": role}


def _zones(aws: StubbedAws, *ids: str) -> None:
    zones = [
        {"ZoneName": f"eu-west-1{letter}", "ZoneId": id}
        for letter, id in zip("abc", ids or ("euw1-az1", "euw1-az2", "euw1-az3"), strict=True)
    ]
    aws.expect("ec2", "describe_availability_zones", {"AvailabilityZones": zones}, Filters=ANY)


def _preflight(aws: StubbedAws, approval: str = "never", **values: str) -> list[str]:
    found = list(preflight.run(_of(**values), aws, approval))
    aws.all_was_asked()
    return found


def test_nothing_is_found_where_nothing_is_missing(aws: StubbedAws):
    _ready(aws)

    assert _preflight(aws) == []


def test_a_fresh_account_is_told_to_bootstrap(aws: StubbedAws):
    aws.expect("sts", "get_caller_identity", {"Account": "111122223333"})
    aws.expect_error("ssm", "get_parameter", "ParameterNotFound")
    aws.expect_error("iam", "get_role", "NoSuchEntity")
    _zones(aws)
    aws.expect_stacks("dev")
    for _ in range(2):
        aws.expect_error("cloudformation", "describe_stacks", "ValidationError", "does not exist")
        aws.expect("logs", "describe_log_groups", {"logGroups": []}, logGroupNamePrefix=ANY)

    found = _preflight(aws)

    assert len(found) == 2
    assert all(line.endswith("run make bootstrap") for line in found)


def test_credentials_of_another_account_or_region_are_refused(aws: StubbedAws):
    _ready(aws)

    found = _preflight(aws, account="999999999999", region="us-east-1")

    assert "region=us-east-1, but the session's is eu-west-1" in found[0]
    assert "account=999999999999, but the credentials are of 111122223333" in found[1]


def test_without_a_terminal_somebody_must_have_approved(aws: StubbedAws):
    _ready(aws)

    [line] = _preflight(aws, approval="broadening")

    assert line.endswith("use APPROVAL=never")


def test_a_zone_that_vpc_links_do_not_know_is_avoided_by_its_id(aws: StubbedAws):
    aws.expect("ec2", "describe_availability_zones", _zone_answer("use1-az3", "use1-az6", "use1-az1"), Filters=ANY)

    [line] = list(preflight._zones(_of(catalogue="true"), aws))

    assert "use ZONE_IDS=use1-az6,use1-az1" in line


def _zone_answer(*ids: str) -> dict[str, Any]:
    return {
        "AvailabilityZones": [
            {"ZoneName": f"us-east-1{letter}", "ZoneId": id} for letter, id in zip("abc", ids, strict=True)
        ]
    }


def test_two_stages_in_one_network_are_refused_because_their_private_zones_collide(aws: StubbedAws):
    summary = {"HostedZoneId": "Z1", "Name": f"{contract.NAMESPACE}.", "Owner": {"OwningAccount": "111122223333"}}
    aws.expect_error("cloudformation", "describe_stacks", "ValidationError", "does not exist")
    aws.expect(
        "route53",
        "list_hosted_zones_by_vpc",
        {"HostedZoneSummaries": [summary], "MaxItems": "100"},
        VPCId="vpc-0123",
        VPCRegion="eu-west-1",
    )
    settings = _of(
        vpc_id="vpc-0123",
        availability_zones="eu-west-1a,eu-west-1b",
        public_subnet_ids="subnet-0a,subnet-0b",
        private_subnet_ids="subnet-1a,subnet-1b",
        private_route_table_ids="rtb-1a,rtb-1b",
    )

    [line] = list(preflight._namespace(settings, aws))

    assert line.startswith("vpc-0123 has the private zone apprunner.demo of another stage")


def test_what_an_earlier_prod_left_behind_is_named_before_it_fails_the_deployment(aws: StubbedAws):
    group = "/aws/rds/cluster/causeway-prod/postgresql"
    for found in ([{"logGroupName": group}], []):
        aws.expect_error("cloudformation", "describe_stacks", "ValidationError", "does not exist")
        aws.expect("logs", "describe_log_groups", {"logGroups": found}, logGroupNamePrefix=ANY)

    [line] = list(preflight._names_taken(_of(stage="prod"), aws))

    assert line.endswith(f"aws logs delete-log-group --log-group-name {group}")


def test_a_first_deployment_that_failed_is_told_how_to_go_on(aws: StubbedAws):
    aws.expect_stacks("prod", Network="CREATE_COMPLETE", Data="ROLLBACK_FAILED")

    [line] = list(preflight._half_made_stacks(_of(stage="prod"), aws))

    assert line.startswith("Causeway-prod-Data is ROLLBACK_FAILED")
    assert line.endswith("run make rollback")


def test_bootstrap_makes_the_role_and_names_the_environment(aws: StubbedAws):
    aws.expect_error("iam", "get_role", "NoSuchEntity")
    aws.expect("iam", "create_service_linked_role", {}, AWSServiceName="ecs.amazonaws.com")
    aws.expect("sts", "get_caller_identity", {"Account": "111122223333"})

    assert list(bootstrap.run(aws)) == ["aws://111122223333/eu-west-1"]
    aws.all_was_asked()


def test_rollback_removes_what_a_failed_first_deployment_left_though_it_was_protected(aws: StubbedAws):
    for stack in reversed(STACKS):
        name = f"Causeway-prod-{stack}"
        if stack == "Network":
            aws.expect("cloudformation", "describe_stacks", described(name, "CREATE_COMPLETE"), StackName=name)
        elif stack == "Data":
            aws.expect("cloudformation", "describe_stacks", described(name, "ROLLBACK_FAILED"), StackName=name)
            aws.expect(
                "cloudformation",
                "update_termination_protection",
                {},
                StackName=name,
                EnableTerminationProtection=False,
            )
            aws.expect("cloudformation", "delete_stack", {}, StackName=name)
        else:
            aws.expect_error("cloudformation", "describe_stacks", "ValidationError", f"{name} does not exist")
    clusters = {"DBClusters": [{"DBClusterIdentifier": "causeway-prod", "DeletionProtection": True}]}
    aws.expect("rds", "describe_db_clusters", clusters, Filters=ANY)
    aws.expect(
        "rds",
        "modify_db_cluster",
        {},
        DBClusterIdentifier="causeway-prod",
        DeletionProtection=False,
        ApplyImmediately=True,
    )

    [line] = list(rollback.run(_of(stage="prod"), aws))

    assert line.startswith("Causeway-prod-Data: ROLLBACK_FAILED, being deleted")
    aws.all_was_asked()


def test_rollback_continues_an_update_that_stopped(aws: StubbedAws):
    for stack in reversed(STACKS):
        name = f"Causeway-dev-{stack}"
        if stack == "ExpressFrontDoor":
            aws.expect("cloudformation", "describe_stacks", described(name, "UPDATE_ROLLBACK_FAILED"), StackName=name)
            aws.expect("cloudformation", "continue_update_rollback", {}, StackName=name)
        else:
            aws.expect_error("cloudformation", "describe_stacks", "ValidationError", f"{name} does not exist")

    assert len(list(rollback.run(_of(), aws))) == 1
    aws.all_was_asked()
