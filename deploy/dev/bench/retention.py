"""What `VISITS_RETENTION_DAYS` costs the inserts while old visits are removed."""

import statistics
import sys
import time

from machine import ROUNDS, Service, load, progress, query, service
from visits import judged

OLD_ROWS = 2_000_000
DAYS = 30


def measure_retention(database: str, frontend: Service, connected: dict[str, str]) -> list[tuple]:
    """Each round with and without removal, on tables of the same size."""
    rates: dict[str, list[float]] = {"kept": [], "removing": [], "removed": []}
    for number in range(ROUNDS):
        progress(f"removal of old visits, round {number + 1} of {ROUNDS}")
        with_old_visits(database)
        rates["kept"].append(load(frontend.url + "/"))
        with_old_visits(database)
        with service("frontend-api", connected | {"VISITS_RETENTION_DAYS": str(DAYS)}) as removing:
            begun, before = time.perf_counter(), removing.metric("visits_removed_total")
            rates["removing"].append(load(removing.url + "/"))
            removed = removing.metric("visits_removed_total") - before
            rates["removed"].append(removed / (time.perf_counter() - begun))
        if removed >= OLD_ROWS:
            sys.exit(f"bench: {OLD_ROWS:,} old visits are too few for this machine")
    rate = {name: statistics.median(values) for name, values in rates.items()}
    return [
        (f"`GET /` among {OLD_ROWS:,} old visits, which are kept", f"{rate['kept']:,.0f}/s", "", ""),
        ("the same while they are removed", f"{rate['removing']:,.0f}/s", *judged(rate["removing"] / rate["kept"], "× kept", 0.9)),
        ("removed meanwhile", f"{rate['removed']:,.0f}/s", *judged(rate["removed"] / rate["removing"], "× the inserts", 1.0)),
    ]


def with_old_visits(database: str) -> None:
    query(database, "TRUNCATE access, leases")
    query(database, "INSERT INTO access SELECT (now() AT TIME ZONE 'utc') - interval '60 days' + i * interval '1 second', 'Mozilla/5.0 (X11; Linux x86_64) ' || i "
                    f"FROM generate_series(1, {OLD_ROWS}) i")
    query(database, "VACUUM ANALYZE access")
    query(database, "CHECKPOINT")
