"""What the inserts of one load consist of: rows of a batch, time of its INSERT, processor time of everybody who takes part.

deploy/dev/simulation predicts the rates from these figures and compares them with the rates of the same run.
"""

import os
import re
import resource
import statistics
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from machine import Service, load, output

TICK = 1e6 / os.sysconf("SC_CLK_TCK")  # microseconds


@dataclass
class Counters:
    """What has been counted so far; times in microseconds."""

    batches: float
    rows: float
    commit: float
    service: float
    database: float
    client: float
    idle: float


def observe(database: str, frontend: Service, connections: int) -> dict[str, float]:
    """Loads `GET /` and returns the rate, and per request or per batch what it consists of, in microseconds."""
    backends = output(["psql", "--no-psqlrc", "--tuples-only", "--command=SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()", database]).split()
    before = read(frontend, backends)
    rate = load(frontend.url + "/", connections)
    after = read(frontend, backends)
    spent = {name: getattr(after, name) - value for name, value in vars(before).items()}
    requests, batches = spent["rows"], spent["batches"]
    return {
        "clients": connections,
        "rate": rate,
        "rows": requests / batches,
        "commit": spent["commit"] / batches,
        "service": spent["service"] / requests,
        "database": spent["database"] / requests,
        "client": spent["client"] / requests,
        "idle": spent["idle"] / requests,
    }


def read(frontend: Service, backends: list[str]) -> Counters:
    with urllib.request.urlopen(frontend.url + "/metrics", timeout=5) as answer:
        metrics = answer.read().decode()

    def value(name: str) -> float:
        return float(re.search(rf"^causeway_{name} (\S+)", metrics, re.MULTILINE).group(1))

    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Counters(
        batches=value("visits_batch_size_count"),
        rows=value("visits_batch_size_sum"),
        commit=value("visits_commit_duration_seconds_sum") * 1e6,
        service=processor_time(str(frontend.process.pid)),
        database=sum(map(processor_time, backends)),
        client=(children.ru_utime + children.ru_stime) * 1e6,
        idle=sum(map(int, Path("/proc/stat").read_text().split()[4:6])) * TICK,
    )


def processor_time(pid: str) -> float:
    """All threads' time; none if the process has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK


def medians(observed: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(one[name] for one in observed), 2) for name in observed[0]}
