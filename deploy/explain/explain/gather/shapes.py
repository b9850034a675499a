"""From EC2's answers to the model."""

from typing import Any

from explain.model import (
    Acl,
    AclEntry,
    Endpoint,
    Group,
    Interface,
    Nat,
    Peering,
    PeeringSide,
    Reference,
    Route,
    Rule,
    Subnet,
    Table,
    Vpc,
)
from explain.sets import ALL_PORTS

_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "EgressOnlyInternetGatewayId",
    "CoreNetworkArn",
    "NetworkInterfaceId",
    "InstanceId",
)


def _name(item: dict[str, Any]) -> str:
    return next((tag["Value"] for tag in item.get("Tags") or [] if tag["Key"] == "Name"), "")


def subnet(item: dict[str, Any]) -> Subnet:
    return Subnet(item["SubnetId"], item["VpcId"], item["CidrBlock"], item["AvailabilityZone"], _name(item))


def vpc(item: dict[str, Any]) -> Vpc:
    cidrs = [
        each["CidrBlock"] for each in item["CidrBlockAssociationSet"] if each["CidrBlockState"]["State"] == "associated"
    ]
    block = item.get("BlockPublicAccessStates") or {}
    unjudged = [f"firewall {each['FirewallArn']}" for each in item.get("NetworkFirewallAssociations") or []]
    if (item.get("EncryptionControl") or {}).get("Mode") == "enforce":
        unjudged.append("enforced encryption")
    return Vpc(
        item["VpcId"],
        item.get("OwnerId") or "",
        cidrs,
        bool(item.get("IsDefault")),
        public_access_block=block.get("InternetGatewayBlockMode") or "off",
        unjudged=unjudged,
    )


def resolvers(options: dict[str, Any]) -> list[str]:
    return [
        value["Value"]
        for configuration in options["DhcpConfigurations"]
        if configuration["Key"] == "domain-name-servers"
        for value in configuration["Values"]
    ]


def group(item: dict[str, Any]) -> Group:
    return Group(
        item["GroupId"],
        item.get("VpcId") or "",
        item["GroupName"],
        [_rule(each) for each in item["IpPermissions"]],
        [_rule(each) for each in item["IpPermissionsEgress"]],
    )


def _rule(item: dict[str, Any]) -> Rule:
    protocol = {"6": "tcp"}.get(item["IpProtocol"], item["IpProtocol"])
    first, last = item.get("FromPort"), item.get("ToPort")
    if protocol == "-1" or first is None or last is None or first == -1:
        first, last = ALL_PORTS
    return Rule(
        protocol,
        first,
        last,
        [each["CidrIp"] for each in item.get("IpRanges") or []],
        [each["PrefixListId"] for each in item.get("PrefixListIds") or []],
        [
            Reference(each["GroupId"], each.get("VpcPeeringConnectionId"), each.get("PeeringStatus"))
            for each in item.get("UserIdGroupPairs") or []
            if each.get("GroupId")
        ],
    )


def acl(item: dict[str, Any]) -> Acl:
    subnets = [each["SubnetId"] for each in item["Associations"]]
    return Acl(
        item["NetworkAclId"],
        item["VpcId"],
        subnets,
        [_entry(each) for each in item["Entries"] if each.get("CidrBlock")],
    )


def _entry(item: dict[str, Any]) -> AclEntry:
    # A string, "6" or "-1"; with -1 there is no port range.
    protocol = {"6": "tcp"}.get(str(item["Protocol"]), str(item["Protocol"]))
    ports = item.get("PortRange") or {}
    first, last = (ports["From"], ports["To"]) if protocol != "-1" and ports else ALL_PORTS
    return AclEntry(
        item["RuleNumber"], item["Egress"], protocol, first, last, item["CidrBlock"], item["RuleAction"] == "allow"
    )


def table(item: dict[str, Any]) -> Table:
    associations = item["Associations"]
    return Table(
        item["RouteTableId"],
        item["VpcId"],
        any(each["Main"] for each in associations),
        [each["SubnetId"] for each in associations if each.get("SubnetId")],
        [route for each in item["Routes"] if (route := _route(each))],
    )


def _route(item: dict[str, Any]) -> Route | None:
    destination = item.get("DestinationCidrBlock") or item.get("DestinationPrefixListId")
    if not destination:
        return None
    target = next((item[name] for name in _TARGETS if item.get(name)), "unknown")
    return Route(destination, target, item.get("State") != "blackhole")


def endpoint(item: dict[str, Any]) -> Endpoint:
    options = item.get("DnsOptions") or {}
    return Endpoint(
        item["VpcEndpointId"],
        item["VpcId"],
        item["VpcEndpointType"],
        item["ServiceName"],
        # The model's list says `Available`, the service answers `available`.
        item["State"].lower(),
        bool(item.get("PrivateDnsEnabled")),
        bool(options.get("PrivateDnsOnlyForInboundResolverEndpoint")),
        item.get("RouteTableIds") or [],
        item.get("SubnetIds") or [],
        [each["GroupId"] for each in item.get("Groups") or []],
        item.get("PolicyDocument"),
    )


def nat(item: dict[str, Any]) -> Nat:
    return Nat(
        item["NatGatewayId"],
        item["VpcId"],
        item["State"],
        item.get("ConnectivityType") or "public",
        item.get("SubnetId"),
        item.get("RouteTableId"),
    )


def peering(item: dict[str, Any]) -> Peering:
    sides = [
        PeeringSide(side["VpcId"], side.get("OwnerId") or "", side.get("Region") or "")
        for side in (item["RequesterVpcInfo"], item["AccepterVpcInfo"])
    ]
    return Peering(item["VpcPeeringConnectionId"], item["Status"]["Code"], sides[0], sides[1])


def interface(item: dict[str, Any]) -> Interface:
    return Interface(
        item["NetworkInterfaceId"],
        item["VpcId"],
        item["PrivateIpAddress"],
        item["SubnetId"],
        [each["GroupId"] for each in item["Groups"]],
        bool((item.get("Association") or {}).get("PublicIp")),
        item.get("OwnerId") or "",
    )
