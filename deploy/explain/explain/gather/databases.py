"""RDS: clusters, instances and proxies, found by their names."""

from typing import Any

from explain.aws import Aws, Missing, Unseen
from explain.model import Database, Member, Snapshot

_PROXY_PORTS = {"POSTGRESQL": 5432, "MYSQL": 3306, "SQLSERVER": 1433}


def read(aws: Aws, snapshot: Snapshot, host: str) -> set[str]:
    """Reads all databases of the region; returns the VPC of the one called `host`."""
    found: list[Database] = []
    try:
        clusters = aws.all("rds", "DescribeDBClusters", "DBClusters")
        instances = aws.all("rds", "DescribeDBInstances", "DBInstances")
        proxies = aws.all("rds", "DescribeDBProxies", "DBProxies") if ".proxy-" in host else []
    except (Unseen, Missing):
        return set()
    found += [_cluster(each, instances) for each in clusters]
    found += [_instance(each) for each in instances if each.get("Endpoint")]
    found += [_proxy(each) for each in proxies]
    snapshot.databases = found
    database = next((each for each in found if host in each.names), None)
    if database is None:
        return set()
    _note(snapshot, database, clusters)
    if database.kind == "proxy":
        return {each["VpcId"] for each in proxies if each["Endpoint"].lower() == host}
    return _place(aws, database, clusters, instances)


def _note(snapshot: Snapshot, database: Database, clusters: list[Any]) -> None:
    for cluster in clusters:
        scaling = cluster.get("ServerlessV2ScalingConfiguration") or {}
        if cluster["DBClusterIdentifier"] == database.id and scaling.get("MinCapacity") == 0:
            # Paused is no status of RDS, and no fault.
            snapshot.notes.append(f"{database.id} may pause: its first connection after a pause takes about 15 s")
    if database.kind == "proxy":
        snapshot.notes.append(f"{database.id} is a proxy: the way from it to its database is not judged")


def _place(aws: Aws, database: Database, clusters: list[Any], instances: list[Any]) -> set[str]:
    """Finds the subnets: a cluster has its subnet group's name, an instance the whole group, if not its cluster's."""
    name = next((each["DBSubnetGroup"] for each in clusters if each["DBClusterIdentifier"] == database.id), None)
    for instance in instances:
        if database.kind == "instance" and instance["DBInstanceIdentifier"] == database.id:
            group = instance.get("DBSubnetGroup") or {}
            if group.get("Subnets"):
                database.subnets = [each["SubnetIdentifier"] for each in group["Subnets"]]
                return {group["VpcId"]}
            of_cluster = instance.get("DBClusterIdentifier")
            name = next((each["DBSubnetGroup"] for each in clusters if each["DBClusterIdentifier"] == of_cluster), None)
    if name is None:
        return set()
    try:
        [group] = aws.all("rds", "DescribeDBSubnetGroups", "DBSubnetGroups", DBSubnetGroupName=name)
    except (Unseen, Missing):
        return set()
    database.subnets = [each["SubnetIdentifier"] for each in group["Subnets"]]
    return {group["VpcId"]}


def _cluster(item: dict[str, Any], instances: list[dict[str, Any]]) -> Database:
    by_id = {each["DBInstanceIdentifier"]: each for each in instances}
    members = []
    for member in item["DBClusterMembers"]:
        id = member["DBInstanceIdentifier"]
        instance = by_id.get(id, {})
        zone, state = instance.get("AvailabilityZone"), instance.get("DBInstanceStatus", "unknown")
        members.append(Member(id, member["IsClusterWriter"], zone, state))
    names = {item.get("Endpoint"): "writer", item.get("ReaderEndpoint"): "reader"}
    names |= {each: "any" for each in item.get("CustomEndpoints") or []}
    return Database(
        item["DBClusterIdentifier"],
        "cluster",
        {name.lower(): role for name, role in names.items() if name},
        item["Status"],
        item["Port"],
        _groups(item),
        None,
        members=members,
        key=item.get("KmsKeyId"),
    )


def _instance(item: dict[str, Any]) -> Database:
    return Database(
        item["DBInstanceIdentifier"],
        "instance",
        {item["Endpoint"]["Address"].lower(): "any"},
        item["DBInstanceStatus"],
        item["Endpoint"]["Port"],
        _groups(item),
        None,
        zone=item.get("AvailabilityZone"),
        public=bool(item.get("PubliclyAccessible")),
        key=item.get("KmsKeyId"),
    )


def _proxy(item: dict[str, Any]) -> Database:
    return Database(
        item["DBProxyName"],
        "proxy",
        {item["Endpoint"].lower(): "any"},
        item["Status"],
        _PROXY_PORTS.get(item["EngineFamily"], 0),
        item["VpcSecurityGroupIds"],
        item["VpcSubnetIds"],
    )


def _groups(item: dict[str, Any]) -> list[str]:
    return [each["VpcSecurityGroupId"] for each in item.get("VpcSecurityGroups") or []]
