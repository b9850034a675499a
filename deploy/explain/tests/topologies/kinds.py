"""What a topology is, and parts that several have. A function builds one and returns `--to`, or `--from` and `--to`.

It says in `world.culprit` which resource is at fault; the decorator says by which code.
"""

from collections.abc import Callable
from dataclasses import dataclass

from door import ACCOUNT, REGION
from world import ZONES, World

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


def bucket(world: World) -> str:
    world.role = f"arn:aws:iam::{ACCOUNT}:role/app"
    world.s3.create_bucket(Bucket="pictures", CreateBucketConfiguration={"LocationConstraint": REGION})
    return "s3://pictures/1.png"


def with_key(world: World) -> str:
    """A secret with a customer's key, whose default policy leaves it to the account."""
    key = world.kms.create_key()["KeyMetadata"]
    world.key, world.key_id = key["Arn"], key["KeyId"]
    assert world.secret
    world.secretsmanager.update_secret(SecretId="database", KmsKeyId=world.key)
    return "secret:database"


def balancer(world: World, port: int = 80, target: str = "10.0.48.50") -> str:
    """An internal load balancer in `inside`, whose one target is known by a mark of the test."""
    group = world.new_group("balancer")
    world.allow(group, world.app, 80)
    made = world.elbv2.create_load_balancer(
        Name="api", Subnets=world.inside, SecurityGroups=[group], Scheme="internal", Type="application"
    )["LoadBalancers"][0]
    targets = world.elbv2.create_target_group(Name="api", Protocol="HTTP", Port=8080, VpcId=world.vpc, TargetType="ip")
    arn = targets["TargetGroups"][0]["TargetGroupArn"]
    world.elbv2.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )
    world.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": target, "Port": 8080}])
    world.balancer_group = group
    return f"http://{made['DNSName']}:{port}"


def health(world: World, state: str) -> None:
    target = {"Target": {"Id": "10.0.48.50", "Port": 8080}, "TargetHealth": {"State": state}}
    world.door.answer("elbv2", "DescribeTargetHealth", {"TargetHealthDescriptions": [target]})


def zone_of_another_account(world: World, name: str) -> None:
    zone = {"HostedZoneId": "ZOTHER", "Name": f"{name}.", "Owner": {"OwningAccount": "210987654321"}}
    answer = {"HostedZoneSummaries": [zone], "MaxItems": "100"}
    world.door.answer("route53", "ListHostedZonesByVPC", answer)
