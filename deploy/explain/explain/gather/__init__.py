"""Reads what the judge needs: the source, the target by its name, the network of both, the rights."""

from contextlib import suppress

from explain.arguments import Origin
from explain.aws import Aws, Missing, Unseen
from explain.gather import network, rights, source, target
from explain.model import Asked, Snapshot

WIDTH = 8
"""Calls at one time."""


def gather(aws: Aws, asked: Asked, origin: Origin, role: str | None) -> Snapshot:
    """Returns a snapshot of everything on the way from `origin` to `asked`."""
    snapshot = Snapshot(asked, aws.region, origin.text)
    aws.prepare("sts", "ec2")
    with suppress(Unseen, Missing):
        snapshot.account = aws.ask("sts", "GetCallerIdentity")["Account"]
    try:
        snapshot.source = source.find(aws, origin, wants_role=asked.kind != "host" and not role)
    except Missing:
        snapshot.source_missing = True
    except Unseen:
        pass
    vpcs = network.source_vpcs(aws, snapshot.source)
    snapshot.peerings = network.peerings(aws)
    vpcs |= target.find(aws, snapshot, vpcs)
    network.read(aws, snapshot, sorted(vpcs), WIDTH)
    rights.read(aws, snapshot, role)
    snapshot.refusals = sorted(aws.refusals, key=lambda refusal: refusal.operation)
    return snapshot
