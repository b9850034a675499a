"""Is there a source, does it run, and does it call through the VPC?"""

from explain import remedy
from explain.judge.walk import Trail, Walk


def judge(walk: Walk, trail: Trail) -> bool:
    """Judges the source; returns whether there is anything to say about a path from it."""
    snapshot = walk.snapshot
    if snapshot.source_missing:
        trail.blocks(
            "source",
            snapshot.origin,
            "does not exist in this account and region",
            "NO_SOURCE_OR_DESTINATION",
            remedy=remedy.source_missing(),
        )
        return False
    source = snapshot.source
    if source is None:
        trail.unseen("source", snapshot.origin, "the source was not seen")
        return False
    if not source.usable:
        trail.blocks(
            "source",
            source.name,
            f"its status is {source.state}",
            "BAD_STATE",
            f"status {source.state}",
            remedy.source_state(source),
        )
    if not source.in_vpc:
        return True
    if not source.subnets:
        _without_subnets(walk, trail)
        return False
    subnets = ", ".join(source.subnets)
    groups = ", ".join(walk.called(group) for group in source.groups)
    if source.usable:
        trail.ok("source", source.name, f"calls from {subnets} with {groups}")
    if snapshot.subnets is None or walk.source_vpc is None:
        trail.unseen("source", source.name, "its subnets were not seen, so neither was its VPC")
        return False
    return True


def _without_subnets(walk: Walk, trail: Trail) -> None:
    source = walk.source
    if source.kind == "express":
        trail.unseen("source", source.name, "the service names no subnets: ECS puts its tasks into the default VPC")
    else:
        trail.unseen(
            "source", source.name, f"{source.kind}: its tasks have no interfaces of their own, which is not judged"
        )
