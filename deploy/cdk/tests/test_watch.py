"""Somebody is told when the system is not well, and again when it is."""

import json
import re
from typing import Any

import pytest

import costs
from causeway.contract import METRICS_NAMESPACE
from causeway.queries import queries
from causeway.settings import Settings
from system import REPOSITORY_ROOT, Resource, System

RUNBOOKS = (REPOSITORY_ROOT / "docs/runbooks.md").read_text()
HEADINGS = {
    heading.lower().replace(" ", "-"): text
    for heading, text in re.findall(r"^## ([^\n]+)\n\n(.*?)(?=\n## |\Z)", RUNBOOKS, re.MULTILINE | re.DOTALL)
}

ONLY_AURORA = {"connections", "capacity", "failover"}
"""DSQL has no such limit that the largest settings could reach, and no writer."""

ONLY_DSQL = {"conflicts", "slow-commits", "storage"}

WITH_A_BUDGET = {"database-work"}
"""In prod, of DSQL."""


def _alarms(system: System) -> list[Resource]:
    return system.of_type("AWS::CloudWatch::Alarm", "Watch")


def test_every_alarm_speaks_when_it_begins_and_when_it_ends_and_says_what_missing_data_means(system: System):
    topic = {"Ref": system.only("AWS::SNS::Topic").id}

    for alarm in _alarms(system):
        assert alarm.properties["AlarmActions"] == alarm.properties["OKActions"] == [topic], alarm.key
        assert alarm.properties["TreatMissingData"] in ("breaching", "notBreaching"), alarm.key
        assert alarm.properties["AlarmName"].startswith("causeway-dev-"), alarm.key


def test_every_alarm_and_event_leads_to_a_runbook_with_symptom_doctor_and_three_steps(system: System):
    told = [alarm.properties["AlarmDescription"] for alarm in _alarms(system)]
    told += [rule.properties["Description"] for rule in system.of_type("AWS::Events::Rule", "Watch")]
    used = {re.search(r"Runbook: docs/runbooks\.md#([a-z-]+)$", text)[1] for text in told}

    unused = ONLY_AURORA if system.combination.is_dsql else ONLY_DSQL
    assert used == set(HEADINGS) - unused - WITH_A_BUDGET - (set() if system.combination.domain else {"certificate"})
    for heading in used:
        text = HEADINGS[heading]
        assert "*Symptom:*" in text, heading
        assert "*The doctor*" in text, heading
        assert re.findall(r"^(\d)\. ", text, re.MULTILINE) == ["1", "2", "3"], heading


@pytest.mark.parametrize("what", ["errors", "slow", "no-instance", "no-further-instance", "gate-errors"])
def test_every_front_door_is_watched(system: System, what: str):
    names = {alarm.properties["AlarmName"] for alarm in _alarms(system)}

    for door in system.combination.front_door.split("+"):
        assert f"causeway-dev-{door.replace('-', '')}-{what}" in names


def test_no_instance_at_all_is_bad_news_even_without_data(system: System):
    for alarm in _alarms(system):
        silent = alarm.properties["AlarmName"].endswith("no-instance")
        assert (alarm.properties["TreatMissingData"] == "breaching") == silent


def test_the_connections_alarm_is_at_eighty_percent_of_what_the_database_allows(
    on_aurora: System, prod_on_aurora: System
):
    for each, allowed in ((on_aurora, 189), (prod_on_aurora, 1669)):
        [alarm] = [a for a in _alarms(each) if a.properties["AlarmName"].endswith("database-connections")]
        assert alarm.properties["Threshold"] == int(allowed * 0.8)


def test_alarms_events_and_budgets_may_publish_on_the_encrypted_topic_and_nobody_elses_may(system: System):
    key = system.only("AWS::KMS::Key", "Watch").properties
    publishers = {
        service: statement["Condition"]
        for statement in key["KeyPolicy"]["Statement"]
        if "Service" in statement["Principal"]
        for service in _list(statement["Principal"]["Service"])
    }

    assert set(publishers) == {"cloudwatch.amazonaws.com", "events.amazonaws.com", "budgets.amazonaws.com"}
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert all(condition == own for condition in publishers.values())
    assert key["EnableKeyRotation"] is True
    assert "KmsMasterKeyId" in system.only("AWS::SNS::Topic").properties


def test_a_failed_roll_out_is_told_to_its_own_stage(system: System):
    """Another stage of the account has other clusters and services."""
    rules = {rule.id.removesuffix(rule.id[-8:]): rule for rule in system.of_type("AWS::Events::Rule", "Watch")}
    pattern = rules["DeploymentFailed"].properties["EventPattern"]
    [arn] = [each["prefix"] for each in pattern["resources"]]
    _, parts = arn["Fn::Join"]

    assert parts[-1] == "/" and any(isinstance(part, dict) and "Fn::ImportValue" in part for part in parts)
    assert ("AppRunnerDeploymentFailed" in rules) == ("app-runner" in system.combination.front_door)
    if "AppRunnerDeploymentFailed" in rules:
        app_runner = rules["AppRunnerDeploymentFailed"]
        [service] = app_runner.properties["EventPattern"]["resources"]
        assert system.target(app_runner.stack, service) == "AppRunnerFrontDoor.Service"


