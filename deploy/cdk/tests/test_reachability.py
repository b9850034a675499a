"""Who can open a connection to whom, read from the security groups of the whole system as a graph.

An edge is there only if both ends say so: a rule out of the one group and a rule into the other.
"""

from typing import Any

from system import Resource, System

DATABASE, HTTP, HTTPS, LISTENER = 5432, 8080, 443, 80
NOBODY = "127.0.0.1/32"

Edge = tuple[str, str, int]


def test_the_front_door_reaches_database_private_service_and_aws_and_nothing_else(system: System):
    for door in _front_doors(system):
        assert _reached_from(system, door) == {
            (door, _database(system), DATABASE),
            (door, "PrivateService.PrivateServiceGroup", HTTP),
            (door, "Network.EndpointGroup", HTTPS),
        }


def test_nobody_else_reaches_database_or_private_service(system: System):
    doors = _front_doors(system)

    # Only a password is rotated.
    rotation = set() if system.combination.is_dsql else {("Data.ApplicationUserRotationGroup", DATABASE)}
    assert _callers(system, _database(system)) == {(door, DATABASE) for door in doors} | rotation
    assert _callers(system, "PrivateService.PrivateServiceGroup") == {(door, HTTP) for door in doors}


def test_nobody_in_the_system_reaches_the_front_door_from_inside(system: System):
    """A balancer of our own is the front of its front door, and calls from there."""
    for door in _front_doors(system):
        balancer = {("BalancerFrontDoor.BalancerGroup", HTTP)} if door == "BalancerFrontDoor.Group" else set()
        assert _callers(system, door) == balancer


def test_the_public_balancer_lets_everybody_in_to_its_listeners_and_reaches_the_public_api_alone(system: System):
    if "BalancerFrontDoor" not in system.stacks:
        return
    group = "BalancerFrontDoor.BalancerGroup"
    [body] = [each for each in system.of_type("AWS::EC2::SecurityGroup") if _named(each.key) == group]
    ports = {(rule["CidrIp"], rule["FromPort"]) for rule in body.properties["SecurityGroupIngress"]}

    assert ports == {("0.0.0.0/0", port) for port in ((80, 443) if system.combination.domain else (80,))}
    assert _callers(system, group) == set()
    assert _reached_from(system, group) == {(group, "BalancerFrontDoor.Group", HTTP)}


def test_the_catalogue_is_a_chain_from_the_link_to_its_services(system: System):
    if not system.combination.catalogue:
        assert "Catalogue" not in system.stacks
        return
    services = {"Catalogue.BooksGroup", "Catalogue.AuthorsGroup"}

    assert _callers(system, "Catalogue.LinkGroup") == set()
    assert _reached_from(system, "Catalogue.LinkGroup") == {
        ("Catalogue.LinkGroup", "Catalogue.BalancerGroup", LISTENER)
    }
    assert _reached_from(system, "Catalogue.BalancerGroup") == {
        ("Catalogue.BalancerGroup", service, HTTP) for service in services
    }
    for service in services:
        assert _callers(system, service) == {("Catalogue.BalancerGroup", HTTP)}


def test_a_rule_always_has_its_counterpart(system: System):
    """A connection that is allowed on one side only is a time-out for somebody to hunt."""
    assert _rules(system, "Egress") == _rules(system, "Ingress")


def test_no_rule_lets_an_address_range_in_but_the_public_balancers(system: System):
    for group in system.of_type("AWS::EC2::SecurityGroup"):
        if _named(group.key) == "BalancerFrontDoor.BalancerGroup":
            continue
        assert not group.properties.get("SecurityGroupIngress"), group.key
    for rule in system.of_type("AWS::EC2::SecurityGroupIngress"):
        assert "SourceSecurityGroupId" in rule.properties, rule.id


def test_the_only_address_range_a_rule_lets_out_to_is_https_for_the_aws_apis(system: System):
    for group in system.of_type("AWS::EC2::SecurityGroup"):
        ranges = {_range(rule) for rule in group.properties["SecurityGroupEgress"]}
        assert ranges <= {(NOBODY, None), ("0.0.0.0/0", HTTPS)}, group.key
    for rule in system.of_type("AWS::EC2::SecurityGroupEgress"):
        assert "DestinationSecurityGroupId" in rule.properties, rule.id


