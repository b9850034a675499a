"""Aurora that pauses, keeps what must be kept, speaks TLS only, and has a user for the application that rotates."""

import pytest

from causeway.kinds import SettingError
from causeway.settings import Settings
from system import Combination, Resource, System


def test_aurora_scales_from_zero_and_pauses(on_aurora: System):
    scaling = on_aurora.only("AWS::RDS::DBCluster").properties["ServerlessV2ScalingConfiguration"]

    assert scaling == {"MinCapacity": 0, "MaxCapacity": 1, "SecondsUntilAutoPause": 300}
    assert on_aurora.only("AWS::RDS::DBInstance").properties["DBInstanceClass"] == "db.serverless"


def test_aurora_is_encrypted_private_and_refuses_connections_without_tls(on_aurora: System):
    cluster = on_aurora.only("AWS::RDS::DBCluster")

    assert cluster.properties["StorageEncrypted"] is True
    assert on_aurora.only("AWS::RDS::DBInstance").properties["PubliclyAccessible"] is False
    assert on_aurora.only("AWS::RDS::DBClusterParameterGroup").properties["Parameters"]["rds.force_ssl"] == "1"
    assert cluster.properties["DBClusterParameterGroupName"]["Ref"].startswith("DatabaseParameters")


def _database(system: System) -> tuple[Resource, bool]:
    """Returns the cluster, and whether it is protected from deletion."""
    if system.combination.is_dsql:
        cluster = system.only("AWS::DSQL::Cluster")
        return cluster, cluster.properties["DeletionProtectionEnabled"]
    cluster = system.only("AWS::RDS::DBCluster")
    return cluster, cluster.properties["DeletionProtection"]


def test_a_stage_to_try_things_in_leaves_nothing_behind(system: System):
    cluster, is_protected = _database(system)

    assert is_protected is False
    assert cluster.body["DeletionPolicy"] == cluster.body["UpdateReplacePolicy"] == "Delete"


def test_production_cannot_be_deleted_by_accident_and_leaves_its_data(prod: System):
    """Aurora leaves a snapshot. DSQL has none that CloudFormation could take, so the cluster itself stays."""
    cluster, is_protected = _database(prod)
    policies = (cluster.body["DeletionPolicy"], cluster.body["UpdateReplacePolicy"])

    assert is_protected is True
    assert policies == (("RetainExceptOnCreate", "Retain") if prod.combination.is_dsql else ("Snapshot", "Snapshot"))


def test_productions_backups_are_kept_for_two_weeks(prod_on_aurora: System):
    assert prod_on_aurora.only("AWS::RDS::DBCluster").properties["BackupRetentionPeriod"] == 14


def test_the_stacks_that_hold_data_cannot_be_deleted_in_production(prod: System, synthesised):
    assert {name for name, stack in prod.stacks.items() if stack.protected} == {"Data", "Diaries"}
    dev = synthesised(Combination(diaries=True, database=prod.combination.database))
    assert not any(stack.protected for stack in dev.stacks.values())


def test_productions_database_does_not_pause_and_has_a_reader_of_the_writers_size(prod_on_aurora: System):
    scaling = prod_on_aurora.only("AWS::RDS::DBCluster").properties["ServerlessV2ScalingConfiguration"]
    instances = {instance.id[:-8]: instance.properties for instance in prod_on_aurora.of_type("AWS::RDS::DBInstance")}

    assert scaling == {"MinCapacity": 1, "MaxCapacity": 8}
    assert set(instances) == {"DatabaseClusterWriter", "DatabaseClusterReader1"}
    assert {instance["PromotionTier"] for instance in instances.values()} <= {0, 1}


def test_the_database_log_quotes_no_values_of_rejected_rows(on_aurora: System):
    """Otherwise `Failing row contains (…)` would export emails and password hashes."""
    parameters = on_aurora.only("AWS::RDS::DBClusterParameterGroup").properties["Parameters"]

    assert parameters["log_error_verbosity"] == "terse"


def test_production_keeps_its_logs_but_not_when_the_first_deployment_fails(prod: System):
    """A log group or bucket of a fixed name that stayed behind would block the next attempt."""
    kept = [*prod.of_type("AWS::Logs::LogGroup"), *prod.of_type("AWS::S3::Bucket")]

    assert {each.body["DeletionPolicy"] for each in kept} == {"RetainExceptOnCreate"}


def test_the_master_belongs_to_rds_and_no_service_may_read_its_secret(on_aurora: System):
    assert on_aurora.only("AWS::RDS::DBCluster").properties["ManageMasterUserPassword"] is True
    policies = [
        policy for policy in on_aurora.of_type("AWS::IAM::Policy") if "MasterUserSecret" in str(policy.properties)
    ]

    assert [policy.id[:-8] for policy in policies] == ["ApplicationUserCreationRoleDefaultPolicy"]


