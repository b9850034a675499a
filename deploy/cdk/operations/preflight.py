"""What must be there before a deployment begins. Every finding comes with the command that helps."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError

from causeway.settings import Settings
from operations.aws import Aws, Refused, code, explained
from operations.stacks import STACKS, first_creation_failed, stack_name, status_of

BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
OLDEST_BOOTSTRAP = 21
NAMESPACE = "apprunner.demo"
ECS_ROLE = "AWSServiceRoleForECS"
ZONES_WITHOUT_VPC_LINK = {"use1-az3"}


def run(settings: Settings, aws: Aws, approval: str) -> Iterator[str]:
    """Yields what stands in the way of a deployment, local things first; yields nothing if all is well."""
    yield from _terminal(approval)
    yield from _engine()
    try:
        with explained():
            yield from _identity(settings, aws)
            for check in CHECKS:
                yield from check(settings, aws)
    except Refused as refused:
        yield str(refused)


def _terminal(approval: str) -> Iterator[str]:
    if approval != "never" and not sys.stdin.isatty():
        yield (
            f"approval={approval} asks before it widens permissions, but no terminal is there to answer:"
            " review make diff, then use APPROVAL=never"
        )


def _engine() -> Iterator[str]:
    if shutil.which("docker") is None:
        yield "docker is not installed, and it builds the images: install Docker with buildx"
    elif subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False).returncode:
        yield "docker does not answer: start it (systemctl start docker), or join its group"
    elif subprocess.run(["docker", "buildx", "version"], capture_output=True, timeout=30, check=False).returncode:
        yield "docker has no buildx, which builds for the other architecture: install docker-buildx-plugin"


def _identity(settings: Settings, aws: Aws) -> Iterator[str]:
    if settings.region and settings.region != aws.region:
        yield f"region={settings.region}, but the session's is {aws.region}: export AWS_REGION={settings.region}"
    account = aws.account()
    if settings.account and settings.account != account:
        yield f"account={settings.account}, but the credentials are of {account}: export AWS_PROFILE=… of the other"


def _bootstrap(settings: Settings, aws: Aws) -> Iterator[str]:
    ssm = aws.client("ssm")
    try:
        version = int(ssm.get_parameter(Name=BOOTSTRAP_PARAMETER)["Parameter"]["Value"])
    except ClientError as error:
        if code(error) != "ParameterNotFound":
            raise
        yield f"this account and region ({aws.region}) are not bootstrapped for the CDK: run make bootstrap"
        return
    if version < OLDEST_BOOTSTRAP:
        yield f"the bootstrap stack has version {version}, older than {OLDEST_BOOTSTRAP}: run make bootstrap"


def _ecs_role(settings: Settings, aws: Aws) -> Iterator[str]:
    """A fresh account's first cluster often fails because ECS makes this role at the same time."""
    try:
        aws.client("iam").get_role(RoleName=ECS_ROLE)
    except ClientError as error:
        if code(error) != "NoSuchEntity":
            raise
        yield f"the role {ECS_ROLE} is not there, so that the first cluster may fail: run make bootstrap"


def _zones(settings: Settings, aws: Aws) -> Iterator[str]:
    """The CDK takes the first two zones by letter; which zones those are differs between older accounts."""
    zones = aws.client("ec2").describe_availability_zones(
        Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}]
    )["AvailabilityZones"]
    ids = [zone["ZoneId"] for zone in sorted(zones, key=lambda zone: str(zone["ZoneName"]))]
    for zone_id in settings.zone_ids or ():
        if zone_id not in ids:
            yield f"zone_ids={','.join(settings.zone_ids or ())}: {aws.region} has {', '.join(sorted(ids))}"
    unfit = set(settings.zone_ids or ids[:2]) & ZONES_WITHOUT_VPC_LINK
    if settings.catalogue and unfit:
        fit = [zone_id for zone_id in ids if zone_id not in ZONES_WITHOUT_VPC_LINK][:2]
        yield f"a VPC link cannot use {', '.join(unfit)}: use ZONE_IDS={','.join(fit)} (this replaces subnets)"


def _half_made_stacks(settings: Settings, aws: Aws) -> Iterator[str]:
    for name in STACKS:
        status = status_of(aws, stack_name(settings, name))
        if status is not None and first_creation_failed(status):
            yield f"{stack_name(settings, name)} is {status} after a failed first deployment: run make rollback"
        elif status is not None and (status.endswith("_IN_PROGRESS") or status == "UPDATE_ROLLBACK_FAILED"):
            advice = "wait for it" if status.endswith("_IN_PROGRESS") else "run make rollback"
            yield f"{stack_name(settings, name)} is {status}: {advice}"


def _names_taken(settings: Settings, aws: Aws) -> Iterator[str]:
    """A stage that keeps its data leaves these behind when it is destroyed, and their names are fixed."""
    stage = settings.stage.name
    for stack, group in (
        ("Data", f"/aws/rds/cluster/causeway-{stage}/postgresql"),
        ("Edge", f"aws-waf-logs-causeway-{stage}"),
    ):
        if status_of(aws, stack_name(settings, stack)) is None:
            found = aws.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
            if any(each["logGroupName"] == group for each in found):
                command = f"aws logs delete-log-group --log-group-name {group}"
                yield f"an earlier deployment left a log group whose name this one needs: {command}"


def _namespace(settings: Settings, aws: Aws) -> Iterator[str]:
    """Each stage makes a private zone of the same name, and a VPC can have one of them."""
    if settings.vpc_id is None or status_of(aws, stack_name(settings, "PrivateService")) is not None:
        return
    zones = aws.client("route53").list_hosted_zones_by_vpc(VPCId=settings.vpc_id, VPCRegion=aws.region)
    if any(zone["Name"] == f"{NAMESPACE}." for zone in zones["HostedZoneSummaries"]):
        advice = "use another VPC, or leave out vpc_id"
        yield f"{settings.vpc_id} has the private zone {NAMESPACE} of another stage: {advice}"


CHECKS: tuple[Callable[[Settings, Aws], Iterator[str]], ...] = (
    _bootstrap,
    _ecs_role,
    _zones,
    _namespace,
    _half_made_stacks,
    _names_taken,
)
