"""Starts the system on a separate PostgreSQL, and has schemathesis hold it against its OpenAPI document.

`make test-contract` runs this under with-postgres, with the programs of target/debug (CARGO_TARGET_DIR). A failure names
the request; SEED repeats a run, and EXAMPLES says how many random requests each operation gets in each phase.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent.parent
PROGRAMS = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
SCHEMATHESIS = FOLDER / ".venv" / "bin" / "schemathesis"
# As person, every operation; as admin, what a person may not do: the other users' data, and the metrics.
ADMIN_TOKEN = "an-admin-token-that-only-this-run-knows"
AS_ADMIN = ("--include-path-regex", "^/(users|metrics|test-connection)")
START_SECONDS = 60
# For one run. A count of requests bounds it, so that a fast machine finds no more than a slow one.
LONGEST_SECONDS = 180


def ports(count):
    """Returns free ports: all are held until the last one is known."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [str(each.getsockname()[1]) for each in sockets]


@contextlib.contextmanager
def system(folder):
    """Runs both services and the stand-ins; yields the API's address."""
    api, private, balancer = ports(3)
    variables = {"PORT": api, "PRIVATE_PORT": private, "BALANCER_PORT": balancer}
    variables |= {"DATABASE_URL": os.environ["TEST_DATABASE_URL"], "ADMIN_TOKEN": ADMIN_TOKEN, "FORWARDED_HOPS": "1"}
    log = folder / "system.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PROGRAMS / "local"], env={**os.environ, **variables}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_for(process, f"http://127.0.0.1:{api}/ready", log)
        yield f"http://127.0.0.1:{api}"
    finally:
        process.terminate()
        process.wait(60)


def wait_for(process, url, log):
    """Returns when the URL answers with a success."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    sys.exit(f"the system is not ready after {START_SECONDS} s:\n{log.read_text(errors='replace')[-4000:]}")


def schemathesis(folder, api, *options, **variables):
    """Runs schemathesis; returns its exit code. Its files go to `folder`."""
    command = [SCHEMATHESIS, "--config-file", FOLDER / "schemathesis.toml", "run", f"{api}/openapi.json"]
    command += ["--seed", os.environ.get("SEED", "1"), "--max-examples", os.environ.get("EXAMPLES", "50"), *options]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(FOLDER / "hooks.py"), "API": api, **variables}
    return subprocess.run(command, check=False, cwd=folder, env=environment, timeout=LONGEST_SECONDS).returncode


def main():
    with tempfile.TemporaryDirectory() as name, system(Path(name)) as api:
        as_person = schemathesis(name, api)
        as_admin = schemathesis(name, api, *AS_ADMIN, TOKEN=ADMIN_TOKEN)
    print(f"the answers are those of the document: {as_person + as_admin == 0}")
    return int(bool(as_person or as_admin))


if __name__ == "__main__":
    sys.exit(main())
