"""The network of source and target: one call a kind, for both VPCs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from explain.aws import Aws, Missing, Unseen
from explain.gather import shapes
from explain.model import Peering, Snapshot, Source, Vpc
from explain.names import endpoint_services


def source_vpcs(aws: Aws, source: Source | None) -> set[str]:
    """Returns the VPC of the source's subnets."""
    if source is None or not source.subnets:
        return set()
    subnets = aws.seen("ec2", "DescribeSubnets", "Subnets", SubnetIds=source.subnets)
    return {subnet["VpcId"] for subnet in subnets or []}


def peerings(aws: Aws) -> list[Peering] | None:
    """Returns all peering connections of the region."""
    found = aws.seen("ec2", "DescribeVpcPeeringConnections", "VpcPeeringConnections")
    return None if found is None else [shapes.peering(each) for each in found]


def interfaces_with(aws: Aws, addresses: list[str]) -> list[dict[str, Any]] | None:
    """Returns the interfaces that have one of the private addresses, in whatever VPC."""
    filters = [{"Name": "addresses.private-ip-address", "Values": addresses}]
    return aws.seen("ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", Filters=filters)


def read(aws: Aws, snapshot: Snapshot, vpcs: list[str], width: int) -> None:
    """Fills in everything that is known by the id of a VPC."""
    if not vpcs:
        return
    filters = [{"Name": "vpc-id", "Values": vpcs}]
    with ThreadPoolExecutor(width) as pool:

        def listed(operation: str, key: str, make: Callable[[Any], Any], filter_name: str = "Filters") -> Any:
            return pool.submit(_listed, aws, operation, key, make, {filter_name: filters})

        jobs = {
            "subnets": listed("DescribeSubnets", "Subnets", shapes.subnet),
            "tables": listed("DescribeRouteTables", "RouteTables", shapes.table),
            "acls": listed("DescribeNetworkAcls", "NetworkAcls", shapes.acl),
            "groups": listed("DescribeSecurityGroups", "SecurityGroups", shapes.group),
            "nats": listed("DescribeNatGateways", "NatGateways", shapes.nat, "Filter"),
            "endpoints": listed("DescribeVpcEndpoints", "VpcEndpoints", shapes.endpoint),
            "vpcs": pool.submit(_vpcs, aws, vpcs),
        }
        for name, job in jobs.items():
            setattr(snapshot, name, job.result())
    _prefix_lists(aws, snapshot)
    _names_of_other_groups(aws, snapshot)


def _listed(
    aws: Aws, operation: str, key: str, make: Callable[[Any], Any], parameters: dict[str, Any]
) -> list[Any] | None:
    items = aws.seen("ec2", operation, key, **parameters)
    return None if items is None else [make(item) for item in items]


def _vpcs(aws: Aws, ids: list[str]) -> list[Vpc] | None:
    items = aws.seen("ec2", "DescribeVpcs", "Vpcs", Filters=[{"Name": "vpc-id", "Values": ids}])
    if items is None:
        return None
    options = aws.seen(
        "ec2",
        "DescribeDhcpOptions",
        "DhcpOptions",
        DhcpOptionsIds=sorted({item["DhcpOptionsId"] for item in items} - {"default"}),
    )
    resolvers = None if options is None else {each["DhcpOptionsId"]: shapes.resolvers(each) for each in options}
    found = []
    for item in items:
        vpc = shapes.vpc(item)
        vpc.dns_support = _attribute(aws, vpc.id, "enableDnsSupport", "EnableDnsSupport")
        vpc.dns_hostnames = _attribute(aws, vpc.id, "enableDnsHostnames", "EnableDnsHostnames")
        if resolvers is not None:
            # "default" stands for no options: then a VPC has no resolver at all by DHCP.
            vpc.resolvers = resolvers.get(item["DhcpOptionsId"], [])
        found.append(vpc)
    return found


def _attribute(aws: Aws, vpc: str, name: str, key: str) -> bool | None:
    try:
        return bool(aws.ask("ec2", "DescribeVpcAttribute", VpcId=vpc, Attribute=name)[key]["Value"])
    except (Unseen, Missing):
        return None


def _prefix_lists(aws: Aws, snapshot: Snapshot) -> None:
    """Reads the entries of every list that a rule or a route names, and those of the target's gateway endpoint."""
    wanted = {
        list_id
        for group in snapshot.groups or []
        for rule in [*group.inbound, *group.outbound]
        for list_id in rule.lists
    }
    wanted |= {
        route.destination
        for table in snapshot.tables or []
        for route in table.routes
        if route.destination.startswith("pl-") and not route.target.startswith("vpce-")
    }
    services = endpoint_services(snapshot.asked.host, snapshot.region)
    gateways = [
        each.service for each in snapshot.endpoints or [] if each.kind == "Gateway" and each.service in services
    ]
    for name in gateways[:1]:
        lists = aws.seen(
            "ec2", "DescribeManagedPrefixLists", "PrefixLists", Filters=[{"Name": "prefix-list-name", "Values": [name]}]
        )
        snapshot.gateway_list = next((each["PrefixListId"] for each in lists or []), None)
        wanted |= {snapshot.gateway_list} if snapshot.gateway_list else set()
    for list_id in sorted(wanted):
        entries = aws.seen("ec2", "GetManagedPrefixListEntries", "Entries", PrefixListId=list_id)
        snapshot.prefix_lists[list_id] = None if entries is None else [entry["Cidr"] for entry in entries]


def _names_of_other_groups(aws: Aws, snapshot: Snapshot) -> None:
    """A group of the same name in another VPC is a classic: only the names show it."""
    groups = snapshot.groups or []
    known = {group.id for group in groups}
    named = {ref.group for group in groups for rule in [*group.inbound, *group.outbound] for ref in rule.groups}
    if other := sorted(named - known):
        found = aws.seen(
            "ec2", "DescribeSecurityGroups", "SecurityGroups", Filters=[{"Name": "group-id", "Values": other}]
        )
        snapshot.other_groups = {group["GroupId"]: group["GroupName"] for group in found or []}
