"""Reports that the system has a fault: alarms, events, a budget, and a dashboard.

Each alarm's description names a heading of docs/runbooks.md, and a test sees that it is there.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as scheduler_targets
from constructs import Construct

from causeway import database_alarms
from causeway.dashboard import dashboard, of_service
from causeway.data import Data
from causeway.events import report_events
from causeway.front_door import FrontDoorStack
from causeway.settings import Settings
from causeway.topic import RUNBOOKS, alarm_topic

DOCTOR_EVERY = Duration.minutes(5)
SLOW_SECONDS = 1.0
ERRORS_A_MINUTE = 5
DAYS_OF_CERTIFICATE = 30

QUIET = cloudwatch.TreatMissingData.NOT_BREACHING
"""No data is good news: a metric of errors, or of a database that sleeps, has none when all is well."""

SILENT = cloudwatch.TreatMissingData.BREACHING
"""No data is bad news: what should report does not."""

ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


class Watch(Stack):
    """One topic, and everything that speaks on it."""

    def __init__(
        self, scope: Construct, id: str, settings: Settings, data: Data, front_doors: Sequence[FrontDoorStack]
    ) -> None:
        super().__init__(scope, id, description="Causeway: alarms and dashboard")
        self._settings = settings
        self._topic = alarm_topic(self, settings)
        for door in front_doors:
            self._front_door(door)
        self._database(data)
        report_events(self, settings, self._topic, front_doors)
        if settings.monthly_budget_usd:
            self._budget(settings.monthly_budget_usd)
        dashboard(self, settings, data, front_doors)

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        runbook: str,
        what: str,
        *,
        comparison: cloudwatch.ComparisonOperator = AT_LEAST,
        missing: cloudwatch.TreatMissingData = QUIET,
        minutes: int = 5,
        of: int | None = None,
    ) -> None:
        """Says so when the metric passes the threshold in `of` of `minutes` periods, and again when it is over."""
        alarm = cloudwatch.Alarm(
            self,
            name.title().replace("-", ""),
            alarm_name=f"causeway-{self._settings.stage.name}-{name}",
            alarm_description=f"{what} Runbook: {RUNBOOKS}#{runbook}",
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            treat_missing_data=missing,
            evaluation_periods=minutes,
            datapoints_to_alarm=of or minutes,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        alarm.add_ok_action(actions.SnsAction(self._topic))

    def _front_door(self, door: FrontDoorStack) -> None:
        name, traffic = door.short_name, door.traffic
        most = self._settings.front_door_max_instances
        self._alarm(f"{name}-errors", traffic.errors, ERRORS_A_MINUTE, "errors", "The public API answers 5xx.", of=3)
        self._alarm(
            f"{name}-slow", traffic.slowest_seconds, SLOW_SECONDS, "slow", "One request in a hundred is slow.", of=3
        )
        self._alarm(
            f"{name}-no-instance",
            traffic.instances,
            1,
            "no-instance",
            "No instance of the public API is healthy.",
            comparison=BELOW,
            missing=SILENT,
            of=3,
        )
        if most > self._settings.front_door_min_instances:
            self._alarm(
                f"{name}-no-further-instance",
                traffic.instances,
                most,
                "no-further-instance",
                "The public API runs all the instances that it may.",
                minutes=15,
            )
        self._alarm(
            f"{name}-gate-errors",
            door.doctor_gate.function.metric_errors(period=DOCTOR_EVERY, statistic="Sum"),
            1,
            "doctor",
            "The doctor finds a failed hop, or does not answer.",
            minutes=3,
            of=2,
        )
        self._functions(door.functions)
        if door.certificate_arn is not None:
            self._certificate(name, door.certificate_arn)
        if self._settings.stage.keeps_data:
            self._ask_the_doctor(door)

    def _certificate(self, name: str, arn: str) -> None:
        """ACM renews its own certificates 60 days before their end; nothing renews an imported one."""
        days = cloudwatch.Metric(
            namespace="AWS/CertificateManager",
            metric_name="DaysToExpiry",
            dimensions_map={"CertificateArn": arn},
            statistic="Minimum",
            period=Duration.days(1),
        )
        self._alarm(
            f"{name}-certificate",
            days,
            DAYS_OF_CERTIFICATE,
            "certificate",
            f"The domain's certificate ends in less than {DAYS_OF_CERTIFICATE} days.",
            comparison=BELOW,
            minutes=1,
        )

    def _ask_the_doctor(self, door: FrontDoorStack) -> None:
        """Not where the database may pause: these questions would keep it awake."""
        if self._settings.database_can_pause:
            return
        function = door.doctor_gate.function
        role = iam.Role(self, f"{door.node.id}DoctorRole", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function_arn]))
        # The construct would also let the schedule call every version of the function.
        target = scheduler_targets.LambdaInvoke(function, retry_attempts=0, role=role.without_policy_updates())
        scheduler.Schedule(
            self,
            f"{door.node.id}Doctor",
            description="Asks the doctor; its failure is an error of the function",
            schedule=scheduler.ScheduleExpression.rate(DOCTOR_EVERY),
            target=target,
        )

    def _database(self, data: Data) -> None:
        if data.cluster is not None:
            database_alarms.aurora(self._alarm, self._settings, data.cluster)
        if data.dsql is not None:
            database_alarms.dsql(self._alarm, self._settings, data.dsql)
        self._alarm(
            "database-unavailable",
            of_service("frontend-api", "DatabaseAvailable", "Minimum"),
            1,
            "database-unavailable",
            "An instance of the public API cannot use the database.",
            comparison=BELOW,
            of=3,
        )
        self._functions(data.functions)

    def _functions(self, functions: Mapping[str, lambda_.IFunction]) -> None:
        for name, function in functions.items():
            self._alarm(
                f"{name}-errors",
                function.metric_errors(period=Duration.minutes(5), statistic="Sum"),
                1,
                "functions",
                f"The function {name} failed.",
                minutes=1,
            )

    def _budget(self, usd: int) -> None:
        """Needs the tag `system` to be activated for billing; until then it counts nothing."""
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:stage${self._settings.stage.name}"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type=kind,
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[
                        budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=self._topic.topic_arn)
                    ],
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )
