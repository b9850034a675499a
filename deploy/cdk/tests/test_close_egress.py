"""The function that closes the groups that ECS Express makes, with botocore's model of EC2 judging its calls."""

import boto3
import close_egress
from botocore.stub import Stubber

from system import System

GROUP = "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-0123"


def _close(rules: list[dict], revoked: list[str]) -> None:
    ec2 = boto3.client("ec2", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(ec2) as stub:
        expected = {"Filters": [{"Name": "group-id", "Values": ["sg-0123"]}]}
        stub.add_response("describe_security_group_rules", {"SecurityGroupRules": rules}, expected)
        if revoked:
            wanted = {"GroupId": "sg-0123", "SecurityGroupRuleIds": revoked}
            stub.add_response("revoke_security_group_egress", {"Return": True}, wanted)
        close_egress.close(ec2, [GROUP])
        stub.assert_no_pending_responses()


def test_every_outgoing_rule_to_everywhere_is_revoked_and_no_other():
    rules = [
        {"SecurityGroupRuleId": "sgr-1", "IsEgress": True, "CidrIpv4": "0.0.0.0/0"},
        {"SecurityGroupRuleId": "sgr-2", "IsEgress": True, "CidrIpv6": "::/0"},
        {"SecurityGroupRuleId": "sgr-3", "IsEgress": True, "ReferencedGroupInfo": {"GroupId": "sg-0456"}},
        {"SecurityGroupRuleId": "sgr-4", "IsEgress": False, "CidrIpv4": "0.0.0.0/0"},
    ]

    _close(rules, ["sgr-1", "sgr-2"])


def test_a_group_that_is_closed_already_is_left_alone():
    _close([], [])


def test_express_closes_its_own_groups_and_no_other_front_door_needs_it(system: System):
    closing = {each.stack.name: each for each in system.of_type("Custom::ClosedEgress")}

    assert set(closing) == set(system.stacks) & {"ExpressFrontDoor"}
    for each in closing.values():
        assert each.properties["Groups"] == {"Fn::GetAtt": ["Service", "ECSManagedResourceArns.ServiceSecurityGroups"]}
