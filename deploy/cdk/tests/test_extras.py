"""System D's catalogue and system B's bucket, where they were asked for."""

import pytest

from system import COMBINATIONS, System


@pytest.fixture(params=[combination for combination in COMBINATIONS if combination.catalogue], ids=str)
def catalogue(request: pytest.FixtureRequest, synthesised) -> System:
    return synthesised(request.param)


@pytest.fixture(params=[combination for combination in COMBINATIONS if combination.diaries], ids=str)
def diaries(request: pytest.FixtureRequest, synthesised) -> System:
    return synthesised(request.param)


def test_the_extras_are_there_exactly_when_asked_for(system: System):
    assert ("Catalogue" in system.stacks) == system.combination.catalogue
    assert ("Diaries" in system.stacks) == system.combination.diaries


def test_the_http_api_has_each_services_list_and_items(catalogue: System):
    routes = {route.properties["RouteKey"] for route in catalogue.of_type("AWS::ApiGatewayV2::Route")}

    assert routes == {f"GET /api/{name}{items}" for name in ("books", "authors") for items in ("", "/{proxy+}")}


def test_the_http_api_goes_through_the_link_to_the_balancers_listener(catalogue: System):
    integration = catalogue.only("AWS::ApiGatewayV2::Integration")

    assert integration.properties["ConnectionType"] == "VPC_LINK"
    assert catalogue.target(integration.stack, integration.properties["IntegrationUri"]) == (
        catalogue.only("AWS::ElasticLoadBalancingV2::Listener").key
    )


def test_the_balancer_is_internal_and_knows_nothing_but_the_two_services(catalogue: System):
    balancer = catalogue.only("AWS::ElasticLoadBalancingV2::LoadBalancer")
    [default] = catalogue.only("AWS::ElasticLoadBalancingV2::Listener").properties["DefaultActions"]

    assert balancer.properties["Scheme"] == "internal"
    assert default["FixedResponseConfig"]["StatusCode"] == "404"


def test_a_path_that_only_begins_like_a_services_is_not_the_services(catalogue: System):
    patterns = {
        tuple(rule.properties["Conditions"][0]["PathPatternConfig"]["Values"])
        for rule in catalogue.of_type("AWS::ElasticLoadBalancingV2::ListenerRule")
    }

    assert patterns == {("/api/books", "/api/books/*"), ("/api/authors", "/api/authors/*")}


def test_each_service_has_a_target_group_that_checks_its_health(catalogue: System):
    groups = catalogue.of_type("AWS::ElasticLoadBalancingV2::TargetGroup")

    assert {group.properties["HealthCheckPath"] for group in groups} == {"/health"}
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


def test_the_bucket_is_private_and_encrypted(diaries: System):
    bucket = diaries.only("AWS::S3::Bucket").properties

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "BucketEncryption" in bucket


def test_the_bucket_speaks_tls_only_and_gives_objects_to_the_vpcs_endpoint_only(diaries: System):
    tls, endpoint = diaries.only("AWS::S3::BucketPolicy").properties["PolicyDocument"]["Statement"]

    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert endpoint["Effect"] == "Deny"
    source = endpoint["Condition"]["StringNotEquals"]["aws:SourceVpce"]
    assert diaries.target(diaries.stacks["Diaries"], source).startswith("Network.VpcS3")


def test_incomplete_uploads_are_thrown_away(diaries: System):
    [rule] = diaries.only("AWS::S3::Bucket").properties["LifecycleConfiguration"]["Rules"]

    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert rule["Status"] == "Enabled"


def test_only_the_application_may_touch_the_objects_and_only_with_diaries(system: System):
    allowed = {
        (policy.stack.name, policy.id[:-8])
        for policy in system.of_type("AWS::IAM::Policy")
        if "s3:PutObject" in str(policy.properties)
    }
    doors = {name for name in system.stacks if name.endswith("FrontDoor")}

    assert allowed == (
        {(door, "ApplicationRoleDefaultPolicy") for door in doors} if system.combination.diaries else set()
    )


def test_the_name_that_the_policies_use_is_the_buckets(diaries: System):
    name = diaries.only("AWS::S3::Bucket").properties["BucketName"]["Fn::Join"][1]
    for policy in diaries.of_type("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if "s3:PutObject" in statement["Action"]:
                arn = statement["Resource"]["Fn::Join"][1]
                assert str(name)[1:-1].removeprefix("'") in str(arn)
