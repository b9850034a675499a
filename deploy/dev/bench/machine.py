"""Programs under measurement, their peers' tools, and the load on them."""

import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# The profile of the images: what is measured is what ships.
PROFILE = os.environ.get("BENCH_PROFILE", "dist")
OUTPUT = TARGET / "bench"
CONNECTIONS = 64
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
INSERT = "INSERT INTO access (last_update, user_agent) VALUES (now() AT TIME ZONE 'utc', 'pgbench');\n"


class Service:
    """A binary of the measured profile on a free port, with its log in a file."""

    def __init__(self, program: str, variables: dict[str, str] | None = None, ready: str = "/ready") -> None:
        self.name = Path(program).name
        self.program = TARGET / PROFILE / program
        # The second as the images set it.
        self.variables = {"WORKERS": "1", "MIMALLOC_PURGE_DELAY": "0"} | (variables or {})
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = open(OUTPUT / f"{self.name}.log", "wb")
        self.process = self.start(self.port)
        wait_for(self.url + ("/" if "examples" in program else "/health"))
        if "DATABASE_URL" in self.variables:
            wait_for(self.url + ready)
        time.sleep(1)  # what start-up needed and idling does not is given back
        self.idle = self.resident()

    def start(self, port: int) -> subprocess.Popen:
        environment = {"PORT": str(port), "BIND_ADDRESS": "127.0.0.1", "SHUTDOWN_DELAY_MS": "0", "LOG_FORMAT": "json"}
        return subprocess.Popen([self.program], env=environment | self.variables, stdout=self.log, stderr=self.log)

    def resident(self) -> int:
        """Kilobytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def metric(self, name: str) -> float:
        """A metric without labels."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=5) as answer:
            return float(re.search(rf"^causeway_{name} (\S+)", answer.read().decode(), re.MULTILINE).group(1))

    def start_again(self) -> float:
        """Seconds from starting another one to its first answer."""
        port = free_port()
        began = time.perf_counter()
        process = self.start(port)
        wait_for(f"http://127.0.0.1:{port}/health", pause=0.0002)
        seconds = time.perf_counter() - began
        stop(process)
        return seconds


@contextmanager
def service(program: str, variables: dict[str, str] | None = None):
    running = Service(program, variables)
    try:
        yield running
    finally:
        stop(running.process)


@contextmanager
def database_of_our_own():
    """The PostgreSQL of `make run`, through `local`, which also prints its address."""
    ports = {name: str(free_port()) for name in ("PORT", "PRIVATE_PORT", "BALANCER_PORT")}
    process = subprocess.Popen([TARGET / PROFILE / "local"], env=os.environ | ports, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if found := re.search(r"PostgreSQL (\d+)\S*\s*127\.0\.0\.1:(\d+), .* in (.+)$", line):
                break
        else:
            sys.exit("bench: the database did not start")
        major, port, files = found.groups()
        password = (Path(files.strip()) / f"{major}.password").read_text().strip()
        server = f"postgres://postgres:{password}@127.0.0.1:{port}"
        query(f"{server}/postgres", "DROP DATABASE IF EXISTS bench WITH (FORCE)")
        query(f"{server}/postgres", "CREATE DATABASE bench")
        yield f"{server}/bench"
        query(f"{server}/postgres", "DROP DATABASE bench WITH (FORCE)")
    finally:
        stop(process)


@contextmanager
def collector_of_our_own():
    """A collector of traces that keeps nothing, or None without rotel. Yields its URL."""
    program = TARGET / "rotel" / "rotel" / "rotel-agent"  # `make rotel` installs it
    if not program.is_file():
        yield None
        return
    grpc, http = free_port(), free_port()
    endpoints = [f"--otlp-grpc-endpoint=127.0.0.1:{grpc}", f"--otlp-http-endpoint=127.0.0.1:{http}"]
    process = subprocess.Popen([program, "start", "--exporter", "blackhole", *endpoints], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{grpc}"
    finally:
        stop(process)


def load(url: str, connections: int = CONNECTIONS, headers: tuple[str, ...] = ()) -> float:
    """Answered requests a second; anything but a 200 ends the measurement."""
    return measured(url, connections, headers)[0]


def measured(url: str, connections: int = CONNECTIONS, headers: tuple[str, ...] = ()) -> tuple[float, float]:
    """Answered requests a second, and the median latency in seconds."""
    sent = [argument for header in headers for argument in ("-H", header)]
    if shutil.which("wrk"):
        text = output(["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", *sent, url])
        if "Non-2xx" in text or "Socket errors" in text:
            sys.exit(f"bench: {url} failed under load:\n{text}")
        value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", text).groups()
        median = float(value) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]
        return float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)), median
    summary = json.loads(output(["oha", "--json", "--no-tui", f"-c{connections}", f"-z{SECONDS}s", *sent, url]))
    if set(summary["statusCodeDistribution"]) != {"200"}:
        sys.exit(f"bench: {url} failed under load: {summary['statusCodeDistribution']}")
    return summary["summary"]["requestsPerSec"], summary["latencyPercentiles"]["p50"]


def pgbench(database: str, script: str = INSERT, connections: int = CONNECTIONS) -> tuple[float, float]:
    """Transactions a second, and their median latency in seconds."""
    file, log = OUTPUT / "pgbench.sql", OUTPUT / "pgbench"
    file.write_text(script)
    for old in OUTPUT.glob("pgbench.[0-9]*"):
        old.unlink()
    clients = [f"--client={connections}", "--jobs=1", f"--time={SECONDS}", "--protocol=prepared", "--no-vacuum"]
    # A line a transaction costs pgbench time: only where latency is the question.
    logged = ["--log", f"--log-prefix={log}"] if connections == 1 else []
    text = output(["pgbench", *clients, *logged, f"--file={file}", database])
    rate = float(re.search(r"tps = ([\d.]+)", text).group(1))
    latencies = [int(line.split()[2]) for part in OUTPUT.glob("pgbench.[0-9]*") for line in part.read_text().splitlines()]
    return rate, statistics.median(latencies) / 1e6 if latencies else connections / rate


def query(database: str, sql: str) -> None:
    subprocess.run(["psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--command={sql}", database], check=True)


def output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(url: str, pause: float = 0.01) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit(f"bench: no answer from {url}")
            time.sleep(pause)


def stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()


def progress(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
