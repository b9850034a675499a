"""The function that maps a front door's role to its user in Aurora DSQL, with a stand-in for the cluster."""

import socket
from typing import Any

import boto3
import dsql_user
import postgres
import pytest

HOST = "abc.dsql.eu-west-1.on.aws"
ROLE = "arn:aws:iam::111122223333:role/Causeway-dev-ExpressFrontDoor-ApplicationRole-ABC"
OTHER_ROLE = ROLE.replace("Express", "AppRunner")


class Cluster:
    """Roles, schemas and mappings, as DSQL's documentation describes its statements; and what it refuses, in order."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.statements: list[str] = []
        self.roles: set[str] = set()
        self.schemas: set[str] = set()
        self.mappings: set[tuple[str, str]] = set()
        self.sessions = 0

    def connect(self, host: str) -> "Cluster":
        assert host == HOST
        self._refuse()
        self.sessions += 1
        return self

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        self.sessions -= 1

    def _refuse(self) -> None:
        if self.refusals:
            raise self.refusals.pop(0)

    def execute(self, sql: str) -> list[list[str]]:
        words = sql.split()
        quoted = sql.split("'")[1::2]
        if words[0] == "SELECT":
            found = {
                "pg_roles": quoted[0] in self.roles,
                "pg_namespace": quoted[0] in self.schemas,
                "sys.iam_pg_role_mappings": tuple(quoted) in self.mappings,
            }[words[3]]
            return [["1"]] if found else []
        self.statements.append(sql)
        match words:
            case ["CREATE", "ROLE", name, "WITH", "LOGIN"] if name not in self.roles:
                self.roles.add(name)
            case ["AWS", "IAM", "GRANT", name, "TO", _] if name in self.roles:
                self.mappings.add((name, quoted[0]))
            case ["AWS", "IAM", "REVOKE", name, "FROM", _] if (name, quoted[0]) in self.mappings:
                self.mappings.remove((name, quoted[0]))
            case ["CREATE", "SCHEMA", name] if name not in self.schemas:
                self.schemas.add(name)
            case ["GRANT", "USAGE,", "CREATE", "ON", "SCHEMA", schema, "TO", name]:
                assert schema in self.schemas and name in self.roles
            case _:
                raise postgres.Refused("42601", f"the cluster does not take {sql}")
        return []


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(dsql_user.time, "sleep", taken.append)
    return taken


def _event(kind: str, role: str = ROLE) -> dict[str, Any]:
    return {"RequestType": kind, "ResourceProperties": {"Host": HOST, "User": "causeway", "Role": role}}


def test_the_user_is_made_mapped_and_given_its_schema_and_no_more(pauses: list[float]):
    cluster = Cluster()

    dsql_user.work(cluster.connect, _event("Create"))

    assert cluster.statements == [
        "CREATE ROLE causeway WITH LOGIN",
        f"AWS IAM GRANT causeway TO '{ROLE}'",
        "CREATE SCHEMA causeway",
        "GRANT USAGE, CREATE ON SCHEMA causeway TO causeway",
    ]
    assert cluster.sessions == 0 and not pauses


def test_a_second_front_door_is_mapped_to_the_same_user():
    cluster = Cluster()

    dsql_user.work(cluster.connect, _event("Create"))
    dsql_user.work(cluster.connect, _event("Create", OTHER_ROLE))

    assert cluster.mappings == {("causeway", ROLE), ("causeway", OTHER_ROLE)}
    assert cluster.statements.count("CREATE ROLE causeway WITH LOGIN") == 1


def test_an_update_changes_nothing_that_is_there():
    cluster = Cluster()
    dsql_user.work(cluster.connect, _event("Create"))
    before = len(cluster.statements)

    dsql_user.work(cluster.connect, _event("Update"))

    assert cluster.statements[before:] == ["GRANT USAGE, CREATE ON SCHEMA causeway TO causeway"]


def test_a_deletion_removes_this_mapping_alone():
    cluster = Cluster()
    dsql_user.work(cluster.connect, _event("Create"))
    dsql_user.work(cluster.connect, _event("Create", OTHER_ROLE))

    dsql_user.work(cluster.connect, _event("Delete"))
    dsql_user.work(cluster.connect, _event("Delete"))

    assert cluster.mappings == {("causeway", OTHER_ROLE)}
    assert cluster.roles == cluster.schemas == {"causeway"}


@pytest.mark.parametrize(
    "refusal",
    [
        postgres.Refused("28000", "access denied"),
        postgres.Refused("08006", "unable to accept connection, access denied"),
        postgres.Refused("40001", "change conflicts with another transaction (OC001)"),
        postgres.Refused("42710", 'role "causeway" already exists'),
        ConnectionResetError("reset"),
        socket.gaierror(socket.EAI_NONAME, "a new cluster's name is not known yet"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again(refusal: Exception, pauses: list[float]):
    cluster = Cluster(refusal, refusal)

    dsql_user.work(cluster.connect, _event("Create"))

    assert cluster.mappings == {("causeway", ROLE)}
    assert len(pauses) == 2


def test_a_statement_that_is_wrong_is_not_tried_again(pauses: list[float]):
    with pytest.raises(postgres.Refused, match="42601"):
        dsql_user.work(Cluster(postgres.Refused("42601", "syntax error")).connect, _event("Create"))

    assert not pauses


def test_a_cluster_that_never_lets_the_function_in_fails_the_deployment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dsql_user, "LIMIT_SECONDS", -1)

    with pytest.raises(postgres.Refused, match="access denied"):
        dsql_user.work(Cluster(postgres.Refused("28000", "access denied")).connect, _event("Create"))


def test_a_cluster_that_is_gone_does_not_keep_the_stack(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dsql_user, "LIMIT_SECONDS", -1)

    dsql_user.work(Cluster(socket.gaierror(socket.EAI_NONAME, "not known")).connect, _event("Delete"))
    with pytest.raises(socket.gaierror):
        dsql_user.work(Cluster(socket.gaierror(socket.EAI_AGAIN, "no resolver")).connect, _event("Delete"))


@pytest.mark.parametrize("name", ["Causeway", "a b", 'a"b', "a;b", "", "1a", "ä"])
def test_a_name_that_needs_quotes_is_refused(name: str):
    with pytest.raises(ValueError, match="needs quotes"):
        dsql_user.identifier(name)


def test_an_arn_cannot_break_out_of_its_quotes():
    assert dsql_user.literal("a'b") == "'a''b'"


def _handled(monkeypatch: pytest.MonkeyPatch, event: dict[str, Any]) -> tuple[dict[str, Any], list[tuple]]:
    """Returns what CloudFormation is answered, and how the function connected."""
    answers: list[dict[str, Any]] = []
    made: list[tuple] = []
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-west-1")

    def connection(*arguments: str) -> Cluster:
        made.append(arguments)
        return Cluster()

    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr(boto3, "client", session.client)
    monkeypatch.setattr(dsql_user.postgres, "Connection", connection)
    monkeypatch.setattr(dsql_user.answer, "send", lambda event, *rest: answers.append({**event, "why": rest[1]}))
    dsql_user.handler(event, None)
    return answers[0], made


def test_the_function_is_the_admin_with_a_token_for_this_cluster(monkeypatch: pytest.MonkeyPatch):
    answered, [(host, user, token, database)] = _handled(monkeypatch, _event("Create"))

    assert answered["why"] is None
    assert (host, user, database) == (HOST, "admin", "postgres")
    assert token.startswith(f"{HOST}/?Action=DbConnectAdmin&")


def test_a_new_role_is_a_new_mapping_so_that_the_old_one_goes_when_nothing_uses_it(monkeypatch: pytest.MonkeyPatch):
    updated = {**_event("Update", OTHER_ROLE), "PhysicalResourceId": ROLE}
    deleted = {**_event("Delete"), "PhysicalResourceId": ROLE}

    assert _handled(monkeypatch, updated)[0]["PhysicalResourceId"] == OTHER_ROLE
    assert _handled(monkeypatch, deleted)[0]["PhysicalResourceId"] == ROLE
