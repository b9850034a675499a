"""AWS as the operations see it: botocore's own models judge each call, and a test says what is answered."""

import datetime
from typing import Any

import boto3
from botocore.stub import Stubber

from operations.aws import Aws
from operations.stacks import STACKS

NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)


class StubbedAws(Aws):
    """Clients that answer what the test expects, in its order, and check every call against AWS's model."""

    def __init__(self) -> None:
        super().__init__(boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1"))
        self._stubbers: dict[str, Stubber] = {}

    def client(self, service: str) -> Any:
        client = super().client(service)
        if service not in self._stubbers:
            self._stubbers[service] = Stubber(client)
            self._stubbers[service].activate()
        return client

    def expect(self, service: str, operation: str, answer: dict[str, Any], **parameters: Any) -> None:
        self.client(service)
        self._stubbers[service].add_response(operation, answer, parameters)

    def expect_error(self, service: str, operation: str, code: str, message: str = "") -> None:
        self.client(service)
        self._stubbers[service].add_client_error(operation, code, message)

    def expect_stacks(self, stage: str, **states: str) -> None:
        for stack in STACKS:
            name = f"Causeway-{stage}-{stack}"
            if stack in states:
                self.expect("cloudformation", "describe_stacks", described(name, states[stack]), StackName=name)
            else:
                self.expect_error("cloudformation", "describe_stacks", "ValidationError", f"{name} does not exist")

    def all_was_asked(self) -> None:
        for stubber in self._stubbers.values():
            stubber.assert_no_pending_responses()


def described(name: str, state: str, **outputs: str) -> dict[str, Any]:
    pairs = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    return {"Stacks": [{"StackName": name, "CreationTime": NOW, "StackStatus": state, "Outputs": pairs}]}
