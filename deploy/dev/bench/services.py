"""Each service by itself: memory, starts, and what clients cost that never read."""

import socket
import statistics
import time
import urllib.request
from contextlib import ExitStack

from machine import ROUNDS, Service, load, progress, stop
from visits import judged

CLOSED = 4000
STALLED = 500
STALLED_SECONDS = 10  # shorter than the 15 s after which a blocked answer ends its connection


def measure_catalogue(private: Service) -> list[tuple]:
    """What books and authors cost beyond private-service's smallest answer."""
    paths = ("/health", "/api/books", "/api/books/1", "/api/authors", "/api/authors/1")
    rates: dict[str, list[float]] = {path: [] for path in paths}
    for _ in range(ROUNDS):
        for path in paths:
            rates[path].append(load(private.url + path))
    median = {path: statistics.median(values) for path, values in rates.items()}
    health = median.pop("/health")
    rows = [("private-service: `GET /health`", f"{health:,.0f}/s", "", "")]
    return rows + [(f"`GET {path.replace('/1', '/{id}')}`", f"{rate:,.0f}/s", *judged(rate / health, "× /health", 0.85)) for path, rate in median.items()]


def measure_services(frontend: Service, private: Service) -> list[tuple]:
    """Memory before and after load, and how fast each starts."""
    rows = []
    load(private.url + "/health")
    for running in (frontend, private):
        rows.append((f"{running.name}: resident memory idle", f"{running.idle / 1024:.1f} MB", "", "≤ 15 MB"))
        rows.append((f"{running.name}: resident memory after load", f"{running.resident() / 1024:.1f} MB", "", "≤ 30 MB"))
        starts = statistics.median(running.start_again() for _ in range(max(ROUNDS, 5)))
        rows.append((f"{running.name}: start to first 200 on /health", f"{starts * 1e3:.1f} ms", "", "≤ 30 ms"))
    return rows


def measure_closed(frontend: Service) -> tuple:
    """What stays of so many connections after they have closed."""
    progress(f"{CLOSED} connections at once, closed again")
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", frontend.port))) for _ in range(CLOSED)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for client in clients:
            client.recv(4096)
    time.sleep(2)
    return (f"frontend-api: resident after {CLOSED:,} connections closed", f"{frontend.resident() / 1024:.1f} MB", "", "≤ 24 MB")


def measure_stalled() -> list[tuple]:
    """What clients that send and never read cost in memory, and how long their neighbours wait meanwhile."""
    rows = []
    for what, request, times in (
        ("that pipeline `GET /health`", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", 1000),
        ("that ask for Swagger's bundle", b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n", 1),
    ):
        progress(f"{STALLED} clients {what}")
        database = "postgres://nobody@127.0.0.1:1/none?sslmode=disable"
        with ExitStack() as stack:
            # Not `service`: it is never ready, for want of a database.
            running = Service("frontend-api", {"DATABASE_URL": database}, "/health")
            stack.callback(stop, running.process)
            slowest, most, began = 0.0, 0, time.monotonic()
            clients = []
            for _ in range(STALLED):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", running.port)))
                client.setblocking(False)
                clients.append(client)
            while time.monotonic() - began < STALLED_SECONDS:
                for client in clients:
                    try:
                        client.send(request * times)
                    except OSError:
                        pass  # it takes no more, or has ended the connection
                asked = time.perf_counter()
                with urllib.request.urlopen(running.url + "/health", timeout=30):
                    slowest = max(slowest, time.perf_counter() - asked)
                most = max(most, running.resident())
                time.sleep(0.05)
        rows.append((f"{STALLED} clients {what} and never read: resident", f"{most / 1024:.0f} MB", "", "< 128 MB"))
        rows.append(("their neighbour's slowest `GET /health`", f"{slowest * 1e3:.0f} ms", "", "≤ 100 ms"))
    return rows
