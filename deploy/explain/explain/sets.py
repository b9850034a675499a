"""Ranges of addresses and ports as sets: two /21 together cover a /20, though neither does."""

from collections.abc import Iterable
from ipaddress import IPv4Network, collapse_addresses

EVERYWHERE = IPv4Network("0.0.0.0/0")
ALL_PORTS = (0, 65535)

_NOT_PUBLIC = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
)

Ports = tuple[int, int]


def parse(texts: Iterable[str]) -> list[IPv4Network]:
    """Returns the IPv4 ranges among `texts`, joined where they touch."""
    return list(collapse_addresses(IPv4Network(text, strict=False) for text in texts if ":" not in text))


def split(network: IPv4Network, by: IPv4Network) -> tuple[IPv4Network | None, list[IPv4Network]]:
    """Returns the part of `network` inside `by`, and the parts outside."""
    if network.subnet_of(by):
        return network, []
    if by.subnet_of(network):
        return by, list(network.address_exclude(by))
    return None, [network]


def without(networks: Iterable[IPv4Network], others: Iterable[IPv4Network]) -> list[IPv4Network]:
    """Returns what is left of `networks` when all `others` are taken away."""
    left = list(networks)
    for other in others:
        left = [part for network in left for part in split(network, other)[1]]
    return left


def coverage(wanted: list[IPv4Network], by: list[IPv4Network]) -> str:
    """Returns whether the union of `by` covers "all", "part" or "none" of `wanted`."""
    left = list(collapse_addresses(without(wanted, by)))
    if not left:
        return "all"
    return "none" if left == list(collapse_addresses(wanted)) else "part"


PUBLIC = list(collapse_addresses(without([EVERYWHERE], parse(_NOT_PUBLIC))))
"""Where a public name may lead, if its address is not known."""


def is_public(network: IPv4Network) -> bool:
    """Returns whether all of `network` is public."""
    return coverage([network], PUBLIC) == "all"
