"""All topologies, by their kind."""

from topologies import broken_network, broken_rights, broken_things, sound, unseen
from topologies.kinds import BROKEN, SOUND, UNSEEN, Topology, database

__all__ = [
    "BROKEN",
    "SOUND",
    "UNSEEN",
    "Topology",
    "broken_network",
    "broken_rights",
    "broken_things",
    "database",
    "sound",
    "unseen",
]
