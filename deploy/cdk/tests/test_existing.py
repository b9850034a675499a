"""A network, a cluster and a database that are there already are used, and changed by nothing but rules of our own."""

import pytest

from causeway.kinds import SettingError
from causeway.settings import Settings
from system import Combination, System

NETWORK = {
    "vpc_id": "vpc-0123",
    "availability_zones": "eu-west-1a,eu-west-1b",
    "public_subnet_ids": "subnet-0a,subnet-0b",
    "private_subnet_ids": "subnet-1a,subnet-1b",
    "private_route_table_ids": "rtb-1a,rtb-1b",
}
DATABASE = {
    "database_cluster_id": "theirs",
    "database_security_group_id": "sg-0123",
    "database_secret_arn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:theirs-AbCdEf",
}


@pytest.fixture(scope="module", params=["express", "balancer", "app-runner"])
def in_their_network(request: pytest.FixtureRequest, synthesised) -> System:
    return synthesised(Combination(request.param, catalogue=True, diaries=True), **NETWORK)


@pytest.fixture(scope="module")
def with_all_of_theirs(synthesised) -> System:
    return synthesised(Combination(), cluster_name="theirs", **NETWORK, **DATABASE)


def test_nothing_is_added_to_their_network(in_their_network: System):
    network = in_their_network.stacks["Network"]

    assert [resource.type for resource in network.resources()] == ["AWS::CloudFormation::WaitConditionHandle"]
    for type in (
        "AWS::EC2::VPC",
        "AWS::EC2::Subnet",
        "AWS::EC2::Route",
        "AWS::EC2::VPCEndpoint",
        "AWS::EC2::NatGateway",
    ):
        assert not in_their_network.of_type(type)


def test_everything_stands_in_their_subnets(in_their_network: System):
    for group in in_their_network.of_type("AWS::EC2::SecurityGroup"):
        assert group.properties["VpcId"] == "vpc-0123"
    for service in in_their_network.of_type("AWS::ECS::Service"):
        subnets = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"]
        assert subnets == ["subnet-1a", "subnet-1b"]


def test_pictures_are_written_from_their_vpc_only(in_their_network: System):
    statements = in_their_network.only("AWS::S3::BucketPolicy", "Diaries").properties["PolicyDocument"]["Statement"]
    [writes] = [each for each in statements if each.get("Sid") == "WritesOnlyThroughTheVpcEndpoint"]

    assert writes["Condition"]["StringNotEquals"] == {"aws:SourceVpc": "vpc-0123"}


def test_of_their_database_only_a_rule_from_our_front_door_is_made(with_all_of_theirs: System):
    assert not with_all_of_theirs.of_type("AWS::RDS::DBCluster")
    assert not with_all_of_theirs.of_type("AWS::ECS::Cluster")
    assert not with_all_of_theirs.of_type("AWS::SecretsManager::RotationSchedule")
    theirs = [
        rule
        for rule in with_all_of_theirs.of_type("AWS::EC2::SecurityGroupIngress")
        if rule.properties["GroupId"] == "sg-0123"
    ]
    assert [(rule.stack.name, rule.properties["FromPort"]) for rule in theirs] == [("ExpressFrontDoor", 5432)]
    assert not [
        rule
        for rule in with_all_of_theirs.of_type("AWS::EC2::SecurityGroupEgress")
        if rule.properties["GroupId"] == "sg-0123"
    ]


def test_the_application_is_given_their_secret_and_may_read_it(with_all_of_theirs: System):
    [container] = with_all_of_theirs.only("AWS::ECS::TaskDefinition", "ExpressFrontDoor").properties[
        "ContainerDefinitions"
    ]
    environment = {pair["Name"]: pair["Value"] for pair in container["Environment"]}
    policies = [each for each in with_all_of_theirs.of_type("AWS::IAM::Policy", "ExpressFrontDoor")]

    assert environment["DBSECRETSNAME"] == DATABASE["database_secret_arn"]
    assert any(DATABASE["database_secret_arn"] in str(policy.properties) for policy in policies)


def test_the_private_service_keeps_its_name_in_a_cluster_of_theirs(with_all_of_theirs: System):
    namespace = with_all_of_theirs.only("AWS::ServiceDiscovery::PrivateDnsNamespace")

    assert namespace.properties["Name"] == "apprunner.demo"
    assert with_all_of_theirs.only("AWS::ServiceDiscovery::Service").properties["Name"] == "privateservice"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"vpc_id": "vpc-0123"}, "vpc_id=vpc-0123: set availability_zones and public_subnet_ids and"),
        ({**NETWORK, "nat": "1"}, "nat=1: only for a new VPC"),
        ({**NETWORK, "zone_ids": "euw1-az1,euw1-az2"}, "only for a new VPC"),
        ({"cluster_name": "theirs"}, "set vpc_id and the other settings of its network"),
        (DATABASE, "set vpc_id and the other settings of its network"),
        ({**NETWORK, **DATABASE, "database_auth": "iam"}, "database_auth=iam: only for a new cluster"),
        ({**NETWORK, "database_cluster_id": "theirs"}, "set database_security_group_id and database_secret_arn"),
    ],
)
def test_half_a_group_is_refused(given: dict[str, str], says: str):
    with pytest.raises(SettingError, match=says):
        Settings.parse(given)