def test_the_applications_user_is_not_the_master(on_aurora: System):
    secret = next(
        s for s in on_aurora.of_type("AWS::SecretsManager::Secret") if s.id.startswith("ApplicationUserSecret")
    )
    template = secret.properties["GenerateSecretString"]["SecretStringTemplate"]
    master = on_aurora.only("AWS::RDS::DBCluster").properties["MasterUsername"]

    assert '"username":"causeway"' in template
    assert master not in template


def test_the_applications_secret_knows_where_the_database_is(on_aurora: System):
    """The attachment adds host and port, so that the services need this one secret and nothing else."""
    attachment = on_aurora.only("AWS::SecretsManager::SecretTargetAttachment")

    assert attachment.properties["TargetType"] == "AWS::RDS::DBCluster"


def test_the_applications_secret_is_rotated_by_awss_own_function(on_aurora: System):
    rotation = on_aurora.only("AWS::SecretsManager::RotationSchedule")

    assert rotation.properties["HostedRotationLambda"]["RotationType"] == "PostgreSQLSingleUser"
    assert rotation.properties["RotationRules"] == {"ScheduleExpression": "rate(30 days)"}


def test_the_user_is_made_after_the_database_and_before_its_first_rotation(on_aurora: System):
    trigger = on_aurora.only("Custom::Trigger")
    rotation = on_aurora.only("AWS::SecretsManager::RotationSchedule")

    assert {"DatabaseCluster", "DatabaseClusterWriter"} <= {id[:-8] for id in trigger.body["DependsOn"]}
    assert trigger.id in rotation.body["DependsOn"]
    assert rotation.properties["RotateImmediatelyOnUpdate"] is False


def test_the_admin_token_is_generated(system: System):
    token = next(s for s in system.of_type("AWS::SecretsManager::Secret") if s.id.startswith("AdminToken"))

    assert token.properties["GenerateSecretString"] == {"PasswordLength": 48, "ExcludePunctuation": True}


def test_no_template_holds_a_secret(system: System):
    for stack in system.stacks.values():
        assert '"SecretString"' not in stack.text
        assert "{{resolve:" not in stack.text


@pytest.fixture(scope="module", params=["express", "balancer", "app-runner"])
def without_password(request: pytest.FixtureRequest, synthesised) -> System:
    return synthesised(Combination(request.param), database_auth="iam")


def test_without_a_password_the_cluster_takes_tokens_and_there_is_no_secret_to_rotate(without_password: System):
    cluster = without_password.only("AWS::RDS::DBCluster").properties

    assert cluster["EnableIAMDatabaseAuthentication"] is True
    assert not without_password.of_type("AWS::SecretsManager::RotationSchedule")
    assert [each.id[:-8] for each in without_password.of_type("AWS::SecretsManager::Secret")] == ["AdminToken"]


def test_without_a_password_the_role_may_connect_as_the_applications_user_and_no_other(without_password: System):
    statements = [
        (policy.stack, statement)
        for policy in without_password.of_type("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Action"] == "rds-db:connect"
    ]
    [(stack, statement)] = statements
    [_, parts] = statement["Resource"]["Fn::Join"]

    assert stack.name.endswith("FrontDoor")
    assert parts[-1] == "/causeway" and ":dbuser:" in str(parts)
    assert without_password.target(stack, parts[-2]).startswith("Data.DatabaseCluster")


def test_without_a_password_the_function_makes_a_user_that_has_none(without_password: System):
    variables = [each.properties.get("Environment", {}) for each in without_password.of_type("AWS::Lambda::Function")]
    [creation] = [each["Variables"] for each in variables if "CLUSTER_ARN" in each.get("Variables", {})]

    assert creation["IAM_USER"] == "causeway"
    assert "APPLICATION_SECRET_ARN" not in creation


def test_with_a_password_the_cluster_takes_no_tokens(on_aurora: System):
    assert "EnableIAMDatabaseAuthentication" not in on_aurora.only("AWS::RDS::DBCluster").properties


def test_dsql_takes_the_place_of_aurora_and_of_every_password(on_dsql: System):
    assert on_dsql.only("AWS::DSQL::Cluster")
    assert not on_dsql.of_type("AWS::RDS::DBCluster") and not on_dsql.of_type("AWS::SecretsManager::RotationSchedule")
    assert [each.id[:-8] for each in on_dsql.of_type("AWS::SecretsManager::Secret")] == ["AdminToken"]


def test_dsql_needs_a_network_that_is_made():
    network = {
        "vpc_id": "vpc-0123",
        "availability_zones": "eu-west-1a,eu-west-1b",
        "public_subnet_ids": "subnet-0a,subnet-0b",
        "private_subnet_ids": "subnet-1a,subnet-1b",
        "private_route_table_ids": "rtb-1a,rtb-1b",
    }
    with pytest.raises(SettingError, match="database=dsql: only for a new VPC"):
        Settings.parse({**network, "database": "dsql"})