def test_every_function_of_ours_is_watched(system: System):
    dimensions = [
        dimension["Value"]
        for alarm in _alarms(system)
        if alarm.properties.get("Namespace") == "AWS/Lambda"
        for dimension in alarm.properties["Dimensions"]
    ]
    watched = {system.target(system.stacks["Watch"], value) for value in dimensions}
    # The CDK's own run on Node.
    ours = {
        each.key for each in system.of_type("AWS::Lambda::Function") if each.properties["Runtime"].startswith("python")
    }

    assert watched == ours


def _list(one_or_more: str | list[str]) -> list[str]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def test_the_doctor_is_asked_every_five_minutes_where_the_database_stays_awake_and_nowhere_else(
    system: System, prod: System
):
    assert not system.of_type("AWS::Scheduler::Schedule")
    schedules = prod.of_type("AWS::Scheduler::Schedule")
    assert [each.properties["ScheduleExpression"] for each in schedules] == ["rate(5 minutes)"] * 2


def test_a_month_that_costs_too_much_is_told_in_prod(system: System, prod: System):
    assert not system.of_type("AWS::Budgets::Budget")
    budget = prod.only("AWS::Budgets::Budget").properties["Budget"]
    assert budget["BudgetLimit"] == {"Amount": 500, "Unit": "USD"}
    assert budget["CostFilters"] == {"TagKeyValue": ["user:stage$prod"]}


def test_the_dashboard_shows_every_front_door_and_the_database(system: System):
    body = system.only("AWS::CloudWatch::Dashboard").properties["DashboardBody"]
    text = json.dumps(body)

    for door in system.combination.front_door.split("+"):
        assert f"{door.replace('-', '')}: requests" in text
    assert ("database: work (DPU)" if system.combination.is_dsql else "database: capacity (ACU)") in text


def test_the_dashboard_shows_the_cost_and_each_query_of_the_document(system: System):
    text = json.dumps(system.only("AWS::CloudWatch::Dashboard").properties["DashboardBody"])
    document = (REPOSITORY_ROOT / "docs/observability.md").read_text()
    shown = queries()

    assert "AWS/Billing" in text
    assert [query.text for query in shown] == re.findall(r"```sql\n(.+?)\n```", document, re.DOTALL)
    for query in shown:
        last = query.text.replace("\n", " ").split(" | ")[-1]
        assert json.dumps(json.dumps(last)[1:-1])[1:-1] in text, query.title


def test_the_domains_certificate_is_watched_thirty_days_before_its_end(system: System):
    alarms = [alarm.properties for alarm in _alarms(system) if alarm.properties["AlarmName"].endswith("certificate")]

    assert len(alarms) == system.combination.domain
    for alarm in alarms:
        assert (alarm["MetricName"], alarm["Threshold"], alarm["Period"]) == ("DaysToExpiry", 30, 86_400)
        assert alarm["ComparisonOperator"] == "LessThanThreshold"


def test_the_cost_table_counts_every_alarm(system: System, prod: System, prod_balancer: System):
    for each, stage in ((system, "dev"), (prod, "prod"), (prod_balancer, "prod")):
        settings = Settings.parse({"stage": stage, **each.combination.context})
        assert len(each.of_type("AWS::CloudWatch::Alarm")) == costs.alarms(settings)


def test_a_stage_pays_for_at_most_forty_metrics_of_its_own():
    """Each name counts once for each service that writes it; CloudWatch bills them so."""
    table = (REPOSITORY_ROOT / "docs/observability.md").read_text().split("## Metrics")[1].split("\n\n")
    rows = [line for part in table if part.startswith("| metric") for line in part.splitlines()[2:]]
    counted = 0
    for row in rows:
        names = re.findall(r"`([A-Z]\w+)`", row.rsplit("|", 2)[1])
        counted += len(names) * (2 if "causeway_http_" in row else 1)

    assert 10 < counted <= 40


def test_expresss_alarms_count_both_target_groups_of_its_canary(system: System):
    if "express" not in system.combination.front_door:
        return
    [alarm] = [a for a in _alarms(system) if a.properties["AlarmName"] == "causeway-dev-express-errors"]
    metrics: list[dict[str, Any]] = alarm.properties["Metrics"]

    assert len([each for each in metrics if "MetricStat" in each]) == 2
    assert [each["Expression"] for each in metrics if "Expression" in each] == [
        "SUM([FILL(errors1, 0), FILL(errors2, 0)])"
    ]


def test_the_services_own_metrics_are_those_that_they_write(system: System):
    written = "\n".join(
        file.read_text()
        for folder in ("common/src", "frontend-api/src", "private-service/src")
        for file in (REPOSITORY_ROOT / folder).rglob("*.rs")
    )
    if f'NAMESPACE: &str = "{METRICS_NAMESPACE}"' not in written:
        pytest.skip("the services write no metrics for CloudWatch yet")
    body = json.dumps(system.only("AWS::CloudWatch::Dashboard").properties["DashboardBody"]).replace("\\", "")
    named = set(re.findall(rf'"{METRICS_NAMESPACE}","(\w+)"', body))

    assert {"DatabaseAvailable", "Requests", "Errors", "Latency"} <= named
    assert not [name for name in named if f'"{name}"' not in written]
