"""Faults of security groups, network ACLs and routes."""

from topologies.kinds import PUBLIC, SECRETS, broken, database, peered
from world import ZONES, World

# Security groups


@broken("ENI_SG_RULES_MISMATCH")
def the_databases_group_lacks_the_rule(world: World) -> str:
    world.revoke(world.db, world.app, 5432)
    world.allow(world.db, world.new_group("other"), 5432)
    world.culprit = world.db
    return database(world)


@broken("SG_HAS_NO_RULES")
def the_databases_group_has_no_rule(world: World) -> str:
    world.revoke(world.db, world.app, 5432)
    world.culprit = world.db
    return database(world)


@broken("ENI_SG_RULES_MISMATCH")
def the_databases_group_admits_another_port(world: World) -> str:
    world.revoke(world.db, world.app, 5432)
    world.allow(world.db, world.app, 3306)
    world.culprit = world.db
    return database(world)


@broken("ENI_SG_RULES_MISMATCH")
def the_databases_group_admits_another_range(world: World) -> str:
    world.revoke(world.db, world.app, 5432)
    world.allow(world.db, "10.1.0.0/16", 5432)
    world.culprit = world.db
    return database(world)


@broken("ENI_SG_RULES_MISMATCH")
def the_databases_group_admits_the_range_of_one_subnet_only(world: World) -> str:
    world.revoke(world.db, world.app, 5432)
    world.allow(world.db, "10.0.16.0/20", 5432)
    world.culprit = world.db
    return database(world)


@broken("ENI_SG_RULES_MISMATCH")
def a_group_of_the_same_name_in_another_vpc_is_named(world: World) -> str:
    world.revoke(world.db, world.app, 5432)
    world.allow(world.db, world.new_group("app", world.new_vpc("10.9.0.0/16")), 5432)
    world.culprit = world.db
    return database(world)


@broken("SG_HAS_NO_RULES")
def the_sources_group_has_no_way_out(world: World) -> str:
    world.no_way_out(world.app)
    world.allow(world.app, "127.0.0.1/32", None, out=True)
    world.culprit = world.app
    return database(world)


@broken("ENI_SG_RULES_MISMATCH")
def the_sources_group_lets_out_to_another_port(world: World) -> str:
    world.no_way_out(world.app)
    world.allow(world.app, "0.0.0.0/0", 443, out=True)
    world.culprit = world.app
    return database(world)


@broken("ENI_SG_RULES_MISMATCH")
def the_private_services_group_lacks_the_rule(world: World) -> str:
    to = f"http://{world.private_service}:8080"
    world.revoke(world.tasks, world.app, 8080)
    world.allow(world.tasks, world.app, 80)
    world.culprit = world.tasks
    return to


@broken("ENI_SG_RULES_MISMATCH")
def the_endpoints_group_lacks_443_even_with_a_nat_gateway(world: World) -> str:
    assert world.secrets_endpoint and world.nat
    world.revoke(world.endpoint_group, world.app, 443)
    world.allow(world.endpoint_group, world.new_group("other"), 443)
    world.culprit = world.endpoint_group
    return SECRETS


# Network ACLs


@broken("SUBNET_ACL_RESTRICTION")
def the_acl_of_the_database_denies_the_port(world: World) -> str:
    world.culprit = world.new_acl(
        world.inside[0], (100, "out", "allow", "all"), (90, "in", "deny", "5432"), (100, "in", "allow", "all")
    )
    return database(world)


@broken("SUBNET_ACL_RESTRICTION")
def the_acl_of_the_database_has_no_entry_for_replies(world: World) -> str:
    world.culprit = world.new_acl(world.inside[0], (100, "in", "allow", "5432"), (100, "out", "allow", "443"))
    return database(world)


@broken("SUBNET_ACL_RESTRICTION")
def the_acl_of_a_source_subnet_has_no_entry_for_replies(world: World) -> str:
    world.culprit = world.new_acl(world.private[0], (100, "out", "allow", "all"), (100, "in", "allow", "443"))
    return database(world)


@broken("SUBNET_ACL_RESTRICTION")
def replies_are_admitted_to_the_ports_of_windows_only(world: World) -> str:
    world.culprit = world.new_acl(world.private[0], (100, "out", "allow", "all"), (100, "in", "allow", "49152-65535"))
    return database(world)


@broken("SUBNET_ACL_RESTRICTION")
def an_acl_denies_before_it_allows(world: World) -> str:
    acl = world.new_acl(
        world.inside[0],
        (100, "out", "allow", "all"),
        (200, "in", "allow", "5432"),
        (150, "in", "deny", "5432", "10.0.0.0/16"),
    )
    world.culprit = acl
    return database(world)


@broken("SUBNET_ACL_RESTRICTION")
def an_acl_without_entries_denies_all(world: World) -> str:
    world.culprit = world.new_acl(world.inside[0], (100, "out", "allow", "all"))
    return database(world)


@broken("SUBNET_ACL_RESTRICTION")
def the_acl_of_a_source_subnet_denies_the_way_out(world: World) -> str:
    world.culprit = world.new_acl(world.private[1], (100, "in", "allow", "all"), (100, "out", "allow", "443"))
    return database(world)


@broken("SUBNET_ACL_RESTRICTION")
def the_acl_of_the_nat_gateway_has_no_entry_for_replies(world: World) -> str:
    assert world.nat
    acl = world.new_acl(
        world.public, (100, "out", "allow", "all"), (100, "in", "allow", "443"), (110, "in", "allow", "32768-60999")
    )
    world.culprit = acl
    return PUBLIC


