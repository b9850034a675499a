"""Faults of names, targets and sources."""

from typing import Any

from door import Error
from topologies.kinds import SECRETS, broken, database
from world import SERVICE, World

# Names


@broken("VPC_DNS_SUPPORT_OFF")
def dns_support_is_off(world: World) -> str:
    world.ec2.modify_vpc_attribute(VpcId=world.vpc, EnableDnsSupport={"Value": False})
    world.culprit = world.vpc
    return database(world)


@broken("VPC_DNS_HOSTNAMES_OFF")
def dns_hostnames_are_off_for_a_private_zone(world: World) -> str:
    world.ec2.modify_vpc_attribute(VpcId=world.vpc, EnableDnsHostnames={"Value": False})
    world.culprit = world.vpc
    return f"{world.private_service}:8080"


@broken("VPC_DNS_HOSTNAMES_OFF")
def dns_hostnames_are_off_for_an_endpoint(world: World) -> str:
    assert world.secrets_endpoint
    world.ec2.modify_vpc_attribute(VpcId=world.vpc, EnableDnsHostnames={"Value": False})
    world.culprit = world.vpc
    return SECRETS


@broken("VPCE_PRIVATE_DNS_OFF")
def the_endpoint_has_no_private_dns(world: World) -> str:
    world.culprit = world.new_endpoint("secretsmanager", PrivateDnsEnabled=False)
    return SECRETS


@broken("ZONE_NOT_ASSOCIATED")
def the_namespace_does_not_serve_the_vpc(world: World) -> str:
    to = f"{world.private_service}:8080"
    world.zone_vpcs[world.zone] = ["vpc-elsewhere"]
    world.culprit = world.zone
    return to


@broken("ZONE_NOT_ASSOCIATED")
def a_private_zone_does_not_serve_the_vpc(world: World) -> str:
    world.culprit = world.new_zone("internal.example", [world.new_vpc("10.5.0.0/16")], db=("CNAME", world.cluster))
    return "db.internal.example:5432"


@broken("NAME_NOT_REGISTERED")
def the_namespace_has_no_such_service(world: World) -> str:
    assert world.private_service
    world.culprit = "privatservice.apprunner.demo"
    return "privatservice.apprunner.demo:8080"


@broken("NAME_NOT_REGISTERED")
def the_private_zone_has_no_such_record(world: World) -> str:
    world.culprit = world.new_zone("internal.example", [world.vpc], db=("CNAME", world.cluster))
    return "database.internal.example:5432"


@broken("NO_INSTANCE")
def no_task_is_registered(world: World) -> str:
    world.culprit = world.private_service
    world.servicediscovery.deregister_instance(ServiceId=world.cloud_map, InstanceId="task-1")
    return f"{world.private_service}:8080"


@broken("NO_HEALTHY_INSTANCE")
def no_task_is_healthy(world: World) -> str:
    world.culprit = world.private_service
    world.servicediscovery.update_instance_custom_health_status(
        ServiceId=world.cloud_map, InstanceId="task-1", Status="UNHEALTHY"
    )
    return f"{world.private_service}:8080"


@broken("STALE_RECORD")
def the_record_names_a_task_that_is_gone(world: World) -> str:
    world.culprit = world.private_service
    world.ec2.delete_network_interface(NetworkInterfaceId=world.interface)
    return f"{world.private_service}:8080"


# Targets


@broken("TARGET_NOT_AVAILABLE")
def the_cluster_is_stopped(world: World) -> str:
    to = database(world)
    world.rds.stop_db_cluster(DBClusterIdentifier="demo")
    world.culprit = "demo"
    return to


@broken("NO_INSTANCE")
def the_cluster_has_no_instance(world: World) -> str:
    world.culprit = "demo"
    return f"{world.new_cluster('demo', world.inside, [world.db], instances=0)}:5432"


@broken("NO_SOURCE_OR_DESTINATION")
def the_instance_was_deleted(world: World) -> str:
    world.culprit = world.new_instance("one")
    assert world.new_instance("two")
    world.rds.delete_db_instance(DBInstanceIdentifier="one", SkipFinalSnapshot=True)
    return f"{world.culprit}:5432"


@broken("TARGET_PORT_RESTRICTION")
def the_database_listens_on_another_port(world: World) -> str:
    world.culprit = "demo"
    return f"{world.cluster}:5433"


@broken("NO_SOURCE_OR_DESTINATION")
def no_interface_has_the_address(world: World) -> str:
    world.culprit = "10.0.48.77"
    return "10.0.48.77:5432"


# Sources


@broken("EGRESS_NOT_VPC")
def the_services_egress_does_not_use_the_vpc(world: World) -> str:
    world.egress = "DEFAULT"
    world.culprit = "front"
    return database(world)


@broken("BAD_STATE")
def the_service_is_paused(world: World) -> str:
    world.service_status = "PAUSED"
    world.culprit = "front"
    return database(world)


@broken("NO_SOURCE_OR_DESTINATION")
def the_service_does_not_exist(world: World) -> str:
    def missing(_: Any) -> Any:
        return Error("ResourceNotFoundException")

    world.door.answer("apprunner", "DescribeService", missing)
    world.culprit = SERVICE
    return database(world)


@broken("EXPRESS_IN_DEFAULT_VPC")
def an_express_service_runs_in_the_default_vpc(world: World) -> tuple[str, str]:
    vpcs = world.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    subnets = world.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}])["Subnets"]
    group = world.new_group("express", vpcs[0]["VpcId"])
    world.revoke(world.db, world.app, 5432)
    world.allow(world.db, vpcs[0]["CidrBlock"], 5432)
    options = world.ec2.create_dhcp_options(
        DhcpConfigurations=[{"Key": "domain-name-servers", "Values": ["AmazonProvidedDNS"]}]
    )
    world.ec2.associate_dhcp_options(DhcpOptionsId=options["DhcpOptions"]["DhcpOptionsId"], VpcId=vpcs[0]["VpcId"])
    world.culprit = "express"
    return world.express([subnets[0]["SubnetId"]], [group]), database(world)
