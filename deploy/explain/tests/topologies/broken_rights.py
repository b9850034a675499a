"""Faults on the way to S3, and of secrets, keys and roles."""

from topologies.kinds import balancer, broken, bucket, health, with_key
from world import World, document

# S3


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


@broken("TARGET_PORT_RESTRICTION")
def the_load_balancer_has_no_listener_on_the_port(world: World) -> str:
    world.culprit = "api"
    return balancer(world, port=443)


@broken("NO_HEALTHY_INSTANCE")
def no_target_of_the_load_balancer_is_healthy(world: World) -> str:
    world.culprit = "api"
    health(world, "unhealthy")
    return balancer(world)


@broken("SG_HAS_NO_RULES")
def the_load_balancers_group_lacks_the_rule(world: World) -> str:
    to = balancer(world)
    world.revoke(world.balancer_group, world.app, 80)
    world.culprit = world.balancer_group
    return to
