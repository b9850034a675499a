"""The function that makes the application's user, with a stand-in for the RDS Data API."""

import base64
import hashlib
import hmac
import importlib.util
from types import ModuleType

import pytest

from causeway.application_user import FUNCTION_SOURCE


@pytest.fixture(scope="module")
def function() -> ModuleType:
    spec = importlib.util.spec_from_file_location("database_user", FUNCTION_SOURCE / "index.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class DataApi:
    """Records statements; says that a role exists, or that the database is still waking up, when told to."""

    class exceptions:
        class DatabaseResumingException(Exception):
            pass

    def __init__(self, role_exists: bool = False, asleep_for: int = 0) -> None:
        self.statements: list[str] = []
        self._role_exists = role_exists
        self._asleep_for = asleep_for

    def execute_statement(self, sql: str, **target: str) -> dict:
        assert target == {"resourceArn": "cluster", "secretArn": "master", "database": "demo"}
        if self._asleep_for:
            self._asleep_for -= 1
            raise self.exceptions.DatabaseResumingException
        self.statements.append(sql)
        return {"records": [[{"longValue": 1}]] if self._role_exists else []} if sql.startswith("SELECT") else {}


def _ensure(function: ModuleType, api: DataApi, user: str = "causeway", password: str | None = "s3cret") -> list[str]:
    function.ensure_user(function.Database(api, "cluster", "master", "demo"), user, password)
    return api.statements


def test_the_user_gets_no_more_rights_than_it_needs(function: ModuleType):
    grants = [sql for sql in _ensure(function, DataApi()) if sql.startswith("GRANT")]

    assert grants == [
        'GRANT CONNECT ON DATABASE "demo" TO "causeway"',
        'GRANT USAGE, CREATE ON SCHEMA "causeway" TO "causeway"',
    ]


def test_everybody_elses_rights_are_taken_away(function: ModuleType):
    statements = _ensure(function, DataApi())

    assert 'REVOKE ALL ON DATABASE "demo" FROM PUBLIC' in statements
    assert "REVOKE ALL ON SCHEMA public FROM PUBLIC" in statements


def test_a_user_that_exists_is_brought_in_line_and_not_made_again(function: ModuleType):
    statements = _ensure(function, DataApi(role_exists=True))

    assert not any(sql.startswith("CREATE ROLE") for sql in statements)
    assert any(sql.startswith('ALTER ROLE "causeway" PASSWORD') for sql in statements)


def test_the_password_is_in_no_statement(function: ModuleType):
    assert "s3cret" not in " ".join(_ensure(function, DataApi(), password="s3cret"))


def test_without_a_password_the_user_logs_in_with_tokens_and_has_none(function: ModuleType):
    statements = _ensure(function, DataApi(role_exists=True), password=None)

    assert 'ALTER ROLE "causeway" PASSWORD NULL' in statements
    assert 'GRANT rds_iam TO "causeway"' in statements
    assert not any("SCRAM" in sql or "REVOKE rds_iam" in sql for sql in statements)


def test_a_user_with_a_password_is_not_asked_for_tokens(function: ModuleType):
    assert 'REVOKE rds_iam FROM "causeway"' in _ensure(function, DataApi(role_exists=True))


def test_a_name_cannot_break_out_of_its_quotes(function: ModuleType):
    statements = _ensure(function, DataApi(), user="""a"b'c""")

    assert statements[0] == "SELECT 1 FROM pg_roles WHERE rolname = 'a\"b''c'"
    assert """CREATE ROLE "a""b'c" LOGIN""" in statements[1]


def test_a_paused_database_is_waited_for(function: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(function.time, "sleep", lambda _: None)

    assert _ensure(function, DataApi(asleep_for=5))


def test_a_database_that_does_not_wake_fails_the_deployment(function: ModuleType, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(function, "WAKE_UP_SECONDS", -1)

    with pytest.raises(DataApi.exceptions.DatabaseResumingException):
        _ensure(function, DataApi(asleep_for=5))


def test_the_verifier_is_the_one_of_rfc_7677(function: ModuleType):
    """The RFC's example conversation: a server that stores our verifier gives the signature the RFC prints."""
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    verifier = function.scram_verifier("pencil", salt)
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    conversation = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"

    head, keys = verifier.split("$", 2)[:2], verifier.split("$", 2)[2]
    stored_key, server_key = (base64.b64decode(key) for key in keys.split(":"))
    signature = hmac.digest(server_key, conversation.encode(), "sha256")
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client_signature = hmac.digest(stored_key, conversation.encode(), "sha256")
    client_key = bytes(a ^ b for a, b in zip(proof, client_signature, strict=True))

    assert head == ["SCRAM-SHA-256", "4096:W22ZaJ0SNY7soEsUEjb6gQ=="]
    assert base64.b64encode(signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert hashlib.sha256(client_key).digest() == stored_key
