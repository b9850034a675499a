"""Brings a stack that stopped half-way back to a state from which a deployment can start."""

from collections.abc import Iterator

from causeway.settings import Settings
from operations.aws import Aws, Refused
from operations.stacks import STACKS, first_creation_failed, stack_name, status_of


def run(settings: Settings, aws: Aws) -> Iterator[str]:
    """Yields what was done. Stacks that are well are left alone."""
    for stack in reversed(STACKS):
        name = stack_name(settings, stack)
        status = status_of(aws, name)
        if status is None:
            continue
        if first_creation_failed(status):
            yield from _remove(settings, aws, stack, status)
        elif status in ("UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED"):
            yield from _take_back(aws, name, status)
        elif status.endswith("_IN_PROGRESS"):
            raise Refused(f"{name} is {status}: wait until it ends, then run make rollback again")


def _take_back(aws: Aws, name: str, status: str) -> Iterator[str]:
    cloudformation = aws.client("cloudformation")
    if status == "UPDATE_FAILED":
        cloudformation.rollback_stack(StackName=name)
    else:
        cloudformation.continue_update_rollback(StackName=name)
    yield f"{name}: {status}, the roll-back continues; make status shows when it ends"


def _remove(settings: Settings, aws: Aws, stack: str, status: str) -> Iterator[str]:
    """Deletes what a failed first creation left. Nothing was ever stored in it, so its protection may go."""
    name = stack_name(settings, stack)
    cloudformation = aws.client("cloudformation")
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    if stack == "Data":
        _unprotect_database(settings, aws)
    cloudformation.delete_stack(StackName=name)
    yield f"{name}: {status}, being deleted; make status shows when it is gone, then deploy again"


def _unprotect_database(settings: Settings, aws: Aws) -> None:
    rds = aws.client("rds")
    identifier = f"causeway-{settings.stage.name}"
    clusters = rds.describe_db_clusters(Filters=[{"Name": "db-cluster-id", "Values": [identifier]}])["DBClusters"]
    for cluster in clusters:
        if cluster.get("DeletionProtection"):
            rds.modify_db_cluster(DBClusterIdentifier=identifier, DeletionProtection=False, ApplyImmediately=True)
