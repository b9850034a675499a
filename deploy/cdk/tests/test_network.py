"""Two zones, NAT by choice, a gateway for S3 always, and an interface endpoint for each AWS API called without NAT."""

from system import Combination, System, synthesise

ENDPOINTS_WITHOUT_NAT = {"secretsmanager", "ecr.api", "ecr.dkr", "logs"}


def _endpoints(system: System, type: str) -> dict[str, dict]:
    found = {}
    # DSQL's endpoint, in the stack Data, has tests of its own.
    for endpoint in system.of_type("AWS::EC2::VPCEndpoint", "Network"):
        if endpoint.properties["VpcEndpointType"] == type:
            name = endpoint.properties["ServiceName"]["Fn::Join"][1][-1].strip(".")
            found[name] = endpoint.properties
    return found


def test_there_are_a_public_and_a_private_subnet_in_each_of_two_zones(system: System):
    subnets = system.of_type("AWS::EC2::Subnet")
    zones = [subnet.properties["AvailabilityZone"]["Fn::Select"][0] for subnet in subnets]

    assert sorted(zones) == [0, 0, 1, 1]
    assert not any(subnet.properties["MapPublicIpOnLaunch"] for subnet in subnets)


def test_there_are_as_many_nat_gateways_as_asked_for(system: System):
    assert len(system.of_type("AWS::EC2::NatGateway")) == system.combination.nat


def test_without_nat_the_private_subnets_have_no_route_to_the_internet(system: System):
    routes = [route for route in system.of_type("AWS::EC2::Route") if "private" in route.id]

    assert len(routes) == (2 if system.combination.nat else 0)
    assert all("NatGatewayId" in route.properties for route in routes)


def test_s3_is_reached_by_its_gateway_from_every_subnet(system: System):
    [gateway] = _endpoints(system, "Gateway").values()

    assert len(gateway["RouteTableIds"]) == 4


def test_the_s3_gateway_lets_image_layers_through_and_diaries_where_there_are_any(system: System):
    [gateway] = _endpoints(system, "Gateway").values()
    statements = gateway["PolicyDocument"]["Statement"]

    assert all(statement["Resource"] != "*" for statement in statements)
    assert len(statements) == (2 if system.combination.diaries else 1)


def test_there_is_an_interface_endpoint_exactly_where_a_caller_has_no_nat(system: System):
    """Express tasks stand in the public subnets, where NAT does not serve them."""
    needed = system.combination.nat == 0 or "express" in system.combination.front_door

    assert set(_endpoints(system, "Interface")) == (ENDPOINTS_WITHOUT_NAT if needed else set())


def test_interface_endpoints_stand_in_both_zones_and_answer_to_the_usual_names(system: System):
    for endpoint in _endpoints(system, "Interface").values():
        assert len(endpoint["SubnetIds"]) == 2
        assert endpoint["PrivateDnsEnabled"] is True


def test_the_endpoint_of_dsql_stands_in_both_zones_too(on_dsql: System):
    assert len(on_dsql.only("AWS::EC2::VPCEndpoint", "Data").properties["SubnetIds"]) == 2


def test_rejected_connections_are_logged(system: System):
    assert system.only("AWS::EC2::FlowLog").properties["TrafficType"] == "REJECT"


def test_zones_can_be_named_by_id_because_letters_differ_between_accounts(tmp_path):
    system = synthesise(Combination(), tmp_path, zone_ids="use1-az1,use1-az4")
    subnets = system.of_type("AWS::EC2::Subnet")

    assert not any("AvailabilityZone" in subnet.properties for subnet in subnets)
    assert sorted((subnet.id[3:10], subnet.properties["AvailabilityZoneId"]) for subnet in subnets) == [
        ("private", "use1-az1"),
        ("private", "use1-az4"),
        ("publicS", "use1-az1"),
        ("publicS", "use1-az4"),
    ]
