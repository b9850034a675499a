"""Systems of which a part may not be seen, or is not judged."""

from door import REGION
from topologies.broken_network import the_databases_group_has_no_rule
from topologies.broken_things import the_cluster_is_stopped
from topologies.kinds import PUBLIC, SECRETS, database, unseen, zone_of_another_account
from world import World


@unseen("ec2:DescribeNetworkAcls")
def the_acls_may_not_be_seen(world: World) -> str:
    return database(world)


@unseen("ec2:DescribeSecurityGroups")
def the_groups_may_not_be_seen(world: World) -> str:
    return database(world)


@unseen("rds:DescribeDBClusters")
def the_clusters_may_not_be_seen(world: World) -> str:
    return database(world)


@unseen("ec2:DescribeVpcEndpoints")
def the_endpoints_may_not_be_seen(world: World) -> str:
    assert world.nat
    return SECRETS


@unseen("servicediscovery:ListInstances")
def the_registered_tasks_may_not_be_seen(world: World) -> str:
    return f"{world.private_service}:8080"


@unseen("iam:SimulatePrincipalPolicy")
def the_rights_of_the_role_may_not_be_asked(world: World) -> str:
    assert world.secret
    return "secret:database"


@unseen("ec2:DescribeNetworkInterfaces")
def the_interfaces_may_not_be_seen(world: World) -> str:
    return f"{world.private_service}:8080"


@unseen("ec2:DescribeRouteTables")
def the_tables_may_not_be_seen(world: World) -> str:
    return PUBLIC


@unseen("ec2:DescribeNatGateways")
def the_nat_gateways_may_not_be_seen(world: World) -> str:
    assert world.nat
    return PUBLIC


@unseen("apprunner:DescribeService")
def the_source_may_not_be_seen(world: World) -> str:
    return database(world)


@unseen("ec2:DescribeNetworkAcls", "SG_HAS_NO_RULES")
def a_proven_block_stays_proven_though_the_acls_may_not_be_seen(world: World) -> str:
    return the_databases_group_has_no_rule(world)


@unseen("secretsmanager:GetResourcePolicy", "ROLE_LACKS_ACTION")
def a_disabled_right_is_proven(world: World) -> str:
    world.decisions["secretsmanager:GetSecretValue"] = "explicitDeny"
    assert world.secret
    world.culprit = world.role
    return "secret:database"


@unseen()
def a_transit_gateway_is_not_judged(world: World) -> str:
    gateway = world.ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    for subnet in world.private:
        world.route(subnet, "0.0.0.0/0", TransitGatewayId=gateway)
    return PUBLIC


@unseen()
def a_range_that_covers_a_part_of_the_subnet(world: World) -> str:
    world.revoke(world.db, world.app, 5432)
    for part in ("10.0.16.0/21", "10.0.32.0/20"):
        world.allow(world.db, part, 5432)
    return database(world)


@unseen()
def the_vpc_has_another_resolver(world: World) -> str:
    options = world.ec2.create_dhcp_options(
        DhcpConfigurations=[{"Key": "domain-name-servers", "Values": ["10.0.0.53"]}]
    )
    world.ec2.associate_dhcp_options(DhcpOptionsId=options["DhcpOptions"]["DhcpOptionsId"], VpcId=world.vpc)
    return database(world)


@unseen()
def a_right_depends_on_a_condition(world: World) -> str:
    assert world.secret
    world.decisions["secretsmanager:GetSecretValue"] = "implicitDeny"
    world.missing_context = ["aws:PrincipalTag/team"]
    return "secret:database"


@unseen()
def a_database_of_another_account(world: World) -> str:
    assert world.cluster
    return f"demo.cluster-000000000000.{REGION}.rds.amazonaws.com:5432"


@unseen()
def a_proxys_further_endpoint(world: World) -> str:
    """Its name ends like those of this account's own databases, but its kind is not read."""
    return f"reads.endpoint.proxy-aaaaaaaaaa.{REGION}.rds.amazonaws.com:5432" if world.new_instance("one") else ""


@unseen()
def a_file_system_of_aws(world: World) -> str:
    return f"fs-1.efs.{REGION}.amazonaws.com:2049"


@unseen()
def a_name_that_only_the_vpc_knows(world: World) -> str:
    return f"ip-10-0-48-9.{REGION}.compute.internal:5432"


@unseen()
def a_private_zone_of_another_account_has_the_name(world: World) -> str:
    zone_of_another_account(world, "corp.example")
    return "https://api.corp.example/"


@unseen()
def a_central_endpoint_takes_over_the_name_of_a_service(world: World) -> str:
    zone_of_another_account(world, f"secretsmanager.{REGION}.amazonaws.com")
    return SECRETS


@unseen("route53:ListHostedZonesByVPC")
def the_private_zones_of_the_vpc_may_not_be_seen(world: World) -> str:
    return SECRETS


@unseen("ec2:DescribeSubnets")
def without_its_subnets_the_sources_vpc_is_not_known(world: World) -> str:
    return f"{world.private_service}:8080"


@unseen("ec2:DescribeSubnets", "TARGET_NOT_AVAILABLE")
def a_stopped_database_is_proven_though_the_subnets_may_not_be_seen(world: World) -> str:
    return the_cluster_is_stopped(world)


@unseen("apprunner:DescribeService", "TARGET_NOT_AVAILABLE")
def a_stopped_database_is_proven_though_the_source_may_not_be_seen(world: World) -> str:
    return the_cluster_is_stopped(world)


@unseen("ecs:DescribeTaskDefinition")
def the_role_of_a_task_may_not_be_seen(world: World) -> tuple[str, str]:
    assert world.secret
    return world.fargate(world.private, [world.app]), "secret:database"
