"""This repository's own system in moto, made from the CDK app's reviewed templates.

`make test-deploy` holds `deploy/cdk/snapshots` against what the app synthesises: so this needs neither node nor CDK.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from door import ACCOUNT, REGION, Door
from world import CONNECTOR, ZONES, World

SNAPSHOTS = Path(__file__).parents[2] / "cdk" / "snapshots"
STACKS = ("Network", "Data", "PrivateService", "AppRunnerFrontDoor", "ExpressFrontDoor")
_PSEUDO = {"${AWS::Partition}": "aws", "${AWS::Region}": REGION, "${AWS::AccountId}": ACCOUNT}


class Deployed(World):
    """Network, database, private service and both front doors."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.role = f"arn:aws:iam::{ACCOUNT}:role/app"
        self.service_status, self.connector_status, self.egress = "RUNNING", "ACTIVE", "VPC"
        self.decisions, self.missing_context, self.zone_vpcs = {}, [], {}
        self._stacks = {name: yaml.safe_load((SNAPSHOTS / f"{name}.yaml").read_text()) for name in STACKS}
        self._ids: dict[tuple[str, str], str] = {}
        for type, make in self._makers().items():
            for stack in STACKS:
                for id, resource in self._stacks[stack]["Resources"].items():
                    if resource["Type"] == type:
                        made = make(self._resolved(stack, resource.get("Properties", {})), f"{stack}-{id}")
                        self._ids[stack, id] = made or id
        self._answer()
        self.source_subnets, self.source_groups = self._connector_parts()

    def group(self, stack: str, prefix: str) -> str:
        """Returns the security group whose logical id begins so."""
        [found] = [
            id
            for (owner, name), id in self._ids.items()
            if owner == stack and name.startswith(prefix) and id.startswith("sg-")
        ]
        return found

    def explain_args(self, stack: str) -> list[str]:
        """Returns what the front door's environment says of it to `make explain`."""
        [found] = [pair["Value"] for pair in _pairs(self._stacks[stack]) if pair["Name"] == "EXPLAIN_ARGS"]
        return self._resolved(stack, found).split()

    def express_parts(self) -> tuple[list[str], list[str]]:
        network = self._properties("ExpressFrontDoor", "AWS::ECS::ExpressGatewayService")["NetworkConfiguration"]
        return network["Subnets"], network["SecurityGroups"]

    def _connector_parts(self) -> tuple[list[str], list[str]]:
        connector = self._properties("AppRunnerFrontDoor", "AWS::AppRunner::VpcConnector")
        return connector["Subnets"], connector["SecurityGroups"]

    def _properties(self, stack: str, type: str) -> dict[str, Any]:
        [found] = [each for each in self._stacks[stack]["Resources"].values() if each["Type"] == type]
        return self._resolved(stack, found["Properties"])

    def _resolved(self, stack: str, value: Any) -> Any:
        """Replaces the snapshots' `${Resource.Attribute}` and `${Stack:Export}` by what moto made."""
        if isinstance(value, dict):
            if set(value) == {"Fn::Select"}:
                return ZONES[value["Fn::Select"][0]]
            return {name: self._resolved(stack, each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._resolved(stack, each) for each in value]
        if not isinstance(value, str):
            return value
        for name, plain in _PSEUDO.items():
            value = value.replace(name, plain)
        return re.sub(r"\$\{([^}]+)\}", lambda found: self._reference(stack, found[1]), value)

    def _reference(self, stack: str, reference: str) -> str:
        if ":" in reference and not reference.startswith("AWS::"):
            stack, export = reference.split(":", 1)
            output = self._stacks[stack]["Outputs"][f"ExportsOutput{export}"]
            return self._resolved(stack, output)
        return self._ids.get((stack, reference.split(".")[0]), reference)

    def _makers(self) -> dict[str, Any]:
        return {
            "AWS::EC2::VPC": self._vpc,
            "AWS::EC2::InternetGateway": lambda *_: self.ec2.create_internet_gateway()["InternetGateway"][
                "InternetGatewayId"
            ],
            "AWS::EC2::VPCGatewayAttachment": lambda it, _: (
                self.ec2.attach_internet_gateway(InternetGatewayId=it["InternetGatewayId"], VpcId=it["VpcId"]) and None
            ),
            "AWS::EC2::Subnet": lambda it, _: self.new_subnet(it["CidrBlock"], it["AvailabilityZone"], it["VpcId"]),
            "AWS::EC2::RouteTable": lambda it, _: self.ec2.create_route_table(VpcId=it["VpcId"])["RouteTable"][
                "RouteTableId"
            ],
            "AWS::EC2::SubnetRouteTableAssociation": lambda it, _: self.ec2.associate_route_table(**it)[
                "AssociationId"
            ],
            "AWS::EC2::Route": lambda it, _: self.ec2.create_route(**it) and None,
            "AWS::EC2::SecurityGroup": self._security_group,
            "AWS::EC2::SecurityGroupIngress": lambda it, _: self.allow(
                it["GroupId"], it["SourceSecurityGroupId"], it["FromPort"]
            ),
            "AWS::EC2::SecurityGroupEgress": lambda it, _: self.allow(
                it["GroupId"], it["DestinationSecurityGroupId"], it["FromPort"], out=True
            ),
            "AWS::EC2::VPCEndpoint": self._endpoint,
            "AWS::AppRunner::VpcConnector": lambda *_: CONNECTOR,
            "AWS::RDS::DBSubnetGroup": self._subnet_group,
            "AWS::RDS::DBCluster": self._cluster,
            "AWS::RDS::DBInstance": self._instance,
            "AWS::SecretsManager::Secret": lambda _, id: self.secretsmanager.create_secret(Name=id, SecretString="{}")[
                "ARN"
            ],
            "AWS::ServiceDiscovery::PrivateDnsNamespace": lambda it, _: self.new_namespace(it["Name"], [it["Vpc"]]),
            "AWS::ServiceDiscovery::Service": self._cloud_map,
        }

    def _vpc(self, it: dict[str, Any], _: str) -> str:
        self.vpc = self.new_vpc(it["CidrBlock"], it["EnableDnsHostnames"])
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsSupport={"Value": it["EnableDnsSupport"]})
        return self.vpc

    def _security_group(self, it: dict[str, Any], id: str) -> str:
        group = self.new_group(id, it["VpcId"], closed=True)
        for rule in it["SecurityGroupEgress"]:
            self.allow(group, rule["CidrIp"], rule.get("FromPort"), out=True)
        return group

    def _endpoint(self, it: dict[str, Any], _: str) -> str:
        if policy := it.pop("PolicyDocument", None):
            it["PolicyDocument"] = json.dumps(policy)
        return self.ec2.create_vpc_endpoint(**it)["VpcEndpoint"]["VpcEndpointId"]

    def _subnet_group(self, it: dict[str, Any], id: str) -> str:
        self.rds.create_db_subnet_group(
            DBSubnetGroupName=id.lower(), DBSubnetGroupDescription=id, SubnetIds=it["SubnetIds"]
        )
        return id.lower()

    def _cluster(self, it: dict[str, Any], _: str) -> str:
        made = self.rds.create_db_cluster(
            DBClusterIdentifier=it["DBClusterIdentifier"],
            Engine=it["Engine"],
            MasterUsername=it["MasterUsername"],
            MasterUserPassword="password",
            DBSubnetGroupName=it["DBSubnetGroupName"],
            VpcSecurityGroupIds=it["VpcSecurityGroupIds"],
            Port=it["Port"],
        )["DBCluster"]
        self.endpoint = made["Endpoint"]
        return made["DBClusterIdentifier"]

    def _instance(self, it: dict[str, Any], id: str) -> str:
        self.rds.create_db_instance(
            DBInstanceIdentifier=id.lower(),
            DBClusterIdentifier=it["DBClusterIdentifier"],
            Engine=it["Engine"],
            DBInstanceClass=it["DBInstanceClass"],
            AvailabilityZone=ZONES[0],
        )
        return id.lower()

    def _cloud_map(self, it: dict[str, Any], _: str) -> str:
        self.cloud_map = self.new_cloud_map_service(it["Name"], it["NamespaceId"])
        subnets = self._properties("PrivateService", "AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
        self.register("task-1", self.new_interface(subnets["Subnets"][0], subnets["SecurityGroups"]))
        return self.cloud_map


def _pairs(value: Any) -> Iterator[dict[str, Any]]:
    """Returns all pairs of name and value of a template, at whatever depth."""
    if isinstance(value, dict):
        if set(value) == {"Name", "Value"}:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _pairs(each)
