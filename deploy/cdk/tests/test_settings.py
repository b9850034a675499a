"""A setting is either meant or refused, and a system too large for its database is refused as well."""

import dataclasses

import pytest
from aws_cdk import App

from causeway.budget import ConnectionBudgetExceeded, check_connection_budget, connections_needed, max_connections
from causeway.settings import STAGES, FrontDoor, Settings
from system import Combination, synthesise


def _settings(**context: str) -> Settings:
    return Settings.from_context(App(context=context).node)


def test_without_any_choice_it_is_a_stage_to_try_things_in_on_express():
    settings = _settings()

    assert settings.stage.name == "dev"
    assert settings.front_doors == (FrontDoor.EXPRESS,)
    assert (settings.nat, settings.catalogue, settings.diaries) == (0, False, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stage", "staging"),
        ("front_door", "lambda"),
        ("nat", "3"),
        ("catalogue", "yes"),
        ("diaries", "1"),
        ("database_max_acu", "0"),
        ("database_max_acu", "many"),
        ("database_pause_after_seconds", "60"),
        ("front_door_max_instances", "26"),
        ("database_pool_size", "1"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(name: str, value: str):
    with pytest.raises(ValueError, match=f"{name}={value}"):
        _settings(**{name: value})


def test_json_values_of_cdk_json_mean_the_same_as_text():
    app = App(context={"nat": 0, "catalogue": True})

    assert Settings.from_context(app.node).nat == 0
    assert Settings.from_context(app.node).catalogue is True


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("front_door", ["app-runner", "express", "app-runner+express"])
def test_the_stages_are_within_their_budget_even_while_moving(stage: str, front_door: str):
    check_connection_budget(_settings(stage=stage, front_door=front_door))


@pytest.mark.parametrize(
    ("acu", "connections"), [(1, 189), (2, 189), (4, 823), (8, 1669), (15.5, 1669), (16, 2000), (256, 2000)]
)
def test_what_aurora_allows(acu: float, connections: int):
    assert max_connections(acu) == connections


def test_a_roll_out_needs_twice_the_connections_and_a_second_front_door_as_many_again():
    one = _settings(front_door_max_instances="3", database_pool_size="5")
    two = dataclasses.replace(one, front_doors=(FrontDoor.APP_RUNNER, FrontDoor.EXPRESS))

    assert connections_needed(one) == 3 * 5 * 2 + 10
    assert connections_needed(two) == 2 * 3 * 5 * 2 + 10


def test_the_budget_may_be_used_up_to_the_last_connection():
    settings = _settings(front_door_max_instances="1", database_pool_size="89")
    check_connection_budget(settings)

    with pytest.raises(ConnectionBudgetExceeded):
        check_connection_budget(dataclasses.replace(settings, database_pool_size=90))


def test_synthesis_fails_with_the_sum_written_out(tmp_path):
    with pytest.raises(ConnectionBudgetExceeded, match=r"2 instances x 50 connections x 2 .* = 210 .* 1 ACU allow 189"):
        synthesise(Combination(), tmp_path, database_pool_size="50")
