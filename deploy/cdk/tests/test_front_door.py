"""The public API on App Runner and on Express: reachable, healthy, protected, and able to read what it needs."""

import pytest

from system import COMBINATIONS, Resource, System

SYSTEM_A_OUTPUTS = {"ServiceUrl", "VpcId", "PrivateSubnets", "SecurityGroup"}


WITH_APP_RUNNER = [combination for combination in COMBINATIONS if "app-runner" in combination.front_door]
WITH_EXPRESS = [combination for combination in COMBINATIONS if "express" in combination.front_door]


@pytest.fixture(params=WITH_APP_RUNNER, ids=str)
def with_app_runner(request: pytest.FixtureRequest, synthesised) -> System:
    return synthesised(request.param)


@pytest.fixture
def app_runner(with_app_runner: System) -> Resource:
    return with_app_runner.only("AWS::AppRunner::Service")


@pytest.fixture(params=WITH_EXPRESS, ids=str)
def with_express(request: pytest.FixtureRequest, synthesised) -> System:
    return synthesised(request.param)


@pytest.fixture
def express(with_express: System) -> Resource:
    return with_express.only("AWS::ECS::ExpressGatewayService")


def test_exactly_the_chosen_front_doors_are_there(system: System):
    doors = {"AppRunnerFrontDoor": "app-runner", "BalancerFrontDoor": "balancer", "ExpressFrontDoor": "express"}

    assert {doors[name] for name in system.stacks if name in doors} == set(system.combination.front_door.split("+"))


def test_each_front_door_has_the_outputs_of_system_a_and_the_doctors_url(system: System):
    for name, stack in system.stacks.items():
        if name.endswith("FrontDoor"):
            own = {output for output, body in stack.outputs.items() if "Export" not in body}
            assert own == SYSTEM_A_OUTPUTS | {"DoctorUrl", "AdminTokenSecret"}
            url = stack.outputs["DoctorUrl"]["Value"]
            assert (url if isinstance(url, str) else url["Fn::Join"][1][-1]).endswith("/test-connection")


def test_app_runner_sends_all_outgoing_traffic_through_the_connector(with_app_runner: System, app_runner: Resource):
    connector = with_app_runner.only("AWS::AppRunner::VpcConnector")
    egress = app_runner.properties["NetworkConfiguration"]["EgressConfiguration"]

    assert egress["EgressType"] == "VPC"
    assert egress["VpcConnectorArn"] == {"Fn::GetAtt": [connector.id, "VpcConnectorArn"]}
    assert len(connector.properties["Subnets"]) == 2
    assert all("private" in str(subnet) for subnet in connector.properties["Subnets"])


def test_app_runner_checks_health_over_http(app_runner: Resource):
    health = app_runner.properties["HealthCheckConfiguration"]

    assert (health["Protocol"], health["Path"]) == ("HTTP", "/health")


def test_app_runner_scales_between_one_instance_and_the_budgets_maximum(with_app_runner: System, app_runner: Resource):
    scaling = with_app_runner.only("AWS::AppRunner::AutoScalingConfiguration")

    assert scaling.properties["MinSize"] == 1
    assert scaling.properties["MaxSize"] == 2
    assert with_app_runner.target(app_runner.stack, app_runner.properties["AutoScalingConfigurationArn"]) == scaling.key


def test_app_runner_passes_traces_to_x_ray(with_app_runner: System, app_runner: Resource):
    configuration = with_app_runner.only("AWS::AppRunner::ObservabilityConfiguration")

    assert configuration.properties["TraceConfiguration"] == {"Vendor": "AWSXRAY"}
    assert app_runner.properties["ObservabilityConfiguration"]["ObservabilityEnabled"] is True


def test_app_runner_does_not_start_before_its_roles_may_do_anything(app_runner: Resource):
    waited_for = {id[:-8] for id in app_runner.body["DependsOn"]}

    assert {"AccessRoleDefaultPolicy", "ApplicationRoleDefaultPolicy"} <= waited_for