def test_no_group_falls_back_on_the_outgoing_rule_to_everywhere_that_aws_adds(system: System):
    """AWS adds it to a group that has no outgoing rule inside it, whatever rules stand beside it."""
    for group in system.of_type("AWS::EC2::SecurityGroup"):
        assert group.properties.get("SecurityGroupEgress"), group.key


def test_database_balancer_and_link_call_no_addresses_at_all(system: System):
    for group in system.of_type("AWS::EC2::SecurityGroup"):
        if _named(group.key).endswith(("DatabaseGroup", "DsqlGroup", "EndpointGroup", "BalancerGroup", "LinkGroup")):
            assert [_range(rule) for rule in group.properties["SecurityGroupEgress"]] == [(NOBODY, None)]


def test_each_thing_that_has_an_address_stands_in_its_own_group(system: System):
    # One group serves all the endpoints of AWS's APIs; the one of DSQL has its own.
    worn = [
        _named(system.target(resource.stack, group))
        for stack in system.stacks.values()
        for resource in stack.resources()
        if resource.type != "AWS::EC2::VPCEndpoint" or stack.name == "Data"
        for group in _groups_of(resource)
    ]

    assert len(worn) == len(set(worn)), "two share a group"
    assert set(worn) == _groups(system) - {"Network.EndpointGroup"}, "a group nobody wears"


def _database(system: System) -> str:
    """The group of Aurora's cluster, or of the endpoint that leads to DSQL."""
    return "Data.DsqlGroup" if system.combination.is_dsql else "Data.DatabaseGroup"


def _front_doors(system: System) -> list[str]:
    return [f"{name}.Group" for name in system.stacks if name.endswith("FrontDoor")]


def _groups(system: System) -> set[str]:
    return {_named(group.key) for group in system.of_type("AWS::EC2::SecurityGroup")}


def _groups_of(resource: Resource) -> list[Any]:
    """The groups that a resource puts on, wherever its type keeps them."""
    properties = resource.properties
    hosted = properties.get("HostedRotationLambda", {}).get("VpcSecurityGroupIds")
    network = properties.get("NetworkConfiguration", {})
    return [
        *properties.get("VpcSecurityGroupIds", []),
        *properties.get("SecurityGroups", []),
        *properties.get("SecurityGroupIds", []),
        *network.get("SecurityGroups", []),
        *network.get("AwsvpcConfiguration", {}).get("SecurityGroups", []),
        *([hosted] if hosted else []),
    ]


def _callers(system: System, group: str) -> set[tuple[str, int]]:
    return {(source, port) for source, target, port in _edges(system) if target == group}


def _reached_from(system: System, group: str) -> set[Edge]:
    return {edge for edge in _edges(system) if edge[0] == group}


def _edges(system: System) -> set[Edge]:
    return _rules(system, "Egress") & _rules(system, "Ingress")


def _rules(system: System, direction: str) -> set[Edge]:
    peer = {"Egress": "DestinationSecurityGroupId", "Ingress": "SourceSecurityGroupId"}[direction]
    edges = set()
    for rule in system.of_type(f"AWS::EC2::SecurityGroup{direction}"):
        own = _named(system.target(rule.stack, rule.properties["GroupId"]))
        other = _named(system.target(rule.stack, rule.properties[peer]))
        source, target = (own, other) if direction == "Egress" else (other, own)
        assert rule.properties["IpProtocol"] == "tcp"
        assert rule.properties["FromPort"] == rule.properties["ToPort"], f"{rule.id} opens more than one port"
        edges.add((source, target, rule.properties["FromPort"]))
    return edges


def _range(rule: dict[str, Any]) -> tuple[str, int | None]:
    assert rule.get("FromPort") == rule.get("ToPort")
    return rule["CidrIp"], rule.get("FromPort")


def _named(key: str) -> str:
    """Without the hash that the CDK adds to an id."""
    return key[:-8]
