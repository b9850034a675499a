"""What the service runs on Aurora DSQL at its start passes AWS's own linter, dsql-lint.

The program itself runs with `DB_ENGINE=dsql` against a server of the tests: a proxy notes each statement, takes the one
word out that PostgreSQL does not know, and passes it on.
"""

import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import doctor_gate
import dsql_user
import pytest

from postgres_server import Server, eventually, free_port, running
from test_environment import _binary

LONGEST_START_SECONDS = 120
SSL_REQUEST, CANCEL_REQUEST = 80877103, 80877102
CLEAR_PASSWORD = b"R" + struct.pack("!ii", 8, 3)


class Proxy:
    """Takes any token, as the rules of DSQL are tested elsewhere."""

    def __init__(self, server: Server) -> None:
        self.statements: list[str] = []
        self._server = server
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(server.certificate, server.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            try:
                assert struct.unpack("!ii", connection.recv(8)) == (8, SSL_REQUEST)
                connection.sendall(b"S")
                client = self._context.wrap_socket(connection, server_side=True)
                reader = client.makefile("rb")
                start = _message(reader)
                if start[:4] != struct.pack("!i", CANCEL_REQUEST):
                    client.sendall(CLEAR_PASSWORD)
                    assert reader.read(1) == b"p" and _message(reader)
                server.connect(str(self._server.socket))
                server.sendall(struct.pack("!i", len(start) + 4) + start)
                threading.Thread(target=_forward, args=(server, client), daemon=True).start()
                while kind := reader.read(1):
                    body = self._noted(kind, _message(reader))
                    server.sendall(kind + struct.pack("!i", len(body) + 4) + body)
            except (OSError, struct.error):
                return

    def _noted(self, kind: bytes, body: bytes) -> bytes:
        """Query has the text alone; Parse has a name before it."""
        if kind not in b"QP":
            return body
        begin = 0 if kind == b"Q" else body.index(b"\0") + 1
        end = body.index(b"\0", begin)
        sql = body[begin:end].decode()
        self.statements.append(sql)
        return body[:begin] + sql.replace(" INDEX ASYNC ", " INDEX ").encode() + body[end:]


def _message(reader: object) -> bytes:
    [length] = struct.unpack("!i", reader.read(4))  # type: ignore[attr-defined]
    return reader.read(length - 4)  # type: ignore[attr-defined]


def _forward(source: socket.socket, target: socket.socket) -> None:
    try:
        while part := source.recv(65536):
            target.sendall(part)
    except OSError:
        return


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The changes of the schema that the service makes, until no later one can follow."""
    program = _binary("frontend-api")
    with running(tmp_path_factory.mktemp("dsql"), "") as server:
        server.run("CREATE ROLE causeway LOGIN SUPERUSER")
        proxy, port = Proxy(server), free_port()
        variables = {
            "PORT": str(port),
            "BIND_ADDRESS": "127.0.0.1",
            "DB_ENGINE": "dsql",
            "DB_HOST": "localhost",
            "DB_PORT": str(proxy.port),
            "DB_USER": "causeway",
            "DB_SSLROOTCERT": str(server.certificate),
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "ECSPRIVATESERVICE": "http://127.0.0.1:1",
        }
        log = (server.folder / "service.log").open("w")
        service = subprocess.Popen([program], env=variables, stdout=log, stderr=log)
        try:
            eventually(lambda: _is_ready(port), "the service is ready", LONGEST_START_SECONDS)
            # Of the migration that comes last among those that run in the background, beside the others.
            eventually(
                lambda: any("DROP INDEX" in each for each in proxy.statements), "the last change", LONGEST_START_SECONDS
            )
            yield [each for each in proxy.statements if each.split()[0].upper() in ("CREATE", "ALTER", "DROP")]
        finally:
            service.terminate()
            service.wait()
            proxy.close()


def _is_ready(port: int) -> bool:
    return doctor_gate.fetch(f"http://127.0.0.1:{port}/ready", "")[0] == 200


def _lint(*statements: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "dsql-lint"
    text = "".join(f"{each.rstrip().rstrip(';')};\n" for each in statements)
    return subprocess.run([program, "-"], input=text, capture_output=True, text=True, check=False, env=os.environ)


def test_each_change_of_the_schema_passes_awss_linter(changes: list[str]):
    result = _lint(*changes)

    assert any(each.startswith("CREATE TABLE IF NOT EXISTS users ") for each in changes), changes
    assert result.returncode == 0, result.stdout


def test_each_change_of_the_schema_is_a_statement_by_itself_and_can_be_repeated(changes: list[str]):
    for change in changes:
        assert ";" not in change.rstrip().rstrip(";"), change
        assert "IF NOT EXISTS" in change or "IF EXISTS" in change, change


def test_the_statements_that_make_the_user_pass_it_too():
    statements: list[str] = []

    class Database:
        def execute(self, sql: str) -> list[list[str]]:
            statements.append(sql)
            return []

    dsql_user.ensure(Database(), "causeway", "arn:aws:iam::111122223333:role/front-door")
    result = _lint(*statements)

    assert len(statements) == 7
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX newest ON visits (last_update)",
        "CREATE INDEX ASYNC newest ON visits (last_update DESC)",
        "CREATE TABLE a (id bigint GENERATED ALWAYS AS IDENTITY)",
        "ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 1",
    ],
)
def test_the_linter_finds_what_the_other_rendering_has(sql: str):
    assert _lint(sql).returncode == 1
