"""What the judge's parts share: look-ups in the snapshot, and trails of evidence."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network

from explain.model import Acl, Evidence, Group, Peering, Snapshot, Source, Subnet, Table, Vpc

HOPS = (
    "source",
    "target",
    "dns",
    "security group, out",
    "route",
    "nacl, out",
    "nat gateway",
    "peering",
    "nacl, in",
    "route back",
    "nacl, reply out",
    "nacl, reply in",
    "security group, in",
    "endpoint policy",
    "secret",
    "role",
    "key",
    "bucket policy",
)
"""In the order in which a request needs them: the first that blocks is the first finding."""


@dataclass
class Place:
    """Where packets to the target arrive. Without an interface in sight, `groups` is None."""

    name: str
    networks: list[IPv4Network]
    vpc: str | None = None
    subnet: str | None = None
    groups: list[str] | None = None
    lists: list[str] = field(default_factory=list)
    gateway: str | None = None

    @property
    def is_public(self) -> bool:
        return self.vpc is None and self.gateway is None and all(not each.is_private for each in self.networks)


@dataclass
class Instead:
    """The finding that explains why traffic takes a public way which does not exist."""

    resource: str
    code: str
    seen: str


@dataclass
class Destination:
    """The target as packets see it. `uncertain`: it is in one of the places, and it is not known in which."""

    name: str
    port: int
    places: list[Place]
    uncertain: bool = False
    endpoint: str | None = None
    gateways: list[str] = field(default_factory=list)
    instead: Instead | None = None


class Walk:
    """Look-ups. Each returns None for what was not seen."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._unseen_source = Source(snapshot.origin, "unseen", "unseen")
        self._groups = {group.id: group for group in snapshot.groups or []}
        self._subnets = {subnet.id: subnet for subnet in snapshot.subnets or []}
        self._vpcs = {vpc.id: vpc for vpc in snapshot.vpcs or []}

    @property
    def source(self) -> Source:
        """Returns the source; one that was not seen has neither subnets nor groups."""
        return self.snapshot.source or self._unseen_source

    @property
    def source_vpc(self) -> str | None:
        return next((self._subnets[id].vpc for id in self.source.subnets if id in self._subnets), None)

    def group(self, id: str) -> Group | None:
        return self._groups.get(id)

    def subnet(self, id: str | None) -> Subnet | None:
        return self._subnets.get(id or "")

    def vpc(self, id: str | None) -> Vpc | None:
        return self._vpcs.get(id or "")

    def table(self, subnet: Subnet) -> Table | None:
        """Returns the table that the subnet is associated with, otherwise the main one of its VPC."""
        tables = [table for table in self.snapshot.tables or [] if table.vpc == subnet.vpc]
        explicit = [table for table in tables if subnet.id in table.subnets]
        return next(iter(explicit or [table for table in tables if table.main]), None)

    def internet_gateway(self, vpc: str) -> str | None:
        """Returns the VPC's internet gateway, if any of its tables leads to it."""
        targets = [route.target for table in self.snapshot.tables or [] if table.vpc == vpc for route in table.routes]
        return next((target for target in targets if target.startswith("igw-")), None)

    def acl(self, subnet: Subnet) -> Acl | None:
        return next((acl for acl in self.snapshot.acls or [] if subnet.id in acl.subnets), None)

    def peering(self, id: str) -> Peering | None:
        return next((each for each in self.snapshot.peerings or [] if each.id == id), None)

    def called(self, id: str) -> str:
        """Returns the id with the name that people know it by."""
        group, subnet = self._groups.get(id), self._subnets.get(id)
        name = group.name if group else subnet.name if subnet else self.snapshot.other_groups.get(id, "")
        return f"{id} ({name})" if name else id


def short(arn: str) -> str:
    """Returns the part of an ARN that people know a thing by."""
    return arn.split(":", 5)[-1] if arn.startswith("arn:") else arn


class Trail:
    """Evidence in the making, for one source subnet."""

    def __init__(self, subnet: str | None = None) -> None:
        self.subnet = subnet
        self.evidence: list[Evidence] = []

    def ok(self, hop: str, resource: str, seen: str) -> None:
        self.evidence.append(Evidence(hop, resource, seen, "ok", subnet=self.subnet))

    def unseen(self, hop: str, resource: str, seen: str, code: str | None = None) -> None:
        self.evidence.append(Evidence(hop, resource, seen, "unseen", code, subnet=self.subnet))

    def blocks(
        self,
        hop: str,
        resource: str,
        seen: str,
        code: str,
        rule: str | None = None,
        remedy: tuple[str | None, str | None] = (None, None),
    ) -> None:
        command, cdk = remedy
        self.evidence.append(Evidence(hop, resource, seen, "blocks", code, rule, command, cdk, subnet=self.subnet))

    @property
    def blocked(self) -> bool:
        return any(each.verdict == "blocks" for each in self.evidence)


def merge(evidence: list[Evidence], subnets: int) -> list[Evidence]:
    """Joins what was seen alike for several source subnets, and puts the hops in order.

    A block of some source subnets only says of how many. Resources that block for the same reason are one finding:
    the first stands for it, the rest are its `others`, and its command fixes them all.
    """
    merged: dict[tuple[str | None, ...], Evidence] = {}
    affected: dict[int, set[str | None]] = {}
    for each in evidence:
        apart = (each.code, each.rule) if each.verdict == "blocks" else (each.code, each.seen)
        first = merged.setdefault((each.hop, each.verdict, *apart), each)
        affected.setdefault(id(first), set()).add(each.subnet)
        if each.resource not in (first.resource, *first.others):
            first.others.append(each.resource)
            commands = [command for command in (first.command, each.command) if command]
            first.command = "\n".join(dict.fromkeys(commands)) or None
    for each in merged.values():
        count = len(affected[id(each)] - {None})
        if each.verdict != "ok" and 0 < count < subnets:
            each.seen += f" ({count} of {subnets} subnets)"
    return sorted(merged.values(), key=lambda each: HOPS.index(each.hop))
