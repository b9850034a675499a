"""Topologies by their fault. A function builds one and returns `--to`, or `--from` and `--to`.

It says in `world.culprit` which resource is at fault; the decorator says by which code.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from door import ACCOUNT, REGION, Error
from world import CONNECTOR, SERVICE, ZONES, World, document

Build = Callable[[World], str | tuple[str, str]]


@dataclass
class Topology:
    """`code` is None for a sound one, and for one that is partly unseen, where `operation` is what is refused."""

    name: str
    build: Build
    code: str | None = None
    operation: str | None = None
    unknown: bool = False


BROKEN: list[Topology] = []
SOUND: list[Topology] = []
UNSEEN: list[Topology] = []


def broken(code: str) -> Callable[[Build], Build]:
    def add(build: Build) -> Build:
        BROKEN.append(Topology(build.__name__, build, code))
        return build

    return add


def sound(build: Build) -> Build:
    SOUND.append(Topology(build.__name__, build))
    return build


def unseen(operation: str | None = None, code: str | None = None) -> Callable[[Build], Build]:
    """With a code, a block that is proven all the same."""

    def add(build: Build) -> Build:
        UNSEEN.append(Topology(build.__name__, build, code, operation, code is None))
        return build

    return add


def database(world: World) -> str:
    return f"{world.cluster}:5432"


SECRETS = f"https://secretsmanager.{REGION}.amazonaws.com/"
PUBLIC = "https://api.example.com/"


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


def peered(world: World) -> str:
    """A database in another VPC, with routes there and back."""
    world.other = world.new_vpc("10.1.0.0/16")
    subnets = [
        world.new_subnet("10.1.0.0/24", ZONES[0], world.other),
        world.new_subnet("10.1.1.0/24", ZONES[1], world.other),
    ]
    for subnet in subnets:
        world.tables[subnet] = world.new_table(subnet, world.other)
    world.far = subnets
    world.pcx = world.peer(world.other)
    for subnet in world.private:
        world.route(subnet, "10.1.0.0/16", VpcPeeringConnectionId=world.pcx)
    for subnet in subnets:
        world.route(subnet, "10.0.0.0/16", VpcPeeringConnectionId=world.pcx)
    world.far_db = world.new_group("far-db", world.other)
    world.allow(world.far_db, "10.0.0.0/16", 5432)
    return f"{world.new_cluster('far', subnets, [world.far_db])}:5432"


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


# S3


def bucket(world: World) -> str:
    world.role = f"arn:aws:iam::{ACCOUNT}:role/app"
    world.s3.create_bucket(Bucket="pictures", CreateBucketConfiguration={"LocationConstraint": REGION})
    return "s3://pictures/1.png"


@broken("VPCE_GATEWAY_NOT_IN_ROUTE_TABLE")
def the_gateway_endpoint_is_not_in_one_of_the_tables(world: World) -> str:
    table = world.tables[world.private[1]]
    world.ec2.modify_vpc_endpoint(VpcEndpointId=world.s3_endpoint, RemoveRouteTableIds=[table])
    world.culprit = world.s3_endpoint
    return bucket(world)


@broken("VPCE_POLICY_DENIES")
def the_gateway_endpoints_policy_does_not_allow_the_bucket(world: World) -> str:
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"}
    world.ec2.modify_vpc_endpoint(VpcEndpointId=world.s3_endpoint, PolicyDocument=document(allow))
    world.culprit = world.s3_endpoint
    return bucket(world)


@broken("ROLE_LACKS_ACTION")
def the_buckets_policy_denies_all_but_another_endpoint(world: World) -> str:
    assert world.s3_endpoint
    to = bucket(world)
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::pictures/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-other"}},
    }
    world.s3.put_bucket_policy(Bucket="pictures", Policy=document(deny))
    world.culprit = "arn:aws:s3:::pictures/1.png"
    return to


@broken("ENI_SG_RULES_MISMATCH")
def the_sources_group_lets_out_to_groups_only(world: World) -> str:
    """S3's addresses belong to no group."""
    world.no_way_out(world.app)
    world.allow(world.app, world.db, 5432, out=True)
    assert world.s3_endpoint
    world.culprit = world.app
    return bucket(world)


# Rights


@broken("SECRET_NOT_FOUND")
def the_secret_does_not_exist(world: World) -> str:
    assert world.secret
    world.culprit = "databse"
    return "secret:databse"


@broken("SECRET_PENDING_DELETION")
def the_secret_is_scheduled_for_deletion(world: World) -> str:
    world.culprit = world.secret
    world.secretsmanager.delete_secret(SecretId="database")
    return "secret:database"


@broken("ROLE_LACKS_ACTION")
def the_role_may_not_read_the_secret(world: World) -> str:
    assert world.secret
    world.decisions["secretsmanager:GetSecretValue"] = "implicitDeny"
    world.culprit = world.role
    return "secret:database"


def with_key(world: World) -> str:
    """A secret with a customer's key, whose default policy leaves it to the account."""
    key = world.kms.create_key()["KeyMetadata"]
    world.key, world.key_id = key["Arn"], key["KeyId"]
    assert world.secret
    world.secretsmanager.update_secret(SecretId="database", KmsKeyId=world.key)
    return "secret:database"


@broken("KEY_NOT_ENABLED")
def the_secrets_key_is_disabled(world: World) -> str:
    to = with_key(world)
    world.kms.disable_key(KeyId=world.key_id)
    world.culprit = world.key
    return to


@broken("ROLE_LACKS_ACTION")
def the_role_may_not_use_the_secrets_key(world: World) -> str:
    to = with_key(world)
    world.decisions["kms:Decrypt"] = "implicitDeny"
    world.culprit = world.role
    return to


