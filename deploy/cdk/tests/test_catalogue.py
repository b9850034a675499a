"""System D's catalogue, where it was asked for."""

import pytest

from system import COMBINATIONS, System


@pytest.fixture(params=[combination for combination in COMBINATIONS if combination.catalogue], ids=str)
def catalogue(request: pytest.FixtureRequest, synthesised) -> System:
    return synthesised(request.param)


def test_the_catalogue_is_there_exactly_when_asked_for(system: System):
    assert ("Catalogue" in system.stacks) == system.combination.catalogue


def test_the_http_api_has_each_services_list_and_items(catalogue: System):
    routes = {route.properties["RouteKey"] for route in catalogue.of_type("AWS::ApiGatewayV2::Route")}

    assert routes == {f"GET /api/{name}{items}" for name in ("books", "authors") for items in ("", "/{proxy+}")}


def test_the_http_api_goes_through_the_link_to_the_balancers_listener(catalogue: System):
    integration = catalogue.only("AWS::ApiGatewayV2::Integration")

    assert integration.properties["ConnectionType"] == "VPC_LINK"
    assert catalogue.target(integration.stack, integration.properties["IntegrationUri"]) == (
        catalogue.only("AWS::ElasticLoadBalancingV2::Listener", "Catalogue").key
    )


def test_the_balancer_is_internal_and_knows_nothing_but_the_two_services(catalogue: System):
    balancer = catalogue.only("AWS::ElasticLoadBalancingV2::LoadBalancer", "Catalogue")
    [default] = catalogue.only("AWS::ElasticLoadBalancingV2::Listener", "Catalogue").properties["DefaultActions"]

    assert balancer.properties["Scheme"] == "internal"
    assert default["FixedResponseConfig"]["StatusCode"] == "404"


def test_a_path_that_only_begins_like_a_services_is_not_the_services(catalogue: System):
    patterns = {
        tuple(rule.properties["Conditions"][0]["PathPatternConfig"]["Values"])
        for rule in catalogue.of_type("AWS::ElasticLoadBalancingV2::ListenerRule", "Catalogue")
    }

    assert patterns == {("/api/books", "/api/books/*"), ("/api/authors", "/api/authors/*")}


def test_each_service_has_a_target_group_that_checks_its_health(catalogue: System):
    groups = catalogue.of_type("AWS::ElasticLoadBalancingV2::TargetGroup", "Catalogue")

    checked = {group.properties["HealthCheckPath"] for group in groups}
    assert checked == {"/api/books/health", "/api/authors/health"}
    assert len(groups) == 2
    services = catalogue.of_type("AWS::ECS::Service", "Catalogue")
    attached = {service.properties["LoadBalancers"][0]["TargetGroupArn"]["Ref"] for service in services}
    assert attached == {group.id for group in groups}


def test_each_service_is_told_which_of_the_two_it_is(catalogue: System):
    told = {}
    for task in catalogue.of_type("AWS::ECS::TaskDefinition", "Catalogue"):
        [container] = task.properties["ContainerDefinitions"]
        told[container["Name"]] = {pair["Name"]: pair["Value"] for pair in container["Environment"]}["CATALOGUE"]

    assert told == {"books": "books", "authors": "authors"}


def test_the_http_api_is_throttled_because_waf_does_not_protect_it(catalogue: System):
    stage = catalogue.only("AWS::ApiGatewayV2::Stage")

    assert stage.properties["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 200, "ThrottlingRateLimit": 100}
    assert "AccessLogSettings" in stage.properties
