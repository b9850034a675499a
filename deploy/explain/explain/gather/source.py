"""Where the connection begins: its subnets, security groups and role."""

from contextlib import suppress
from typing import Any

from explain.arguments import Origin
from explain.aws import Aws, Missing, Unseen
from explain.model import Source

_NOT_RUNNING = {"CREATE_FAILED", "DELETED", "DELETE_FAILED", "PAUSED", "INACTIVE"}


def find(aws: Aws, origin: Origin, wants_role: bool) -> Source:
    """Returns the source. Raises Missing if there is none, Unseen if it may not be seen."""
    if origin.kind == "apprunner":
        return _app_runner(aws, origin.text)
    if origin.kind == "connector":
        return _connector(aws, origin.text)
    if origin.kind == "ecs":
        return _ecs(aws, origin.text, wants_role)
    if origin.kind == "interface":
        return _interface(aws, origin.text)
    return Source(origin.text, "parts", "as given", subnets=origin.subnets, groups=origin.groups, public_ip=None)


def _app_runner(aws: Aws, text: str) -> Source:
    arn = text if text.startswith("arn:") else _arn_of(aws, text)
    found = _app_runner_service(aws, arn)
    found.arn = arn
    return found


def _app_runner_service(aws: Aws, arn: str) -> Source:
    service = aws.ask("apprunner", "DescribeService", ServiceArn=arn)["Service"]
    egress = service["NetworkConfiguration"].get("EgressConfiguration") or {}
    role = service.get("InstanceConfiguration", {}).get("InstanceRoleArn")
    name, state = service["ServiceName"], service["Status"]
    if egress.get("EgressType") == "VPC":
        found = _connector(aws, egress["VpcConnectorArn"])
        if not found.usable:
            found.name, found.role = f"{name} (connector {found.name})", role
            return found
        found.name, found.state, found.usable, found.role = name, state, state not in _NOT_RUNNING, role
        found.kind = "apprunner"
        return found
    return Source(name, "apprunner", state, state not in _NOT_RUNNING, in_vpc=False, role=role)


def _arn_of(aws: Aws, name: str) -> str:
    services = aws.all("apprunner", "ListServices", "ServiceSummaryList")
    for service in services:
        if service["ServiceName"] == name:
            return str(service["ServiceArn"])
    raise Missing(name)


def _connector(aws: Aws, arn: str) -> Source:
    connector = aws.ask("apprunner", "DescribeVpcConnector", VpcConnectorArn=arn)["VpcConnector"]
    state = connector["Status"]
    return Source(
        connector["VpcConnectorName"],
        "connector",
        state,
        state not in _NOT_RUNNING,
        subnets=connector["Subnets"],
        groups=connector["SecurityGroups"],
    )


def _ecs(aws: Aws, arn: str, wants_role: bool) -> Source:
    cluster = arn.split("/")[1]
    answer = aws.ask("ecs", "DescribeServices", cluster=cluster, services=[arn])
    if not answer["services"]:
        raise Missing(arn)
    service = answer["services"][0]
    # ECS means that Express manages it.
    if service.get("resourceManagementType") == "ECS":
        return _express(aws, arn, service)
    state = service["status"]
    found = Source(service["serviceName"], "ecs", state, state not in _NOT_RUNNING)
    network = service.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if network is None:
        # Bridge and host mode: tasks call from the interface of a container instance.
        found.kind = "ecs without awsvpc"
    else:
        found.subnets, found.groups = network["subnets"], network.get("securityGroups") or []
        found.public_ip = network.get("assignPublicIp") == "ENABLED"
    if wants_role:
        with suppress(Unseen, Missing):
            found.role = _task_role(aws, service)
    return found


def _task_role(aws: Aws, service: dict[str, Any]) -> str | None:
    task = aws.ask("ecs", "DescribeTaskDefinition", taskDefinition=service["taskDefinition"])["taskDefinition"]
    role = task.get("taskRoleArn")
    return str(role) if role else None


def _express(aws: Aws, arn: str, service: dict[str, Any]) -> Source:
    express = aws.ask("ecs", "DescribeExpressGatewayService", serviceArn=arn)["service"]
    state = express["status"]["statusCode"]
    active = express.get("activeConfigurations") or [{}]
    network = active[0].get("networkConfiguration") or {}
    return Source(
        service["serviceName"],
        "express",
        state,
        state not in _NOT_RUNNING,
        subnets=network.get("subnets") or [],
        groups=network.get("securityGroups") or [],
        # AWS does not promise its tasks a public address.
        public_ip=None,
        role=active[0].get("taskRoleArn"),
        arn=arn,
    )


def _interface(aws: Aws, id: str) -> Source:
    found = aws.all("ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", NetworkInterfaceIds=[id])
    if not found:
        raise Missing(id)
    interface = found[0]
    return Source(
        id,
        "interface",
        interface["Status"],
        # One that is attached to nothing is judged as if it were.
        subnets=[interface["SubnetId"]],
        groups=[group["GroupId"] for group in interface["Groups"]],
        public_ip=bool(interface.get("Association", {}).get("PublicIp")),
        address=interface["PrivateIpAddress"],
    )
