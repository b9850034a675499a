"""Security groups without rules: the side that calls adds both rules of a connection."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

NOBODY = "127.0.0.1/32"
"""AWS's own idiom. A group without an outgoing rule inside it is given one to everywhere, and rules that name another
group stand outside it, as separate resources."""


def closed_group(scope: Construct, id: str, vpc: ec2.IVpc, description: str) -> ec2.SecurityGroup:
    """Rules are added with `connections.allow_to(another group, port)`, by the side that calls."""
    group = ec2.SecurityGroup(scope, id, vpc=vpc, description=description, allow_all_outbound=False)
    group.add_egress_rule(ec2.Peer.ipv4(NOBODY), ec2.Port.all_traffic(), "Nobody, instead of everybody by default")
    return group
