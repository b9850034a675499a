"""A setting is either meant or refused, and a system too large for its database is refused as well."""

import dataclasses
import os
import re
import subprocess
from pathlib import Path

import pytest
from aws_cdk import App

from causeway.budget import check_connection_budget, connections_needed, max_connections
from causeway.kinds import SettingError
from causeway.settings import Settings
from causeway.table import TABLE, FrontDoor
from system import Combination, synthesise

ROOT = Path(__file__).parents[3]


def _settings(**context: str) -> Settings:
    return Settings.parse(context)


def test_without_any_choice_it_is_a_stage_to_try_things_in_on_express():
    settings = _settings()

    assert settings.stage.name == "dev"
    assert settings.front_door == (FrontDoor.EXPRESS,)
    assert settings.nat == 0
    assert settings.catalogue is False
    assert settings.diaries is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stage", "Staging"),
        ("stage", "a-name-of-17-chars"),
        ("like", "test"),
        ("front_door", "express+express"),
        ("front_door_max_instances", "2.5"),
        ("database_max_acu", "1.3"),
        ("zone_ids", "euw1-az1"),
        ("zone_ids", "eu-west-1a,eu-west-1b"),
        ("account", "1234"),
        ("region", "europe"),
        ("approval", "always"),
        ("front_door", "lambda"),
        ("nat", "3"),
        ("catalogue", "yes"),
        ("diaries", "1"),
        ("database_max_acu", "0"),
        ("database_max_acu", "many"),
        ("database_pause_after_seconds", "60"),
        ("front_door_max_instances", "26"),
        ("database_pool_size", "4"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(name: str, value: str):
    with pytest.raises(SettingError, match=re.escape(f"{name}={value}: must be ")):
        _settings(**{name: value})


def test_json_values_of_cdk_json_mean_the_same_as_text():
    app = App(context={"nat": 0, "catalogue": True})

    settings = Settings.parse(app.node.get_all_context())
    assert settings.nat == 0
    assert settings.catalogue is True


def test_a_name_that_is_no_setting_is_refused_with_the_one_that_was_meant():
    with pytest.raises(SettingError, match="databse_max_acu: not a setting; did you mean database_max_acu"):
        _settings(databse_max_acu="16")


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["DATABSE_MAX_ACU=16"], ["databse_max_acu=16"]),
        (["STAGE=alice", "NAT=1"], ["stage=alice", "nat=1"]),
        (["CDK_ARGS=--foo bar=1", "STACKS=Data", "AWS_PROFILE=alice"], []),
    ],
    ids=str,
)
def test_make_passes_on_each_name_of_its_command_line(given: list[str], passed: list[str]):
    """A misspelt name that make ignored would deploy the default in silence."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    found = subprocess.run(
        ["make", "--dry-run", "--always-make", "diff", *given],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    [line] = [line for line in found.stdout.splitlines() if " cdk diff " in line]
    assert re.findall(r"-c '([^']+)'", line) == passed


def test_the_cdks_own_context_is_no_setting():
    _settings(**{"aws:cdk:enable-path-metadata": True, "@aws-cdk/core:checkSecretUsage": True})


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("front_door_min_instances", "front_door_max_instances"),
        ("private_service_min_tasks", "private_service_max_tasks"),
        ("database_min_acu", "database_max_acu"),
    ],
)
def test_a_minimum_above_its_maximum_is_refused(low: str, high: str):
    with pytest.raises(SettingError, match=f"{low}=3.* is above {high}=2"):
        _settings(**{low: "3", high: "2"})


def test_a_stage_of_another_name_is_like_prod_unless_it_says_otherwise():
    assert _settings(stage="alice").stage.keeps_data is True
    assert _settings(stage="alice", like="dev").stage.keeps_data is False
    with pytest.raises(SettingError, match="like=dev: the stage prod cannot be like another"):
        _settings(stage="prod", like="dev")


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_the_defaults_pass_their_own_check(setting):
    for default in (setting.dev, setting.prod):
        if default is not None:
            setting.kind.parse(str(default).lower())


@pytest.mark.parametrize("stage", ["dev", "prod"])
@pytest.mark.parametrize("front_door", ["app-runner", "express", "app-runner+express"])
def test_the_stages_are_within_their_budget_even_while_moving(stage: str, front_door: str):
    check_connection_budget(_settings(stage=stage, front_door=front_door))


@pytest.mark.parametrize(
    ("minimum", "maximum", "connections"),
    [
        (0, 1, 189),
        (0, 2, 189),
        (0, 4, 823),
        (0, 8, 1669),
        (0, 15.5, 1669),
        (0, 16, 2000),
        (0.5, 256, 2000),
        (1, 16, 3360),
        (1, 256, 5000),
    ],
)
def test_what_aurora_allows(minimum: float, maximum: float, connections: int):
    assert max_connections(maximum, minimum) == connections


def test_a_roll_out_needs_twice_the_connections_and_a_second_front_door_as_many_again():
    one = _settings(front_door_max_instances="3", database_pool_size="5")
    two = dataclasses.replace(one, front_door=(FrontDoor.APP_RUNNER, FrontDoor.EXPRESS))

    assert connections_needed(one) == 3 * (5 + 2) * 2 + 10
    assert connections_needed(two) == 2 * 3 * (5 + 2) * 2 + 10


def test_the_budget_may_be_used_up_to_the_last_connection():
    settings = _settings(front_door_max_instances="1", database_pool_size="87")
    check_connection_budget(settings)

    with pytest.raises(SettingError):
        check_connection_budget(dataclasses.replace(settings, database_pool_size=88))


def test_synthesis_fails_with_the_sum_written_out(tmp_path):
    with pytest.raises(SettingError, match=r"2 instances x \(50 \+ 2\) .* = 218 .* 1 ACU allow 189"):
        synthesise(Combination(), tmp_path, database_pool_size="50")


ZONE = {"hosted_zone_id": "Z0123456789ABC", "hosted_zone_name": "example.com"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"hosted_zone_id": "Z0123456789ABC"}, "set hosted_zone_name as well, or none of them"),
        (ZONE, "set domain to the name"),
        ({"front_door": "balancer", "domain": "api.example.com"}, "set hosted_zone_id and hosted_zone_name"),
        ({"front_door": "balancer", "domain": "api.example.org", **ZONE}, "it is not in the zone"),
        ({"front_door": "balancer", "domain": "api.notexample.com", **ZONE}, "it is not in the zone"),
        (
            {"front_door": "app-runner", "domain": "api.example.com", **ZONE},
            "only front_door=express or front_door=balancer, alone, has a domain",
        ),
        ({"front_door": "balancer", "stage": "prod"}, "a stage like prod needs HTTPS"),
    ],
)
def test_a_domain_that_cannot_work_is_refused_with_what_is_missing(given: dict[str, str], says: str):
    with pytest.raises(SettingError, match=says):
        _settings(**given)


def test_a_domain_may_be_the_zone_itself():
    assert _settings(front_door="balancer", domain="example.com", **ZONE).domain == "example.com"
