"""Systems without a fault, many of them unusual."""

from door import REGION
from topologies.kinds import PUBLIC, SECRETS, balancer, bucket, database, health, peered, sound, with_key
from world import CONNECTOR, World, document


@sound
def an_internal_load_balancer(world: World) -> str:
    health(world, "healthy")
    return balancer(world)


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
