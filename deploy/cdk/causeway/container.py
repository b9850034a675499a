"""How every container of this system runs on Fargate: without a shell, a writable file system or root."""

from aws_cdk import Duration
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs

from causeway import contract
from causeway.keeping import log_group
from causeway.nag import acknowledge, acknowledge_image_pull
from causeway.settings import Stage


def add_container(
    task: ecs.FargateTaskDefinition,
    name: str,
    *,
    program: str,
    image: ecr_assets.DockerImageAsset,
    environment: dict[str, str],
    stage: Stage,
    secrets: dict[str, ecs.Secret] | None = None,
) -> logs.LogGroup:
    """Adds a container named `name` that runs `/app/<program>` of the image; returns its log."""
    log = log_group(task, "Logs", stage)
    task.add_container(
        name,
        container_name=name,
        image=ecs.ContainerImage.from_docker_image_asset(image),
        environment=environment,
        secrets=secrets or {},
        user=contract.UNPRIVILEGED_USER,
        readonly_root_filesystem=True,
        linux_parameters=_no_capabilities(task),
        stop_timeout=Duration.seconds(contract.STOP_TIMEOUT_SECONDS),
        port_mappings=[ecs.PortMapping(container_port=contract.PORT, name="http")],
        # Fargate ignores a Dockerfile's HEALTHCHECK, and there is no shell for CMD-SHELL: the program asks itself.
        health_check=ecs.HealthCheck(
            command=["CMD", f"/app/{program}", "health"],
            interval=Duration.seconds(10),
            timeout=Duration.seconds(3),
            retries=3,
            start_period=Duration.seconds(10),
        ),
        logging=ecs.LogDrivers.aws_logs(stream_prefix=program, log_group=log),
    )
    acknowledge(task, ECS2="these settings are no secrets: addresses, names and the ARN under which the secret lies")
    acknowledge_image_pull(task.obtain_execution_role())
    return log


def _no_capabilities(task: ecs.FargateTaskDefinition) -> ecs.LinuxParameters:
    parameters = ecs.LinuxParameters(task, "Linux")
    parameters.drop_capabilities(ecs.Capability.ALL)
    return parameters
