"""Aurora that pauses, keeps what must be kept, speaks TLS only, and has a user for the application that rotates."""

from system import Combination, System


def test_aurora_scales_from_zero_and_pauses(system: System):
    scaling = system.only("AWS::RDS::DBCluster").properties["ServerlessV2ScalingConfiguration"]

    assert scaling == {"MinCapacity": 0, "MaxCapacity": 1, "SecondsUntilAutoPause": 300}
    assert system.only("AWS::RDS::DBInstance").properties["DBInstanceClass"] == "db.serverless"


def test_aurora_is_encrypted_private_and_refuses_connections_without_tls(system: System):
    cluster = system.only("AWS::RDS::DBCluster")

    assert cluster.properties["StorageEncrypted"] is True
    assert system.only("AWS::RDS::DBInstance").properties["PubliclyAccessible"] is False
    assert system.only("AWS::RDS::DBClusterParameterGroup").properties["Parameters"]["rds.force_ssl"] == "1"
    assert cluster.properties["DBClusterParameterGroupName"]["Ref"].startswith("DatabaseParameters")


def test_a_stage_to_try_things_in_leaves_nothing_behind(synthesised):
    cluster = synthesised(Combination()).only("AWS::RDS::DBCluster")

    assert cluster.properties["DeletionProtection"] is False
    assert cluster.body["DeletionPolicy"] == "Delete"


def test_production_cannot_be_deleted_by_accident_and_leaves_a_snapshot(prod: System):
    cluster = prod.only("AWS::RDS::DBCluster")

    assert cluster.properties["DeletionProtection"] is True
    assert cluster.body["DeletionPolicy"] == cluster.body["UpdateReplacePolicy"] == "Snapshot"
    assert cluster.properties["BackupRetentionPeriod"] == 14


def test_productions_database_does_not_pause_and_has_a_reader_of_the_writers_size(prod: System):
    scaling = prod.only("AWS::RDS::DBCluster").properties["ServerlessV2ScalingConfiguration"]
    instances = {instance.id[:-8]: instance.properties for instance in prod.of_type("AWS::RDS::DBInstance")}

    assert scaling == {"MinCapacity": 1, "MaxCapacity": 8}
    assert set(instances) == {"DatabaseClusterWriter", "DatabaseClusterReader1"}
    assert {instance["PromotionTier"] for instance in instances.values()} <= {0, 1}


def test_the_database_log_quotes_no_values_of_rejected_rows(system: System):
    """Otherwise `Failing row contains (…)` would export emails and password hashes."""
    parameters = system.only("AWS::RDS::DBClusterParameterGroup").properties["Parameters"]

    assert parameters["log_error_verbosity"] == "terse"


def test_production_keeps_its_logs_but_not_when_the_first_deployment_fails(prod: System):
    """A log group or bucket of a fixed name that stayed behind would block the next attempt."""
    kept = [*prod.of_type("AWS::Logs::LogGroup"), *prod.of_type("AWS::S3::Bucket")]

    assert {each.body["DeletionPolicy"] for each in kept} == {"RetainExceptOnCreate"}


def test_the_master_belongs_to_rds_and_no_service_may_read_its_secret(system: System):
    assert system.only("AWS::RDS::DBCluster").properties["ManageMasterUserPassword"] is True
    policies = [policy for policy in system.of_type("AWS::IAM::Policy") if "MasterUserSecret" in str(policy.properties)]

    assert [policy.id[:-8] for policy in policies] == ["ApplicationUserCreationRoleDefaultPolicy"]


def test_the_applications_user_is_not_the_master(system: System):
    secret = next(s for s in system.of_type("AWS::SecretsManager::Secret") if s.id.startswith("ApplicationUserSecret"))
    template = secret.properties["GenerateSecretString"]["SecretStringTemplate"]
    master = system.only("AWS::RDS::DBCluster").properties["MasterUsername"]

    assert '"username":"causeway"' in template
    assert master not in template


def test_the_applications_secret_knows_where_the_database_is(system: System):
    """The attachment adds host and port, so that the services need this one secret and nothing else."""
    attachment = system.only("AWS::SecretsManager::SecretTargetAttachment")

    assert attachment.properties["TargetType"] == "AWS::RDS::DBCluster"


def test_the_applications_secret_is_rotated_by_awss_own_function(system: System):
    rotation = system.only("AWS::SecretsManager::RotationSchedule")

    assert rotation.properties["HostedRotationLambda"]["RotationType"] == "PostgreSQLSingleUser"
    assert rotation.properties["RotationRules"] == {"ScheduleExpression": "rate(30 days)"}


def test_the_user_is_made_after_the_database_and_before_its_first_rotation(system: System):
    trigger = system.only("Custom::Trigger")
    rotation = system.only("AWS::SecretsManager::RotationSchedule")

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
