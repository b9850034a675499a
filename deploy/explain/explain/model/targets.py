"""What can be reached, and the names by which it is found."""

from explain.model.seen import InVpc, Seen


class Member(Seen):
    """An instance of a cluster."""

    id: str
    writer: bool
    zone: str | None
    state: str


class Database(Seen):
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
    key: str | None = None


class Registration(Seen):
    """An instance of a Cloud Map service; `health` is None where it is not checked or not seen."""

    id: str
    address: str | None
    health: str | None = None


class Record(Seen):
    name: str
    kind: str
    values: list[str]


class Zone(Seen):
    """A hosted zone, or the one of a Cloud Map namespace; `vpcs` are those that a private one serves."""

    id: str
    name: str
    private: bool
    cloud_map: bool
    vpcs: list[str] | None
    records: list[Record] | None = None
    service: str | None = None
    service_id: str | None = None
    services: list[str] | None = None
    registrations: list[Registration] | None = None


class Balancer(InVpc):
    name: str
    kind: str
    state: str
    internal: bool
    subnets: list[str]
    groups: list[str]
    ports: list[int] | None = None
    targets: dict[str, str] | None = None
