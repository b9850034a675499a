"""Ranges as sets, and the order of an ACL's entries, by tables."""

from ipaddress import IPv4Network

import pytest

from explain.judge.acls import decide, describe
from explain.judge.policies import Request, evaluate
from explain.model import AclEntry
from explain.names import endpoint_id, endpoint_services, is_api, is_aws, is_balancer, is_database
from explain.sets import PUBLIC, coverage, parse
from world import document


@pytest.mark.parametrize(
    ("wanted", "by", "extent"),
    [
        (["10.0.16.0/20"], ["10.0.16.0/21", "10.0.24.0/21"], "all"),
        (["10.0.16.0/20"], ["10.0.16.0/21"], "part"),
        (["10.0.16.0/20"], ["10.1.0.0/16"], "none"),
        (["10.0.16.0/20"], [], "none"),
        (["10.0.16.5/32"], ["10.0.16.0/20"], "all"),
        (["10.0.16.0/21", "10.0.24.0/21"], ["10.0.16.0/20"], "all"),
        (["10.0.0.0/8"], ["0.0.0.0/1", "128.0.0.0/1"], "all"),
        (["10.0.0.0/8"], ["::/0"], "none"),
    ],
)
def test_the_union_of_ranges_counts(wanted: list[str], by: list[str], extent: str):
    assert coverage(parse(wanted), parse(by)) == extent


def test_public_addresses_are_those_that_are_routed():
    for private in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "100.64.0.0/10"):
        assert coverage(parse([private]), PUBLIC) == "none"
    assert coverage(parse(["8.8.8.8/32", "52.0.0.0/8"]), PUBLIC) == "all"


def entry(number: int, allow: bool, first: int, last: int, cidr: str = "0.0.0.0/0", protocol: str = "tcp") -> AclEntry:
    return AclEntry(number, False, protocol, first, last, cidr, allow)


@pytest.mark.parametrize(
    ("entries", "denied"),
    [
        ([], {"* deny all traffic 0.0.0.0/0"}),
        ([entry(100, True, 0, 65535, protocol="-1")], set()),
        ([entry(200, False, 5432, 5432), entry(100, True, 5432, 5432)], set()),
        ([entry(100, False, 5432, 5432), entry(200, True, 0, 65535)], {"100 deny tcp 5432 0.0.0.0/0"}),
        ([entry(100, True, 0, 65535, protocol="17")], {"* deny all traffic 0.0.0.0/0"}),
        ([entry(100, True, 5432, 5432, "10.0.0.0/25"), entry(110, True, 5432, 5432, "10.0.0.128/25")], set()),
        ([entry(100, True, 5432, 5432, "10.0.0.0/25")], {"* deny all traffic 0.0.0.0/0"}),
    ],
)
def test_the_first_entry_that_matches_decides(entries: list[AclEntry], denied: set[str]):
    boxes = decide(entries, False, (5432, 5432), [IPv4Network("10.0.0.0/24")])
    assert {describe(box.entry) for box in boxes if not box.entry.allow} == denied


def test_a_range_of_ports_is_cut_where_entries_begin_and_end():
    boxes = decide([entry(100, True, 40000, 50000)], False, (32768, 60999), [IPv4Network("10.0.0.0/24")])
    assert sorted((box.ports, box.entry.allow) for box in boxes) == [
        ((32768, 39999), False),
        ((40000, 50000), True),
        ((50001, 60999), False),
    ]


ROLE = "arn:aws:iam::123456789012:role/app"


def statement(effect: str = "Allow", **more: object) -> dict[str, object]:
    return {"Effect": effect, "Principal": "*", "Action": "s3:GetObject", "Resource": "*", **more}


@pytest.mark.parametrize(
    ("statements", "allow", "deny"),
    [
        ([statement()], "yes", None),
        ([statement(Action="s3:Get*")], "yes", None),
        ([statement(Action="S3:getobject")], "yes", None),
        ([statement(Action=["s3:PutObject"])], None, None),
        ([statement(NotAction="s3:PutObject", Action=[])], "yes", None),
        ([statement(Resource="arn:aws:s3:::pictures/?.png")], "yes", None),
        ([statement(Resource="arn:aws:s3:::other/*")], None, None),
        ([statement(Principal={"AWS": ROLE})], "yes", None),
        ([statement(Principal={"AWS": "arn:aws:iam::123456789012:role/other"})], None, None),
        ([statement(Principal={"Service": "lambda.amazonaws.com"})], None, None),
        ([statement(), statement("Deny")], "yes", "yes"),
        ([statement("Deny", Principal={"AWS": "arn:aws:iam::123456789012:root"})], None, "yes"),
        ([statement("Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})], None, None),
        ([statement("Deny", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}})], None, None),
        ([statement("Deny", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-2"}})], None, "yes"),
        ([statement("Deny", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], None, "maybe"),
        ([statement(Condition={"StringEquals": {"aws:PrincipalTag/team": "a"}})], "maybe", None),
    ],
)
def test_policies_are_read_as_iam_reads_them(statements: list[dict[str, object]], allow: str | None, deny: str | None):
    context = {"aws:SourceVpce": "vpce-1", "aws:SecureTransport": "true"}
    request = Request("s3:GetObject", "arn:aws:s3:::pictures/1.png", ROLE, "123456789012", context)
    answer = evaluate(document(*statements), request)
    assert (answer.allow, answer.deny) == (allow, deny)


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("secretsmanager.eu-west-1.amazonaws.com", "secretsmanager"),
        ("pictures.s3.eu-west-1.amazonaws.com", "s3"),
        ("pictures.s3.dualstack.eu-west-1.amazonaws.com", "s3"),
        ("pictures.s3.amazonaws.com", "s3"),
        ("s3.eu-west-1.amazonaws.com", "s3"),
        ("api.ecr.eu-west-1.amazonaws.com", "ecr.api"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr.dkr"),
        ("a1b2.execute-api.eu-west-1.amazonaws.com", "execute-api"),
        ("kinesis.eu-west-1.amazonaws.com", "kinesis-streams"),
        ("secretsmanager.us-east-1.amazonaws.com", None),
    ],
)
def test_an_aws_name_tells_its_endpoint_service(host: str, service: str | None):
    services = endpoint_services(host, "eu-west-1")
    assert is_api(host)
    assert services == set() if service is None else f"com.amazonaws.eu-west-1.{service}" in services


@pytest.mark.parametrize(
    "host",
    [
        "fs-1.efs.eu-west-1.amazonaws.com",
        "demo.abc.0001.euw1.cache.amazonaws.com",
        "demo.cluster-abc.eu-west-1.docdb.amazonaws.com",
        "vpc-demo-abc.eu-west-1.es.amazonaws.com",
    ],
)
def test_a_thing_in_a_vpc_is_not_taken_for_a_public_api(host: str):
    assert is_aws(host) and not is_api(host)


def test_names_of_databases_balancers_and_endpoints_are_known_by_their_form():
    assert is_database("demo.cluster-abc.eu-west-1.rds.amazonaws.com")
    assert not is_database("demo.cluster-abc.eu-west-1.rds.amazonaws.com.example.com")
    assert is_balancer("internal-api-1.eu-west-1.elb.amazonaws.com")
    assert is_balancer("api-1.elb.eu-west-1.amazonaws.com")
    assert endpoint_id("vpce-0ab-1cd.secretsmanager.eu-west-1.vpce.amazonaws.com") == "vpce-0ab"
    assert endpoint_id("secretsmanager.eu-west-1.amazonaws.com") is None
