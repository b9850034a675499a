"""The judge: from a snapshot to evidence, without asking anybody anything."""

from explain.judge import path, rights, source, target
from explain.judge.walk import Trail, Walk, merge
from explain.model import Evidence, Snapshot


def explain(snapshot: Snapshot) -> list[Evidence]:
    """Returns the evidence of every hop that could be judged, in the order in which a request needs them."""
    walk, trail = Walk(snapshot), Trail()
    travelled: list[Evidence] = []
    if source.judge(walk, trail):
        destination = target.judge(walk, trail)
        if destination is not None:
            travelled = path.judge(walk, destination) + rights.endpoint_policies(walk, destination)
    rights.judge(walk, trail)
    return merge(trail.evidence + travelled, len(snapshot.source.subnets) if snapshot.source else 0)


def outcome(evidence: list[Evidence]) -> str:
    """Returns blocked if any hop blocks, unknown if none blocks but one was not seen, otherwise open."""
    verdicts = {each.verdict for each in evidence}
    return "blocked" if "blocks" in verdicts else "unknown" if "unseen" in verdicts or not evidence else "open"
