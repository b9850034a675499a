"""What a connection could begin at, for a command line without `--from`."""

from explain.aws import Aws, Missing, Unseen

CLUSTERS = 10
"""How many clusters are asked for their services."""


def find(aws: Aws) -> tuple[list[str], bool]:
    """Returns the ARNs of all services of App Runner and ECS, and whether all of them were seen."""
    found: list[str] = []
    services = aws.seen("apprunner", "ListServices", "ServiceSummaryList")
    complete = services is not None
    found += [each["ServiceArn"] for each in services or [] if each.get("Status") not in ("DELETED", "CREATE_FAILED")]
    clusters = aws.seen("ecs", "ListClusters", "clusterArns")
    complete &= clusters is not None and len(clusters) <= CLUSTERS
    for cluster in (clusters or [])[:CLUSTERS]:
        try:
            arns = aws.all("ecs", "ListServices", "serviceArns", cluster=cluster)
        except (Unseen, Missing):
            complete = False
            continue
        found += [_with_cluster(arn, cluster) for arn in arns]
    return sorted(found), complete


def _with_cluster(arn: str, cluster: str) -> str:
    """Services that are older than 2018 have ARNs without their cluster, which `--from` needs."""
    head, _, name = arn.partition(":service/")
    return arn if "/" in name else f"{head}:service/{cluster.rsplit('/', 1)[-1]}/{name}"