def test_app_runners_roles_are_taken_on_by_app_runner_only(with_app_runner: System, app_runner: Resource):
    principals = {
        role.id[:-8]: role.properties["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
        for role in with_app_runner.of_type("AWS::IAM::Role", "AppRunnerFrontDoor")
    }

    of_dsql = {"DatabaseUserRole": {"Service": "lambda.amazonaws.com"}} if with_app_runner.combination.is_dsql else {}
    assert principals == of_dsql | {
        "AccessRole": {"Service": "build.apprunner.amazonaws.com"},
        "ApplicationRole": {"Service": "tasks.apprunner.amazonaws.com"},
        "DoctorGateRole": {"Service": "lambda.amazonaws.com"},
        "KeptLogsRole": {"Service": "lambda.amazonaws.com"},
    }


def test_express_is_internet_facing_because_its_subnets_are_public(express: Resource):
    network = express.properties["NetworkConfiguration"]

    assert len(network["Subnets"]) == 2
    assert all("public" in str(subnet) for subnet in network["Subnets"])
    assert len(network["SecurityGroups"]) == 1


def test_express_runs_the_task_definition_and_nothing_that_would_contradict_it(express: Resource):
    assert "TaskDefinitionArn" in express.properties
    assert not {"PrimaryContainer", "Cpu", "Memory", "TaskRoleArn", "ExecutionRoleArn"} & set(express.properties)


def test_expresss_container_is_called_main_and_has_one_named_port(with_express: System, express: Resource):
    [container] = with_express.only("AWS::ECS::TaskDefinition", "ExpressFrontDoor").properties["ContainerDefinitions"]

    assert container["Name"] == "Main"
    assert container["PortMappings"] == [{"ContainerPort": 8080, "Name": "http", "Protocol": "tcp"}]
    assert express.properties["HealthCheckPath"] == "/health"


def test_express_scales_between_one_task_and_the_budgets_maximum(express: Resource):
    scaling = express.properties["ScalingTarget"]

    assert (scaling["MinTaskCount"], scaling["MaxTaskCount"]) == (1, 2)


def test_express_does_not_start_before_its_roles_may_do_anything(express: Resource):
    waited_for = {id[:-8] for id in express.body["DependsOn"]}

    assert {"InfrastructureRole", "ApplicationRoleDefaultPolicy", "TaskExecutionRoleDefaultPolicy"} <= waited_for


def test_the_admin_token_comes_as_a_secret_and_never_as_text(system: System):
    for service in system.of_type("AWS::AppRunner::Service"):
        image = service.properties["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]
        [secret] = image["RuntimeEnvironmentSecrets"]
        assert secret["Name"] == "ADMIN_TOKEN"
        assert system.target(service.stack, secret["Value"]).startswith("Data.AdminToken")
    for task in system.of_type("AWS::ECS::TaskDefinition"):
        if not task.stack.name.endswith("FrontDoor"):
            continue
        [secret] = task.properties["ContainerDefinitions"][0]["Secrets"]
        assert secret["Name"] == "ADMIN_TOKEN"
        assert system.target(task.stack, secret["ValueFrom"]).startswith("Data.AdminToken")


WITH_BALANCER = [combination for combination in COMBINATIONS if "balancer" in combination.front_door]


@pytest.fixture(params=WITH_BALANCER, ids=str)
def with_balancer(request: pytest.FixtureRequest, synthesised) -> System:
    return synthesised(request.param)


def _attributes(system: System) -> dict[str, object]:
    balancer = system.only("AWS::ElasticLoadBalancingV2::LoadBalancer", "BalancerFrontDoor")
    return {each["Key"]: each["Value"] for each in balancer.properties["LoadBalancerAttributes"]}


def test_the_balancer_is_public_logs_every_request_and_drops_invalid_headers(with_balancer: System):
    balancer = with_balancer.only("AWS::ElasticLoadBalancingV2::LoadBalancer", "BalancerFrontDoor").properties

    assert balancer["Scheme"] == "internet-facing"
    assert _attributes(with_balancer)["access_logs.s3.enabled"] == "true"
    assert _attributes(with_balancer)["routing.http.drop_invalid_header_fields.enabled"] == "true"
    assert _attributes(with_balancer)["deletion_protection.enabled"] == "false"


def test_productions_balancer_is_protected_and_speaks_https_by_a_policy_with_tls_1_3(prod_balancer: System):
    listeners = {
        each.properties["Port"]: each.properties
        for each in prod_balancer.of_type("AWS::ElasticLoadBalancingV2::Listener", "BalancerFrontDoor")
    }

    assert _attributes(prod_balancer)["deletion_protection.enabled"] == "true"
    assert listeners[443]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    assert listeners[80]["DefaultActions"][0]["RedirectConfig"]["Port"] == "443"
    assert prod_balancer.only("AWS::CertificateManager::Certificate").properties["DomainName"] == "api.example.com"
    assert prod_balancer.only("AWS::Route53::RecordSet").properties["Name"] == "api.example.com."
    assert prod_balancer.stacks["BalancerFrontDoor"].outputs["ServiceUrl"]["Value"] == "https://api.example.com"


def test_a_canary_bakes_and_is_taken_back_by_the_alarm(with_balancer: System):
    service = with_balancer.only("AWS::ECS::Service", "BalancerFrontDoor")
    deployment = service.properties["DeploymentConfiguration"]
    alarm = with_balancer.stacks["BalancerFrontDoor"].outputs

    assert deployment["Strategy"] == "CANARY"
    assert deployment["CanaryConfiguration"] == {"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 5}
    assert deployment["BakeTimeInMinutes"] == 5
    assert (deployment["Alarms"]["Enable"], deployment["Alarms"]["Rollback"]) == (True, True)
    assert alarm


def test_the_new_revision_is_reached_by_a_header_before_anybody_else_reaches_it(with_balancer: System):
    rules = {
        rule.id: rule.properties
        for rule in with_balancer.of_type("AWS::ElasticLoadBalancingV2::ListenerRule", "BalancerFrontDoor")
    }
    [balancer] = with_balancer.only("AWS::ECS::Service", "BalancerFrontDoor").properties["LoadBalancers"]
    advanced = balancer["AdvancedConfiguration"]
    test = rules[advanced["TestListenerRule"]["Ref"]] if "Ref" in advanced["TestListenerRule"] else None

    assert len(rules) == 2
    if test is not None:
        assert test["Priority"] == 1
        assert test["Conditions"][0]["HttpHeaderConfig"]["Values"] == ["new-revision"]


def test_productions_front_doors_have_two_instances_and_scale_to_the_budgets_maximum(
    prod: System, prod_balancer: System
):
    express = prod.only("AWS::ECS::ExpressGatewayService").properties["ScalingTarget"]
    app_runner = prod.only("AWS::AppRunner::AutoScalingConfiguration").properties
    [balancer] = [
        each.properties
        for each in prod_balancer.of_type("AWS::ApplicationAutoScaling::ScalableTarget")
        if each.stack.name == "BalancerFrontDoor"
    ]

    assert (express["MinTaskCount"], express["MaxTaskCount"]) == (2, 10)
    assert (app_runner["MinSize"], app_runner["MaxSize"]) == (2, 10)
    assert (balancer["MinCapacity"], balancer["MaxCapacity"]) == (2, 10)
