"""What was read from AWS, in the terms in which the judge reasons.

A collection that could not be read is None, never empty: "not seen" must not turn into "there is none".
"""

from dataclasses import dataclass, field


@dataclass
class Reference:
    """A security group named as the peer of a rule."""

    group: str
    peering: str | None = None
    status: str | None = None


@dataclass
class Rule:
    """One rule of a security group; `protocol` is "tcp", "-1" for all, or something that is not TCP."""

    protocol: str
    first: int
    last: int
    ranges: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    groups: list[Reference] = field(default_factory=list)


@dataclass
class Group:
    id: str
    name: str
    vpc: str
    inbound: list[Rule] = field(default_factory=list)
    outbound: list[Rule] = field(default_factory=list)


@dataclass
class Subnet:
    id: str
    vpc: str
    cidr: str
    zone: str
    name: str = ""


@dataclass
class AclEntry:
    """One entry of a network ACL; without a port range, `first` and `last` span all ports."""

    number: int
    outbound: bool
    protocol: str
    first: int
    last: int
    cidr: str
    allow: bool


@dataclass
class Acl:
    id: str
    vpc: str
    subnets: list[str]
    entries: list[AclEntry]


@dataclass
class Route:
    """`destination` is a range or a prefix list; `target` is the id of a gateway, or `local`."""

    destination: str
    target: str
    active: bool = True


@dataclass
class Table:
    id: str
    vpc: str
    main: bool
    subnets: list[str]
    routes: list[Route]


@dataclass
class Endpoint:
    """A VPC endpoint; `kind` is Gateway or Interface."""

    id: str
    vpc: str
    kind: str
    service: str
    state: str
    private_dns: bool = False
    inbound_resolver_only: bool = False
    tables: list[str] = field(default_factory=list)
    subnets: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    policy: str | None = None


@dataclass
class Vpc:
    """`dns_support` and `dns_hostnames` are None when not seen, and so are `resolvers` of the DHCP options."""

    id: str
    owner: str
    cidrs: list[str]
    default: bool
    dns_support: bool | None = None
    dns_hostnames: bool | None = None
    resolvers: list[str] | None = None
    public_access_block: str = "off"
    unjudged: list[str] = field(default_factory=list)


@dataclass
class PeeringSide:
    vpc: str
    owner: str
    region: str


@dataclass
class Peering:
    id: str
    status: str
    requester: PeeringSide
    accepter: PeeringSide


@dataclass
class Nat:
    """A NAT gateway; a regional one has a route table instead of a subnet."""

    id: str
    vpc: str
    state: str
    kind: str
    subnet: str | None = None
    table: str | None = None


@dataclass
class Interface:
    id: str
    address: str
    vpc: str
    subnet: str
    groups: list[str]
    public: bool = False
    owner: str = ""


@dataclass
class Source:
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


@dataclass
class Member:
    """An instance of a cluster."""

    id: str
    writer: bool
    zone: str | None
    state: str


@dataclass
class Database:
    """A cluster, an instance or a proxy. `names` maps each endpoint to writer, reader, any or one member's id."""

    id: str
    kind: str
    names: dict[str, str]
    state: str
    port: int
    groups: list[str]
    subnets: list[str] | None
    zone: str | None = None
    members: list[Member] | None = None
    public: bool = False


@dataclass
class Registration:
    """An instance of a Cloud Map service; `health` is None where it is not checked or not seen."""

    id: str
    address: str | None
    health: str | None = None


@dataclass
class Record:
    name: str
    kind: str
    values: list[str]


@dataclass
class Zone:
    """A hosted zone, or the one of a Cloud Map namespace; `vpcs` are those that a private one serves."""

    id: str
    name: str
    private: bool
    cloud_map: bool
    vpcs: list[str] | None
    records: list[Record] | None = None
    service: str | None = None
    services: list[str] | None = None
    registrations: list[Registration] | None = None


@dataclass
class Balancer:
    id: str
    name: str
    kind: str
    state: str
    vpc: str
    internal: bool
    subnets: list[str]
    groups: list[str]
    ports: list[int] | None = None
    targets: dict[str, str] | None = None


@dataclass
class Decision:
    """What IAM's simulation says about one action; `missing` are context keys that it could not know."""

    action: str
    resource: str
    answer: str
    missing: list[str] = field(default_factory=list)


@dataclass
class Key:
    id: str
    state: str
    manager: str
    policy: str | None = None
    policy_seen: bool = True


@dataclass
class Secret:
    id: str
    found: bool
    deleted: bool = False
    key: str | None = None
    policy: str | None = None
    policy_seen: bool = True


@dataclass
class Refusal:
    """A call that was not answered: the operation as IAM names it, and why."""

    operation: str
    why: str


@dataclass
class Asked:
    """What the user wants to reach; `kind` is host, secret or s3."""

    text: str
    kind: str
    host: str
    port: int
    secret: str | None = None
    bucket: str | None = None
    key: str | None = None


@dataclass
class Snapshot:
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


@dataclass
class Evidence:
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