@broken("SUBNET_ACL_RESTRICTION")
def the_acl_of_the_nat_gateway_lets_nothing_in_from_the_source(world: World) -> str:
    assert world.nat
    entries = ((90, "in", "deny", "443", "10.0.0.0/16"), (100, "in", "allow", "all"), (100, "out", "allow", "all"))
    world.culprit = world.new_acl(world.public, *entries)
    return PUBLIC


# Routes, NAT, peering


@broken("NO_ROUTE_TO_DESTINATION")
def no_route_leads_to_public_addresses(world: World) -> str:
    world.culprit = world.tables[world.private[0]]
    return PUBLIC


@broken("NO_ROUTE_TO_DESTINATION")
def one_of_two_subnets_has_no_route(world: World) -> str:
    assert world.nat
    table = world.tables[world.private[1]]
    world.ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    world.culprit = table
    return PUBLIC


@broken("NO_ROUTE_TO_DESTINATION")
def a_subnet_uses_the_main_table_implicitly(world: World) -> str:
    assert world.nat
    subnet = world.new_subnet("10.0.64.0/24", ZONES[0])
    world.source_subnets = [world.private[0], subnet]
    tables = world.ec2.describe_route_tables(
        Filters=[{"Name": "vpc-id", "Values": [world.vpc]}, {"Name": "association.main", "Values": ["true"]}]
    )
    world.culprit = tables["RouteTables"][0]["RouteTableId"]
    return PUBLIC


@broken("BAD_STATE_ROUTE")
def the_nat_gateway_is_gone(world: World) -> str:
    world.ec2.delete_nat_gateway(NatGatewayId=world.nat)
    world.culprit = world.tables[world.private[0]]
    return PUBLIC


@broken("NO_ROUTE_TO_DESTINATION")
def the_nat_gateway_stands_in_a_private_subnet(world: World) -> str:
    assert world.nat
    table = world.tables[world.public]
    world.ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    world.culprit = table
    return PUBLIC


@broken("NO_ROUTE_TO_DESTINATION")
def the_nat_gateway_is_private(world: World) -> str:
    assert world.igw
    nat = world.ec2.create_nat_gateway(SubnetId=world.public, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    for subnet in world.private:
        world.route(subnet, "0.0.0.0/0", NatGatewayId=nat)
    world.culprit = nat
    return PUBLIC


@broken("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS")
def the_connector_is_in_a_public_subnet(world: World) -> str:
    assert world.igw
    world.source_subnets = [world.public]
    world.culprit = world.tables[world.public]
    return PUBLIC


@broken("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS")
def a_task_in_a_public_subnet_has_no_public_address(world: World) -> tuple[str, str]:
    assert world.igw
    world.culprit = world.tables[world.public]
    return world.fargate([world.public], [world.app]), PUBLIC


@broken("NO_ROUTE_TO_DESTINATION")
def no_route_leads_to_the_peered_vpc(world: World) -> str:
    to = peered(world)
    for subnet in world.private:
        world.ec2.delete_route(RouteTableId=world.tables[subnet], DestinationCidrBlock="10.1.0.0/16")
    world.culprit = world.tables[world.private[0]]
    return to


@broken("NO_ROUTE_TO_DESTINATION")
def no_route_leads_back_from_the_peered_vpc(world: World) -> str:
    to = peered(world)
    world.culprit = world.tables[world.far[0]]
    world.ec2.delete_route(RouteTableId=world.culprit, DestinationCidrBlock="10.0.0.0/16")
    return to


@broken("BAD_STATE")
def the_peering_is_not_accepted(world: World) -> str:
    to = peered(world)
    world.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=world.pcx)
    world.culprit = world.peer(world.other, accept=False)
    for subnet in world.private:
        world.ec2.delete_route(RouteTableId=world.tables[subnet], DestinationCidrBlock="10.1.0.0/16")
        world.route(subnet, "10.1.0.0/16", VpcPeeringConnectionId=world.culprit)
    for subnet in world.far:
        world.ec2.delete_route(RouteTableId=world.tables[subnet], DestinationCidrBlock="10.0.0.0/16")
        world.route(subnet, "10.0.0.0/16", VpcPeeringConnectionId=world.culprit)
    return to


@broken("DISCONNECTED_VPCS")
def the_database_is_in_a_vpc_without_a_connection(world: World) -> str:
    to = peered(world)
    world.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=world.pcx)
    for subnet in world.private:
        world.ec2.delete_route(RouteTableId=world.tables[subnet], DestinationCidrBlock="10.1.0.0/16")
    world.culprit = world.tables[world.private[0]]
    return to


@broken("PCX_REQUIRES_ADDRESS_IN_VPC_CIDR")
def a_peering_leads_no_further_than_to_its_other_side(world: World) -> str:
    """The database is behind the peered VPC."""
    middle = world.new_vpc("10.2.0.0/16")
    to = peered(world)
    world.ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=world.pcx)
    world.culprit = world.peer(middle)
    for subnet in world.private:
        world.ec2.delete_route(RouteTableId=world.tables[subnet], DestinationCidrBlock="10.1.0.0/16")
        world.route(subnet, "10.1.0.0/16", VpcPeeringConnectionId=world.culprit)
    return to
