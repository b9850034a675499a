"""Diaries: one's newest against pgbench with the same statements, and many uploads at once."""

import asyncio
import hashlib
import os
import statistics
import struct
import threading
import time
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from machine import ROUNDS, Service, load, pgbench, progress, query
from people import watched
from visits import judged

FEW_DIARIES = 100
MANY_DIARIES = int(os.environ.get("BENCH_DIARIES", "1000000"))
UPLOADS = int(os.environ.get("BENCH_UPLOADS", "1000"))
UPLOAD_ROWS = int(os.environ.get("BENCH_UPLOAD_ROWS", "1600"))  # of 5 kB each
USERS = 1001
UPLOADERS = 100  # One user may not have all places.
TOKEN = "t" * 43
BEARER = f"Bearer {TOKEN}"
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()
# What the service runs for a request for the list: the session, then the list. User 1 asks.
SAME_STATEMENTS = f"""\
SELECT token_hash, id, user_id, last_seen < now() - interval '1 minute' FROM sessions WHERE token_hash = '\\x{HASH}' \
AND last_seen > now() - interval '14 days' AND created_at > now() - interval '90 days';
SELECT id, text, alt, picture, created_at, updated_at, deleted_at FROM diaries \
WHERE user_id = 1 AND id < 9000000000 AND deleted_at IS NULL ORDER BY id DESC LIMIT 20;
"""
TEXT = "repeat('It rained, and then it did not. ', 4)"


def make_users(database: str) -> None:
    """Replaces all people by users 1 to USERS; the first has a session."""
    query(database, "TRUNCATE users, sessions, diaries, pictures, idempotency_keys, attempts RESTART IDENTITY CASCADE")
    query(database, f"INSERT INTO users (email, password) SELECT n || '@example.com', '' FROM generate_series(1, {USERS}) n")
    query(database, f"INSERT INTO sessions (token_hash, user_id) VALUES ('\\x{HASH}', 1)")


def measure_diaries(database: str, frontend: Service) -> list[tuple]:
    """One's newest 20 among few diaries and among many, those of others being newer."""
    rates: dict[tuple[str, int], float] = {}
    for total in (FEW_DIARIES, MANY_DIARIES):
        progress(f"the newest 20 of {total:,} diaries")
        make_users(database)
        query(database, f"INSERT INTO diaries (user_id, text) SELECT 1, {TEXT} FROM generate_series(1, 50)")
        query(database, f"INSERT INTO diaries (user_id, text) SELECT 2 + n % {USERS - 1}, {TEXT} FROM generate_series(1, {total - 50}) n")
        query(database, "VACUUM ANALYZE diaries")
        query(database, "VACUUM ANALYZE sessions")
        query(database, "CHECKPOINT")
        values: dict[str, list[float]] = {"service": [], "pgbench": []}
        for _ in range(ROUNDS):
            values["service"].append(load(f"{frontend.url}/diaries", headers=(f"Authorization: {BEARER}",)))
            values["pgbench"].append(pgbench(database, SAME_STATEMENTS)[0])
        for name, measured in values.items():
            rates[name, total] = statistics.median(measured)
    few, many = rates["service", FEW_DIARIES], rates["service", MANY_DIARIES]
    return [
        ("pgbench, the statements of `GET /diaries`, prepared", f"{rates['pgbench', FEW_DIARIES]:,.0f}/s", "", ""),
        ("`GET /diaries`: one's newest 20, with a session", f"{few:,.0f}/s", *judged(few / rates["pgbench", FEW_DIARIES], "× pgbench", 1.0)),
        (f"the same among {MANY_DIARIES:,} diaries", f"{many:,.0f}/s", *judged(many / few, f"× among {FEW_DIARIES}", 0.9)),
        ("", "", *judged(many / rates["pgbench", MANY_DIARIES], "× pgbench")),
    ]


class Sink(BaseHTTPRequestHandler):
    """An S3 that takes everything and keeps nothing."""

    protocol_version = "HTTP/1.1"

    def take(self) -> None:
        left = int(self.headers.get("Content-Length", 0))
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20))) or left

    def answer(self, body: bytes = b"", status: int = 200) -> None:
        self.take()
        self.send_response(status)
        self.send_header("ETag", '"0"')
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer(status=204)

    def do_POST(self) -> None:
        kind = "InitiateMultipartUploadResult" if self.path.split("?")[1].startswith("uploads") else "CompleteMultipartUploadResult"
        self.answer(f"<{kind}><Bucket>diaries</Bucket><Key>k</Key><UploadId>u</UploadId><ETag>0</ETag></{kind}>".encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def sink():
    """Yields the variables by which a service finds a bucket that keeps nothing."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield {
            "DIARY_BUCKET": "diaries",
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "key-of-aws-itself",
        }
    finally:
        server.shutdown()


def picture(rows: int) -> bytes:
    """A PNG that does not compress."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pixels = b"".join(b"\0" + os.urandom(5001) for _ in range(rows))
    head = struct.pack(">IIBBBBB", 1667, rows, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(pixels, 0)) + chunk(b"IEND", b"")


def uploader(number: int) -> str:
    """The token of the user who sends this upload."""
    return f"{number % UPLOADERS + 1:043}"


async def upload(port: int, number: int, body: bytes) -> int:
    """Sends one diary until it is written, as a client that heeds Retry-After. Returns the tries."""
    head = (
        f"POST /diaries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {uploader(number)}\r\nIdempotency-Key: {number}\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    for tries in range(1, 100):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head)
            writer.write(body)
            answer = await reader.read(4096)
            writer.close()
        except OSError:
            answer = b""
        if answer.startswith(b"HTTP/1.1 201 "):
            return tries
        # A 408 says that this busy machine sent the head too late.
        if answer and not answer.startswith((b"HTTP/1.1 503 ", b"HTTP/1.1 409 ", b"HTTP/1.1 408 ")):
            raise SystemExit(f"bench: an upload failed: {answer[:400]!r}")
        await asyncio.sleep(1)
    raise SystemExit("bench: an upload was never taken")


def measure_uploads(database: str, frontend: Service) -> list[tuple]:
    """Many clients that each upload a picture at once. `frontend` has a bucket."""
    make_users(database)
    for number in range(UPLOADERS):
        token_hash = hashlib.sha256(uploader(number).encode()).hexdigest()
        query(database, f"INSERT INTO sessions (token_hash, user_id) VALUES ('\\x{token_hash}', {number % UPLOADERS + 1})")
    file = picture(UPLOAD_ROWS)
    body = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\na text\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="p"\r\n\r\n'
    body += file + b"\r\n--b--\r\n"
    progress(f"{UPLOADS:,} clients upload {len(file) / 1e6:.1f} MB each")

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(upload(frontend.port, number, body) for number in range(UPLOADS)))

    began = time.monotonic()
    with watched(frontend) as most:
        tries = asyncio.run(all_of_them())
    seconds = time.monotonic() - began
    what = f"{UPLOADS:,} clients upload {len(file) / 1e6:.1f} MB each"
    return [
        (f"{what}: all served", f"{seconds:.0f} s, at most {max(tries)} tries", "", ""),
        (f"{what}: resident", f"{most[0] / 1024:.0f} MB", "", "≤ 120 MB"),
    ]
