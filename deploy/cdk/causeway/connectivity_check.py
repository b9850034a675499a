"""The doctor for any CDK app: checks connections from the network of a service, and fails the deployment if one fails.

Copy this file and `functions/front_door` to use it elsewhere; it needs nothing else of Causeway.
docs/doctor-anywhere.md has an example.
"""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

SOURCE = Path(__file__).parent.parent / "functions" / "front_door"
CONTAINER = "doctor"
LONGEST = Duration.minutes(15)
"""The most that Lambda allows; the function answers before it."""


class ConnectivityCheck(Construct):
    """Runs the doctor's image once as a Fargate task, with the subnets, groups and role that are given.

    Let it depend on what it checks: `check.node.add_dependency(service)`. It runs again when one of its values
    changes; `revision` is a value for that alone. It creates no network and no rule: the task needs the same way to
    the registry and to CloudWatch Logs as any other task.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: ecs.ICluster,
        subnets: ec2.SubnetSelection,
        security_groups: Sequence[ec2.ISecurityGroup],
        image: ecs.ContainerImage,
        targets: Sequence[str] = (),
        postgres_secret: secretsmanager.ISecret | None = None,
        bucket: str | None = None,
        task_role: iam.IRole | None = None,
        cpu_architecture: ecs.CpuArchitecture | None = None,
        wait_seconds: int = 60,
        assign_public_ip: bool = False,
        revision: str = "",
    ) -> None:
        super().__init__(scope, id)
        if not targets and postgres_secret is None and bucket is None:
            raise ValueError(f"{id}: give targets, postgres_secret or bucket")
        options = [
            *(part for target in targets for part in ("--target", target)),
            *(("--postgres-secret", postgres_secret.secret_arn) if postgres_secret else ()),
            *(("--s3", bucket) if bucket else ()),
        ]
        log = _log(self, "Logs")
        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=256,
            memory_limit_mib=512,
            task_role=task_role,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=cpu_architecture or ecs.CpuArchitecture.X86_64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        task.add_container(
            CONTAINER,
            image=image,
            command=["--json", "--wait", str(wait_seconds), *options],
            environment={"AWS_REGION": Stack.of(self).region},
            readonly_root_filesystem=True,
            logging=ecs.LogDrivers.aws_logs(stream_prefix=CONTAINER, log_group=log),
        )
        if postgres_secret is not None:
            postgres_secret.grant_read(task.task_role)
        self.function = self._function(cluster, task, log)
        self.node.default_child = CustomResource(
            self,
            "Check",
            resource_type="Custom::ConnectivityCheck",
            service_token=self.function.function_arn,
            service_timeout=LONGEST,
            properties={
                "Cluster": cluster.cluster_name,
                "TaskDefinition": task.task_definition_arn,
                "Subnets": cluster.vpc.select_subnets(
                    subnet_group_name=subnets.subnet_group_name,
                    subnet_type=subnets.subnet_type,
                    subnets=subnets.subnets,
                ).subnet_ids,
                "SecurityGroups": [group.security_group_id for group in security_groups],
                "AssignPublicIp": "ENABLED" if assign_public_ip else "DISABLED",
                "LogGroup": log.log_group_name,
                "Revision": revision,
            },
        )

    def _function(self, cluster: ecs.ICluster, task: ecs.FargateTaskDefinition, log: logs.LogGroup) -> lambda_.Function:
        """The function that runs the task and reads its report."""
        stack = Stack.of(self)
        own_log = _log(self, "FunctionLogs")
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        own_log.grant_write(role)
        in_cluster = {"ArnEquals": {"ecs:cluster": cluster.cluster_arn}}
        tasks = stack.format_arn(service="ecs", resource="task", resource_name=f"{cluster.cluster_name}/*")
        for actions, resources, conditions in (
            (["ecs:RunTask"], [task.task_definition_arn], in_cluster),
            (["ecs:DescribeTasks", "ecs:StopTask"], [tasks], in_cluster),
            (
                ["iam:PassRole"],
                [task.task_role.role_arn, task.obtain_execution_role().role_arn],
                {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            ),
            (["logs:GetLogEvents"], [log.log_group_arn], None),
            (["cloudformation:DescribeStacks"], [stack.stack_id], None),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions))
        function = lambda_.Function(
            self,
            "Function",
            role=role,
            description="Runs the doctor once in the network of a service",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler="connectivity_check.handler",
            code=lambda_.Code.from_asset(str(SOURCE), exclude=["__pycache__"]),
            timeout=LONGEST,
            log_group=own_log,
        )
        function.node.add_dependency(role)
        return function


def _log(scope: Construct, id: str) -> logs.LogGroup:
    return logs.LogGroup(scope, id, retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY)
