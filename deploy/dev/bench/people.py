"""People: many sign-ins at once."""

import json
import os
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from machine import Service, progress

SIGN_INS = int(os.environ.get("BENCH_SIGN_INS", "100"))
EMAIL, PASSWORD = "jane@example.com", "correct horse battery"


@contextmanager
def watched(running: Service):
    """Yields a list that has, at the end, the most memory in kilobytes and the slowest `GET /health` in seconds."""
    found: list[float] = [0, 0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            asked = time.perf_counter()
            with urllib.request.urlopen(f"{running.url}/health", timeout=30):
                found[1] = max(found[1], time.perf_counter() - asked)
            found[0] = max(found[0], running.resident())
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def measure_sign_ins(frontend: Service) -> list[tuple]:
    """Many sign-ins at once, and how long others wait meanwhile."""

    def post(path: str) -> int:
        body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
        request = urllib.request.Request(frontend.url + path, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code

    progress(f"{SIGN_INS} sign-ins at once")
    if (status := post("/users")) not in (201, 409):
        raise SystemExit(f"bench: signing up was answered with {status}")
    with watched(frontend) as most, ThreadPoolExecutor(SIGN_INS) as clients:
        statuses = list(clients.map(lambda _: post("/sessions"), range(SIGN_INS)))
    signed_in = statuses.count(201)
    return [
        (f"{SIGN_INS} sign-ins at once: answered", f"{signed_in} with 201, {SIGN_INS - signed_in} with 503 or 429", "", ""),
        ("their resident memory", f"{most[0] / 1024:.0f} MB", "", "≤ 128 MB"),
        ("the slowest `GET /health` meanwhile", f"{most[1] * 1e3:.0f} ms", "", "≤ 100 ms"),
    ]
