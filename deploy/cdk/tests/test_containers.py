"""What holds for every container on Fargate: private service, Express front door, books and authors."""

from typing import Any

from system import Resource, System

LONGEST_DRAIN = 25

PROGRAMS = {
    "privateservice": "private-service",
    "books": "private-service",
    "authors": "private-service",
    "Main": "frontend-api",
}


def _private_services(system: System) -> list[Resource]:
    return [each for each in system.of_type("AWS::ECS::Service") if each.stack.name != "BalancerFrontDoor"]


def _containers(system: System) -> list[tuple[Resource, dict[str, Any]]]:
    return [(task, task.properties["ContainerDefinitions"][0]) for task in system.of_type("AWS::ECS::TaskDefinition")]


def test_ecs_waits_longer_than_the_drain_takes(system: System):
    for task, container in _containers(system):
        assert LONGEST_DRAIN < container["StopTimeout"] <= 120, task.key


def test_health_is_asked_without_a_shell(system: System):
    for task, container in _containers(system):
        command = container["HealthCheck"]["Command"]
        assert command == ["CMD", f"/app/{PROGRAMS[container['Name']]}", "health"], task.key


def test_containers_can_write_nothing_gain_nothing_and_are_not_root(system: System):
    for task, container in _containers(system):
        assert container["ReadonlyRootFilesystem"] is True, task.key
        assert container["User"] == "65532:65532", task.key
        assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}, task.key
        assert "Privileged" not in container, task.key


def test_everything_on_fargate_runs_on_graviton(system: System):
    for task, _ in _containers(system):
        assert task.properties["RuntimePlatform"]["CpuArchitecture"] == "ARM64", task.key


def test_every_log_group_forgets_in_the_end_and_goes_with_its_stack(system: System):
    for group in system.of_type("AWS::Logs::LogGroup"):
        assert group.properties["RetentionInDays"] == 7, group.key
        assert group.body["DeletionPolicy"] == "Delete", group.key


def test_every_function_writes_to_a_declared_log_group(system: System):
    groups = {group.key for group in system.of_type("AWS::Logs::LogGroup")}
    for function in system.of_type("AWS::Lambda::Function"):
        named = function.properties["LoggingConfig"]["LogGroup"]
        assert system.target(function.stack, named) in groups, function.key


def test_the_function_that_rotates_the_password_writes_to_a_declared_log_group(on_aurora: System):
    rotation = on_aurora.only("AWS::SecretsManager::RotationSchedule")
    name = rotation.properties["HostedRotationLambda"]["RotationLambdaName"]
    assert f"/aws/lambda/{name}" in [
        group.properties.get("LogGroupName") for group in on_aurora.of_type("AWS::Logs::LogGroup")
    ]


def test_container_insights_finds_its_log_group_before_the_first_task_starts(system: System):
    [insights] = [each for each in system.of_type("AWS::Logs::LogGroup", "PrivateService") if "Insights" in each.id]

    assert "/aws/ecs/containerinsights/" in str(insights.properties["LogGroupName"])
    assert insights.id in system.only("AWS::ECS::Service", "PrivateService").body["DependsOn"]


def test_a_bucket_of_a_stage_to_try_things_in_empties_itself(system: System):
    emptied = {
        system.target(each.stack, each.properties["BucketName"])
        for each in system.of_type("Custom::S3AutoDeleteObjects")
    }

    assert emptied == {bucket.key for bucket in system.of_type("AWS::S3::Bucket")}


def test_the_first_task_runs_on_demand_and_most_others_on_spot(system: System):
    for service in _private_services(system):
        assert service.properties["CapacityProviderStrategy"] == [
            {"CapacityProvider": "FARGATE", "Base": 1, "Weight": 1},
            {"CapacityProvider": "FARGATE_SPOT", "Weight": 3},
        ]
        assert "LaunchType" not in service.properties


def test_a_deployment_that_does_not_get_healthy_is_rolled_back(system: System):
    for service in system.of_type("AWS::ECS::Service"):
        deployment = service.properties["DeploymentConfiguration"]
        assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
        assert deployment["MinimumHealthyPercent"] == 100


def test_services_have_no_public_address(system: System):
    for service in system.of_type("AWS::ECS::Service"):
        network = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["AssignPublicIp"] == "DISABLED"
        assert all("private" in str(subnet) for subnet in network["Subnets"])


def test_the_private_service_is_found_under_its_name(system: System):
    assert system.only("AWS::ServiceDiscovery::PrivateDnsNamespace").properties["Name"] == "apprunner.demo"
    service = system.only("AWS::ServiceDiscovery::Service").properties
    assert service["Name"] == "privateservice"
    assert service["DnsConfig"]["DnsRecords"] == [{"TTL": 10, "Type": "A"}]
    assert service["DnsConfig"]["RoutingPolicy"] == "MULTIVALUE"


def test_a_service_waits_for_the_capacity_providers_and_for_its_groups_rules(system: System):
    for service in system.of_type("AWS::ECS::Service", "PrivateService"):
        waited_for = {id[:-8] for id in service.body["DependsOn"]}
        assert "Cluster" in waited_for
        assert any("EndpointGroup" in id for id in service.body["DependsOn"])


def test_nobody_can_open_a_shell_in_a_task(system: System):
    """The image has none and its root is read-only: ECS Exec would be a permission for nothing."""
    for service in system.of_type("AWS::ECS::Service"):
        assert not service.properties.get("EnableExecuteCommand")


def test_tasks_are_spread_over_the_zones_again_when_they_are_not(system: System):
    for service in system.of_type("AWS::ECS::Service"):
        assert service.properties["AvailabilityZoneRebalancing"] == "ENABLED"


def test_a_private_service_of_a_stage_to_try_things_in_is_one_task_that_does_not_scale(system: System):
    for service in _private_services(system):
        assert service.properties["DesiredCount"] == 1
    scaled = {each.stack.name for each in system.of_type("AWS::ApplicationAutoScaling::ScalableTarget")}
    assert scaled <= {"BalancerFrontDoor"}


def test_production_runs_two_tasks_on_demand_and_scales_by_processor_and_requests(prod: System):
    services = prod.of_type("AWS::ECS::Service")
    targets = prod.of_type("AWS::ApplicationAutoScaling::ScalableTarget")
    metrics = [
        policy.properties["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]
        for policy in prod.of_type("AWS::ApplicationAutoScaling::ScalingPolicy")
    ]

    assert len(services) == len(targets) == 3
    for service in services:
        assert "DesiredCount" not in service.properties, "a deployment would undo the scaling"
        on_demand = service.properties["CapacityProviderStrategy"][0]
        assert (on_demand["CapacityProvider"], on_demand["Base"]) == ("FARGATE", 2)
    for target in targets:
        assert (target.properties["MinCapacity"], target.properties["MaxCapacity"]) == (2, 6)
    assert sorted(metric["PredefinedMetricType"] for metric in metrics) == [
        *["ALBRequestCountPerTarget"] * 2,
        *["ECSServiceAverageCPUUtilization"] * 3,
    ]
