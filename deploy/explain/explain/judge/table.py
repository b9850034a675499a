"""A route table as a set: which route decides about which part of the wanted addresses."""

from dataclasses import dataclass
from ipaddress import IPv4Network

from explain.judge.walk import Walk
from explain.model import Route, Table
from explain.sets import parse, split


@dataclass
class Piece:
    """A part of the wanted addresses, and the route that decides about it."""

    networks: list[IPv4Network]
    route: Route | None


def pieces(walk: Walk, table: Table, networks: list[IPv4Network]) -> tuple[list[Piece], list[str]]:
    """Returns the addresses by the route that decides about each, and the prefix lists that were not seen.

    Routes of gateway endpoints are left out: their services are judged by the endpoint's own list of tables.
    """
    candidates: list[tuple[IPv4Network, Route]] = []
    unknown = []
    for route in table.routes:
        if not route.destination.startswith("pl-"):
            candidates += [(network, route) for network in parse([route.destination])]
        elif not route.target.startswith("vpce-"):
            entries = walk.snapshot.prefix_lists.get(route.destination)
            unknown += [route.destination] if entries is None else []
            candidates += [(network, route) for network in parse(entries or [])]
    candidates.sort(key=lambda each: -each[0].prefixlen)
    left, found = list(networks), []
    for network, route in candidates:
        cuts = [split(each, network) for each in left]
        inside = [part for part, _ in cuts if part is not None]
        left = [part for _, rest in cuts for part in rest]
        if inside:
            found.append(Piece(inside, route))
    return found + ([Piece(left, None)] if left else []), unknown
