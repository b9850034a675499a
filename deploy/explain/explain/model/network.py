"""What the network is made of."""

from dataclasses import field

from explain.model.seen import InVpc, Seen


class Reference(Seen):
    """A security group named as the peer of a rule."""

    group: str
    peering: str | None = None
    status: str | None = None


class Rule(Seen):
    """One rule of a security group; `protocol` is "tcp", "-1" for all, or something that is not TCP."""

    protocol: str
    first: int
    last: int
    ranges: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    groups: list[Reference] = field(default_factory=list)


class Group(InVpc):
    name: str
    inbound: list[Rule] = field(default_factory=list)
    outbound: list[Rule] = field(default_factory=list)


class Subnet(InVpc):
    cidr: str
    zone: str
    name: str = ""


class AclEntry(Seen):
    """One entry of a network ACL; without a port range, `first` and `last` span all ports."""

    number: int
    outbound: bool
    protocol: str
    first: int
    last: int
    cidr: str
    allow: bool


class Acl(InVpc):
    subnets: list[str]
    entries: list[AclEntry]


class Route(Seen):
    """`destination` is a range or a prefix list; `target` is the id of a gateway, or `local`."""

    destination: str
    target: str
    active: bool = True


class Table(InVpc):
    main: bool
    subnets: list[str]
    routes: list[Route]


class Endpoint(InVpc):
    """A VPC endpoint; `kind` is Gateway or Interface."""

    kind: str
    service: str
    state: str
    private_dns: bool = False
    inbound_resolver_only: bool = False
    tables: list[str] = field(default_factory=list)
    subnets: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    policy: str | None = None


class Vpc(Seen):
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


class PeeringSide(Seen):
    vpc: str
    owner: str
    region: str


class Peering(Seen):
    id: str
    status: str
    requester: PeeringSide
    accepter: PeeringSide


class Nat(InVpc):
    """A NAT gateway; a regional one has a route table instead of a subnet."""

    state: str
    kind: str
    subnet: str | None = None
    table: str | None = None


class Interface(InVpc):
    address: str
    subnet: str
    groups: list[str]
    public: bool = False
    owner: str = ""
