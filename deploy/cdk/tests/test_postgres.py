"""The function's own client of PostgreSQL's protocol, against a real server that takes a clear password within TLS."""

import socket
import ssl
import threading
from collections.abc import Iterator

import postgres
import pytest

from postgres_server import Server, running

PASSWORD = "a-token/?Action=DbConnectAdmin&X-Amz-Expires=900"
RULES = "hostssl all admin all password\nhostssl all scram all scram-sha-256\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("postgres"), RULES) as server:
        server.run(f"CREATE ROLE admin LOGIN SUPERUSER PASSWORD '{PASSWORD}'", "CREATE ROLE scram LOGIN PASSWORD 'x'")
        yield server


def _connect(
    server: Server, user: str = "admin", password: str = PASSWORD, host: str = "localhost"
) -> postgres.Connection:
    context = ssl.create_default_context(cafile=str(server.certificate))
    return postgres.Connection(host, user, password, "postgres", server.port, context)


def test_rows_are_read_with_their_nulls_and_umlauts(server: Server):
    with _connect(server) as session:
        rows = session.execute("SELECT 1, NULL, 'Zoë' UNION ALL SELECT 2, '', 'b' ORDER BY 1")

    assert rows == [["1", None, "Zoë"], ["2", "", "b"]]


def test_a_statement_without_rows_has_none(server: Server):
    with _connect(server) as session:
        assert session.execute("CREATE SCHEMA IF NOT EXISTS causeway") == []


def test_a_refused_statement_is_an_error_with_its_code_and_the_session_goes_on(server: Server):
    with _connect(server) as session:
        with pytest.raises(postgres.Refused, match='"nothing" does not exist') as refused:
            session.execute("SELECT 1 FROM nothing")
        assert refused.value.code == "42P01"
        assert session.execute("SELECT 3") == [["3"]]


def test_a_wrong_token_is_refused_and_not_repeated_in_the_error(server: Server):
    with pytest.raises(postgres.Refused) as refused:
        _connect(server, password="another-token")

    assert refused.value.code == "28P01"
    assert "another-token" not in str(refused.value)


def test_a_server_that_asks_for_more_than_a_clear_password_is_refused(server: Server):
    with pytest.raises(postgres.Refused, match="log-in of kind 10"):
        _connect(server, user="scram")


def test_a_certificate_for_another_name_gets_no_token(server: Server):
    with pytest.raises(ssl.SSLCertVerificationError):
        _connect(server, host="127.0.0.1")


def test_a_session_that_the_server_ends_is_an_error(server: Server):
    with _connect(server) as session, pytest.raises(postgres.Refused) as refused:
        session.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    assert refused.value.code == "57P01"


def test_a_server_that_does_not_encrypt_gets_no_token():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(8))
                connection.sendall(b"N")
                heard.append(connection.recv(1))

        heard: list[bytes] = []
        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(ConnectionError, match="does not encrypt"):
            postgres.Connection("127.0.0.1", "admin", PASSWORD, "postgres", listener.getsockname()[1])
        thread.join()

    assert heard[1] == b"", "nothing follows the refusal"


def test_a_zero_byte_cannot_end_a_text_early(server: Server):
    with _connect(server) as session, pytest.raises(ValueError, match="zero byte"):
        session.execute("SELECT 1\0; DROP ROLE scram")
