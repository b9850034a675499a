"""Visits that arrive whether or not others were answered, with quick commits and with those of an Aurora-like database."""

import json
import statistics
from contextlib import contextmanager

from machine import PROFILE, ROUNDS, SECONDS, TARGET, Service, load, output, progress, query, service

# Closed-loop connections that bring the service to its highest rate.
SATURATING = 640
# Aurora confirms a commit after about 3 ms: four of six copies in three zones have it.
COMMIT_MS = 3


@contextmanager
def slow_commits(database: str):
    """Another database of the same server. Each commit waits before it is written to disk, so that it takes about 3 ms."""
    server, name = database.rsplit("/", 1)
    slow = f"{name}_slow"
    query(f"{server}/postgres", f"DROP DATABASE IF EXISTS {slow} WITH (FORCE)")
    query(f"{server}/postgres", f"CREATE DATABASE {slow}")
    query(f"{server}/postgres", f"ALTER DATABASE {slow} SET commit_delay = {COMMIT_MS * 1000}")
    query(f"{server}/postgres", f"ALTER DATABASE {slow} SET commit_siblings = 0")
    try:
        yield f"{server}/{slow}"
    finally:
        query(f"{server}/postgres", f"DROP DATABASE {slow} WITH (FORCE)")


def measure_arrivals(database: str, connected: dict[str, str]) -> list[tuple]:
    """p50 and p99 at half of the rate that closed-loop clients reach."""
    with slow_commits(database) as slow, service("frontend-api", connected) as quick, service("frontend-api", connected | {"DATABASE_URL": slow}) as late:
        tested = {"local commits": (database, quick), f"commits of {COMMIT_MS} ms": (slow, late)}
        highest: dict[str, list[float]] = {name: [] for name in tested}
        for _ in range(ROUNDS):
            for name, (url, running) in tested.items():
                progress(f"the highest rate with {name}")
                query(url, "TRUNCATE access")
                highest[name].append(load(running.url + "/", SATURATING))
        rate = {name: statistics.median(values) for name, values in highest.items()}
        found: dict[str, list[dict[str, float]]] = {name: [] for name in tested}
        for _ in range(ROUNDS):
            for name, (url, running) in tested.items():
                progress(f"an open load with {name}")
                query(url, "TRUNCATE access")
                found[name].append(open_load(running, rate[name] / 2))
    rows = []
    for name, observed in found.items():
        p50, p99 = (statistics.median(one[percentile] for one in observed) / 1e3 for percentile in ("p50", "p99"))
        rows.append((f"`GET /` with {name}: {SATURATING} connections", f"{rate[name]:,.0f}/s", "", ""))
        rows.append((f"with {name}: half as many arrive, without waiting for answers", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", "", ""))
    return rows


def open_load(running: Service, per_second: float) -> dict[str, float]:
    """Percentiles in microseconds, counted from when each request was due. A request that fails ends the measurement."""
    program = TARGET / PROFILE / "open-load"
    return json.loads(output([program, f"127.0.0.1:{running.port}", "/", str(round(per_second)), str(SECONDS)]))
