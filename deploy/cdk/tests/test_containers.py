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


def test_private_services_run_on_graviton_and_the_front_door_on_what_app_runner_has(system: System):
    for task, container in _containers(system):
        expected = "X86_64" if container["Name"] == "Main" else "ARM64"
        assert task.properties["RuntimePlatform"]["CpuArchitecture"] == expected, task.key


def test_every_log_group_forgets_in_the_end(system: System):
    for group in system.of_type("AWS::Logs::LogGroup"):
        assert group.properties["RetentionInDays"] == 7, group.key


def test_both_front_doors_run_the_very_same_image(system: System):
    images = {container["Image"]["Fn::Sub"] for _, container in _containers(system) if container["Name"] == "Main"} | {
        service.properties["SourceConfiguration"]["ImageRepository"]["ImageIdentifier"]["Fn::Sub"]
        for service in system.of_type("AWS::AppRunner::Service")
    }

    assert len(images) == 1


def test_the_first_task_runs_on_demand_and_most_others_on_spot(system: System):
    for service in system.of_type("AWS::ECS::Service"):
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


def test_a_stage_to_try_things_in_runs_one_task_and_does_not_scale(system: System):
    for service in system.of_type("AWS::ECS::Service"):
        assert service.properties["DesiredCount"] == 1
    assert not system.of_type("AWS::ApplicationAutoScaling::ScalableTarget")


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