@broken("VPCE_POLICY_DENIES")
def the_policy_of_the_secrets_endpoint_allows_another_secret(world: World) -> str:
    assert world.secret
    allow = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "secretsmanager:*",
        "Resource": "arn:aws:secretsmanager:*:*:secret:other-*",
    }
    world.ec2.modify_vpc_endpoint(VpcEndpointId=world.secrets_endpoint, PolicyDocument=document(allow))
    world.culprit = world.secrets_endpoint
    return "secret:database"


# Sound


@sound
def the_usual_system_reaches_its_database(world: World) -> str:
    return database(world)


@sound
def the_reader_endpoint(world: World) -> str:
    world.new_cluster("demo", world.inside, [world.db], instances=2)
    return f"{world.rds.describe_db_clusters()['DBClusters'][0]['ReaderEndpoint']}:5432"


@sound
def the_usual_system_reaches_its_private_service(world: World) -> str:
    return f"http://{world.private_service}:8080/"


@sound
def the_usual_system_reads_its_secret(world: World) -> str:
    assert world.secret
    return "secret:database"


@sound
def a_secret_with_a_customers_key(world: World) -> str:
    return with_key(world)


@sound
def public_addresses_by_a_nat_gateway(world: World) -> str:
    assert world.nat
    return PUBLIC


@sound
def a_service_whose_egress_is_its_own_reaches_public_addresses(world: World) -> str:
    world.egress = "DEFAULT"
    return PUBLIC


@sound
def a_task_with_a_public_address_reaches_public_addresses(world: World) -> tuple[str, str]:
    assert world.igw
    return world.fargate([world.public], [world.app], public=True), PUBLIC


@sound
def an_endpoint_without_private_dns_does_not_matter_where_there_is_a_nat_gateway(world: World) -> str:
    assert world.nat
    world.new_endpoint("secretsmanager", PrivateDnsEnabled=False)
    return SECRETS


@sound
def two_ranges_that_together_cover_the_subnet(world: World) -> str:
    world.revoke(world.db, world.app, 5432)
    for part in ("10.0.16.0/21", "10.0.24.0/21", "10.0.32.0/20"):
        world.allow(world.db, part, 5432)
    return database(world)


@sound
def an_acl_that_allows_before_it_denies(world: World) -> str:
    """Its entries are made in another order than that of their numbers."""
    world.new_acl(
        world.inside[0], (200, "in", "deny", "all"), (100, "in", "allow", "5432"), (100, "out", "allow", "32768-60999")
    )
    return database(world)


@sound
def tight_acls_with_exactly_what_linux_needs(world: World) -> str:
    world.new_acl(
        world.inside[0],
        (100, "in", "allow", "5432", "10.0.0.0/16"),
        (100, "out", "allow", "32768-60999", "10.0.0.0/16"),
    )
    for subnet in world.private:
        world.new_acl(
            subnet, (100, "out", "allow", "5432", "10.0.48.0/23"), (100, "in", "allow", "32768-60999", "10.0.48.0/23")
        )
    return database(world)


@sound
def no_acl_looks_at_traffic_inside_one_subnet(world: World) -> str:
    world.source_subnets = [world.inside[0]]
    world.new_acl(world.inside[0])
    return database(world)


@sound
def a_database_in_a_peered_vpc(world: World) -> str:
    return peered(world)


@sound
def a_group_of_a_peered_vpc_is_named(world: World) -> str:
    to = peered(world)
    world.revoke(world.far_db, "10.0.0.0/16", 5432)
    world.allow(world.far_db, world.app, 5432, VpcPeeringConnectionId=world.pcx)
    return to


@sound
def s3_by_its_gateway_endpoint(world: World) -> str:
    assert world.s3_endpoint
    return bucket(world)


@sound
def s3_with_a_group_that_lets_out_to_its_prefix_list_only(world: World) -> str:
    assert world.s3_endpoint
    lists = world.ec2.describe_managed_prefix_lists()["PrefixLists"]
    [s3] = [each["PrefixListId"] for each in lists if each["PrefixListName"] == f"com.amazonaws.{REGION}.s3"]
    world.no_way_out(world.app)
    world.allow(world.app, s3, 443, out=True)
    return bucket(world)


@sound
def a_bucket_that_only_the_own_endpoint_may_read(world: World) -> str:
    to = bucket(world)
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::pictures/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": world.s3_endpoint}},
    }
    world.s3.put_bucket_policy(Bucket="pictures", Policy=document(deny))
    return to


@sound
def a_name_of_ones_own_for_the_database(world: World) -> str:
    world.new_zone("internal.example", [world.vpc], db=("CNAME", world.cluster))
    return "db.internal.example:5432"


@sound
def two_groups_of_which_one_has_the_rules(world: World) -> str:
    world.source_groups = [world.new_group("other", closed=True), world.app]
    return database(world)


@sound
def an_interface_calls(world: World) -> tuple[str, str]:
    world.new_interface(world.private[0], [world.app])
    return world.interface, database(world)


@sound
def groups_and_subnets_call(world: World) -> tuple[str, str]:
    return f"{world.app},{world.private[0]}", database(world)


@sound
def a_connector_calls(world: World) -> tuple[str, str]:
    return CONNECTOR, database(world)


@sound
def an_express_service_in_the_right_vpc(world: World) -> tuple[str, str]:
    return world.express([world.public], [world.app]), database(world)


@sound
def one_of_two_tasks_is_unhealthy(world: World) -> str:
    assert world.private_service
    world.register("task-2", world.new_interface(world.inside[1], [world.tasks]), "UNHEALTHY")
    return f"{world.private_service}:8080"


# Partly unseen


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
