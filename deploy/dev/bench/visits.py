"""Visits against their peers: pgbench's single-row insert, a bare actix-web route, and that route with actix's own logger."""

import json
import os
import statistics

from cycle import medians, observe
from machine import CONNECTIONS, OUTPUT, ROUNDS, Service, load, measured, pgbench, progress, query

MANY = 640
BETWEEN = 256
MANY_ROWS = int(os.environ.get("BENCH_ROWS", "10000000"))
FEW_ROWS = 10_000


def measure_rates(database: str, bare: Service, logged: Service, frontend: Service, traced: Service | None) -> list[tuple]:
    """Each peer once a round, so that a slow minute of the machine meets all of them."""
    rates: dict[str, list[float]] = {}
    latencies: dict[str, list[float]] = {"insert": [], "pgbench": []}
    cycles: dict[int, list[dict[str, float]]] = {CONNECTIONS: [], BETWEEN: [], MANY: []}

    def note(name: str, rate: float) -> None:
        rates.setdefault(name, []).append(rate)

    for number in range(ROUNDS):
        progress(f"visits, round {number + 1} of {ROUNDS}")
        query(database, "TRUNCATE access")
        query(database, "CHECKPOINT")
        note("pgbench", pgbench(database)[0])
        note("bare", load(bare.url + "/"))
        note("logged", load(logged.url + "/"))
        for name, connections in (("insert", CONNECTIONS), ("insert, between", BETWEEN), ("insert, many", MANY)):
            cycles[connections].append(observe(database, frontend, connections))
            note(name, cycles[connections][-1]["rate"])
        if traced:
            note("traced", load(traced.url + "/"))
        note("newest", load(frontend.url + "/recent-visits"))
        note("health", load(frontend.url + "/health"))
        latencies["pgbench"].append(pgbench(database, connections=1)[1])
        latencies["insert"].append(measured(frontend.url + "/", 1)[1])
    # For deploy/dev/simulation.
    (OUTPUT / "measured.json").write_text(json.dumps([medians(observed) for observed in cycles.values()], indent=1) + "\n")
    rate = {name: statistics.median(values) for name, values in rates.items()}
    alone = {name: statistics.median(values) for name, values in latencies.items()}

    def per(name: str, peer: str, called: str, goal: float | None = None) -> tuple[str, str]:
        ratio = rate[name] / rate[peer]
        return judged(ratio, f"× {called}", goal)

    rows = [
        ("pgbench, one INSERT per transaction, prepared", f"{rate['pgbench']:,.0f}/s", "", ""),
        ("bare actix-web route", f"{rate['bare']:,.0f}/s", "", ""),
        ("the same with actix's `Logger` and our headers", f"{rate['logged']:,.0f}/s", *per("logged", "bare", "bare")),
        ("`GET /health`", f"{rate['health']:,.0f}/s", *per("health", "bare", "bare")),
        ("", "", *per("health", "logged", "Logger")),
        ("`GET /`: answered inserts", f"{rate['insert']:,.0f}/s", *per("insert", "pgbench", "pgbench", 3.2)),
        ("", "", *per("insert", "logged", "Logger", 0.7)),
        ("", "", *per("insert", "bare", "bare", 0.45)),
        (f"`GET /` at {MANY} connections", f"{rate['insert, many']:,.0f}/s", *per("insert, many", "insert", f"at {CONNECTIONS}", 1.0)),
        ("`GET /recent-visits`: newest ten", f"{rate['newest']:,.0f}/s", *per("newest", "logged", "Logger", 1.15)),
        ("", "", *per("newest", "bare", "bare", 0.72)),
    ]
    ratio = alone["insert"] / alone["pgbench"]
    latency = f"{alone['insert'] * 1e6:,.0f} µs, pgbench {alone['pgbench'] * 1e6:,.0f} µs"
    rows.append(("p50 of one client's insert", latency, *judged(ratio, "× pgbench", 1.35, most=True)))
    if traced:
        rows.append(("`GET /` with 5 % of the requests traced", f"{rate['traced']:,.0f}/s", *per("traced", "insert", "tracing off", 0.95)))
    else:
        rows.append(("`GET /` with 5 % of the requests traced", "not measured: see `make rotel`", "", "≥ 0.95"))
    return rows


def measure_sizes(database: str, frontend: Service) -> list[tuple]:
    """Whether the newest ten cost the same among many rows as among few."""
    rates = {}
    for rows in (FEW_ROWS, MANY_ROWS):
        progress(f"newest ten of {rows:,} rows")
        query(database, "TRUNCATE access")
        query(database, f"INSERT INTO access SELECT timestamp '2026-01-01' + i * interval '1 second', 'row ' || i FROM generate_series(1, {rows}) i")
        query(database, "VACUUM ANALYZE access")
        query(database, "CHECKPOINT")
        rates[rows] = statistics.median(load(frontend.url + "/recent-visits") for _ in range(ROUNDS))
    ratio = rates[MANY_ROWS] / rates[FEW_ROWS]
    return [(f"newest ten at {MANY_ROWS:,} rows", f"{rates[MANY_ROWS]:,.0f}/s", *judged(ratio, f"× at {FEW_ROWS:,} rows", 0.9))]


def judged(ratio: float, what: str, goal: float | None = None, most: bool = False) -> tuple[str, str]:
    """The ratio, marked where it misses its goal, and the goal."""
    if goal is None:
        return f"{ratio:.2f} {what}", ""
    missed = ratio > goal if most else ratio < goal
    return f"{ratio:.2f} {what}{', **missed**' if missed else ''}", f"{'≤' if most else '≥'} {goal:g}"
