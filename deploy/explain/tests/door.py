"""A door before moto: it answers what moto lacks, refuses on demand, and notes every operation of the program.

The program under test is told apart by its access key; what builds a topology passes through unnoticed. An answer that
a test makes up must fit AWS's model: a field or an enum value that does not exist is an error of the test.
"""

import functools
import io
import json
import logging
import os
import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from botocore.validate import validate_parameters

# moto reads a file of machine images each time its EC2 is emptied; nothing here starts a machine.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

REGION, ACCOUNT = "eu-west-1", "123456789012"
PROGRAM, BUILDER = "PROGRAM", "BUILDER"

_REST = (
    ("route53", re.compile(r"/hostedzone/[^/]+/rrset"), "ListResourceRecordSets"),
    ("route53", re.compile(r"/hostedzone/[^/]+$"), "GetHostedZone"),
    ("route53", re.compile(r"/hostedzone$"), "ListHostedZones"),
    ("route53", re.compile(r"/hostedzonesbyvpc$"), "ListHostedZonesByVPC"),
    ("s3", re.compile(r".*"), "GetBucketPolicy"),
)
_NAMES = {"elasticloadbalancing": "elbv2"}
_REFUSAL = {"ec2": "UnauthorizedOperation", "query": "AccessDenied", "rest-xml": "AccessDenied"}


@functools.cache
def _model(service: str) -> Any:
    """moto's view of botocore's model: its serializers want it."""
    return get_service_model(service)


logging.getLogger("werkzeug").setLevel(logging.ERROR)

Answer = Callable[[dict[str, Any]], Any]


class Error(Exception):
    """An answer of AWS that is an error."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


class Door:
    """`answers` stand for moto's, `denied` are refused, `noted` is what the program called."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.clear()

    def clear(self) -> None:
        self.answers: dict[tuple[str, str], Answer] = {}
        self.denied: set[str] = set()
        self.noted: list[str] = []
        self.errors: list[str] = []

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, service: str, operation: str, answer: Answer | dict[str, Any]) -> None:
        """Gives one answer, or one that is made of the request's parameters."""
        self.answers[service, operation] = answer if callable(answer) else lambda _: answer

    def _serve(self, environ: dict[str, Any], start: Any) -> Any:
        authorization = environ.get("HTTP_AUTHORIZATION", "")
        scope = re.search(r"Credential=(\w+)/\d+/[^/]+/([^/]+)/", authorization)
        if scope is None or scope[1] != PROGRAM:
            return self._moto(environ, start)
        service = _NAMES.get(scope[2], scope[2])
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        operation, parameters = _request(service, environ, body)
        try:
            return self._answer(service, operation, parameters, environ, body, start)
        except Exception as error:
            # Kept for the test: the program would only see status 500.
            self.errors.append(f"{service}:{operation}: {error!r}")
            raise

    def _answer(
        self, service: str, operation: str, parameters: dict[str, Any], environ: Any, body: bytes, start: Any
    ) -> Any:
        name = f"{service}:{operation}"
        self.noted.append(name)
        if name in self.denied:
            return self._send(service, operation, Error(_refusal(service), 403), start)
        if answer := self.answers.get((service, operation)):
            return self._send(service, operation, answer(parameters), start)
        environ["wsgi.input"] = io.BytesIO(body)
        return self._moto(environ, start)

    def _send(self, service: str, operation: str, answer: Any, start: Any) -> Any:
        model = _model(service)
        protocol = model.metadata["protocol"].replace("smithy-rpc-v2-cbor", "json")
        if isinstance(answer, Error):
            status, body, kind = answer.status, _error(protocol, answer.code), "text/xml"
            if protocol == "json":
                status, kind = 400, "application/x-amz-json-1.1"
        else:
            validate(model.operation_model(operation).output_shape, answer)
            serializer = get_serializer_class(service, protocol)
            context = SerializationContext(request_id="0")
            found = serializer(model.operation_model(operation), context=context).serialize(answer)
            status, body, kind = found["status_code"], found["body"], found["headers"].get("Content-Type", "text/xml")
        data = body if isinstance(body, bytes) else body.encode()
        start(f"{status} X", [("Content-Type", kind), ("Content-Length", str(len(data)))])
        return [data]


def validate(shape: Any, answer: Any) -> None:
    """Fails for a field, a type or an enum value that the model of the service does not have."""
    report = validate_parameters(answer, shape)
    assert report is None, report
    _enums(shape, answer)


def _enums(shape: Any, value: Any) -> None:
    if shape.type_name == "structure":
        assert set(value) <= set(shape.members), f"{shape.name} has no {set(value) - set(shape.members)}"
        for name, each in value.items():
            _enums(shape.members[name], each)
    elif shape.type_name == "list":
        for each in value:
            _enums(shape.member, each)
    elif shape.type_name == "map":
        for each in value.values():
            _enums(shape.value, each)
    elif shape.type_name == "string" and shape.enum:
        assert value in shape.enum, f"{shape.name} has no value {value}"


def _request(service: str, environ: dict[str, Any], body: bytes) -> tuple[str, dict[str, Any]]:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return target.rsplit(".", 1)[1], json.loads(body or b"{}")
    for name, path, operation in _REST:
        if service == name and path.search(environ["PATH_INFO"]):
            return operation, {"path": environ["PATH_INFO"], **dict(parse_qsl(environ.get("QUERY_STRING", "")))}
    parameters = dict(parse_qsl(body.decode()))
    return parameters["Action"], parameters


def _refusal(service: str) -> str:
    if service == "ec2":
        return "UnauthorizedOperation"
    return _REFUSAL.get(_model(service).metadata["protocol"], "AccessDeniedException")


def _error(protocol: str, code: str) -> str:
    if protocol == "json":
        return json.dumps({"__type": code, "message": code})
    inner = f"<Code>{code}</Code><Message>{code}</Message>"
    if protocol == "ec2":
        return f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>0</RequestID></Response>"
    if protocol == "rest-xml":
        return f"<Error>{inner}</Error>"
    return f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error><RequestId>0</RequestId></ErrorResponse>"


def environment(url: str, key: str = PROGRAM) -> dict[str, str]:
    """Returns the variables that lead the AWS SDK to the door."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
