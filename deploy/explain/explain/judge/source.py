"""Is there a source, does it run, and does it call through the VPC?"""

from explain import remedy
from explain.judge.walk import Trail, Walk


def judge(walk: Walk, trail: Trail) -> bool:
    """Judges the source; returns whether there is one. Of an unseen one the target can still be judged."""
    snapshot = walk.snapshot
    if snapshot.source_missing:
        trail.blocks(
            "source",
            snapshot.origin,
            f"does not exist in account {snapshot.account or 'of these credentials'} and region {snapshot.region}",
            "NO_SOURCE_OR_DESTINATION",
            remedy=remedy.source_missing(),
        )
        return False
    source = walk.source
    if snapshot.source is None:
        trail.unseen("source", source.name, "the source was not seen")
        return True
    if not source.usable:
        fix = remedy.source_state(source)
        trail.blocks("source", source.name, f"its status is {source.state}", "BAD_STATE", f"status {source.state}", fix)
    if not source.in_vpc:
        return True
    if not source.subnets:
        _without_subnets(walk, trail)
    elif source.usable:
        groups = ", ".join(walk.called(group) for group in source.groups)
        trail.ok("source", source.name, f"calls from {', '.join(source.subnets)} with {groups}")
    if source.subnets and (snapshot.subnets is None or walk.source_vpc is None):
        trail.unseen("source", source.name, "its subnets were not seen, so neither was its VPC")
    return True


def _without_subnets(walk: Walk, trail: Trail) -> None:
    source = walk.source
    if source.kind == "express":
        trail.unseen("source", source.name, "the service names no subnets: ECS puts its tasks into the default VPC")
    else:
        trail.unseen(
            "source", source.name, f"{source.kind}: its tasks have no separate interfaces, which is not judged"
        )
