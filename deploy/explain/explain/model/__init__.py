"""What was read from AWS, in the terms in which the judge reasons.

A collection that could not be read is None, never empty: "not seen" must not turn into "there is none".
"""

from dataclasses import field

from explain.model.network import (
    Acl,
    AclEntry,
    Endpoint,
    Group,
    Interface,
    Nat,
    Peering,
    PeeringSide,
    Reference,
    Route,
    Rule,
    Subnet,
    Table,
    Vpc,
)
from explain.model.rights import Decision, Key, Secret
from explain.model.seen import Seen
from explain.model.targets import Balancer, Database, Member, Record, Registration, Zone

__all__ = [
    "Acl",
    "AclEntry",
    "Asked",
    "Balancer",
    "Database",
    "Decision",
    "Endpoint",
    "Evidence",
    "Group",
    "Interface",
    "Key",
    "Member",
    "Nat",
    "Peering",
    "PeeringSide",
    "Record",
    "Reference",
    "Refusal",
    "Registration",
    "Route",
    "Rule",
    "Secret",
    "Snapshot",
    "Source",
    "Subnet",
    "Table",
    "Vpc",
    "Zone",
]


class Source(Seen):
    """Where a connection begins: `state` is AWS's word, `usable` what it means; `public_ip` is None when not known."""

    name: str
    kind: str
    state: str
    usable: bool = True
    in_vpc: bool = True
    subnets: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    public_ip: bool | None = False
    address: str | None = None
    role: str | None = None
    arn: str | None = None


class Refusal(Seen):
    """A call that was not answered: the operation as IAM names it, and why."""

    operation: str
    why: str


class Asked(Seen):
    """What the user wants to reach; `kind` is host, secret or s3."""

    text: str
    kind: str
    host: str
    port: int
    secret: str | None = None
    bucket: str | None = None
    key: str | None = None


class Snapshot(Seen):
    """Everything that the judge knows. It holds configuration, no secret values."""

    asked: Asked
    region: str
    origin: str
    account: str | None = None
    source: Source | None = None
    source_missing: bool = False
    vpcs: list[Vpc] | None = None
    subnets: list[Subnet] | None = None
    tables: list[Table] | None = None
    acls: list[Acl] | None = None
    groups: list[Group] | None = None
    other_groups: dict[str, str] = field(default_factory=dict)
    nats: list[Nat] | None = None
    peerings: list[Peering] | None = None
    endpoints: list[Endpoint] | None = None
    prefix_lists: dict[str, list[str] | None] = field(default_factory=dict)
    gateway_list: str | None = None
    interfaces: list[Interface] | None = None
    databases: list[Database] | None = None
    zones: list[Zone] | None = None
    balancers: list[Balancer] | None = None
    secret: Secret | None = None
    secret_key: Key | None = None
    bucket_policy: str | None = None
    bucket_policy_seen: bool = False
    decisions: list[Decision] | None = None
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Evidence(Seen):
    """What one hop showed; `verdict` is ok, blocks or unseen. `subnet` is the source subnet that it was judged for."""

    hop: str
    resource: str
    seen: str
    verdict: str
    code: str | None = None
    rule: str | None = None
    command: str | None = None
    cdk: str | None = None
    others: list[str] = field(default_factory=list)
    subnet: str | None = None
