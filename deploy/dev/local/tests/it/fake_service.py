#!/usr/bin/env python3
"""Stands in for a service: answers everything with what it was given, and writes down who it is and when it stopped."""

import http.server
import json
import os
import pathlib
import signal
import socket
import sys

# The parts of the catalogue are the same program.
name = os.environ.get("CATALOGUE", pathlib.Path(sys.argv[0]).name)
directory = pathlib.Path(sys.argv[0]).parent


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        away = os.environ.get("TARGETPORT") == "1"
        self.send_response(503 if away and self.path == "/ready" else 200)
        self.end_headers()
        if self.path == "/test-connection":
            self.wfile.write(b'{"Response": "Nothing listens there."}')
            return
        if self.path.startswith("/api/"):
            self.wfile.write(name.encode())
            return
        keys = ("ECSPRIVATESERVICE", "TARGET", "TARGETPORT", "DATABASE_URL", "ECS_CONTAINER_METADATA_URI_V4")
        self.wfile.write(json.dumps({key: os.environ.get(key) for key in keys}).encode())

    def log_message(self, *_):
        pass


def database_is_up():
    with socket.socket() as probe:
        return probe.connect_ex((os.environ["TARGET"], int(os.environ["TARGETPORT"]))) == 0


def stop(*_):
    note = f"{name} stopped"
    if "TARGET" in os.environ:
        note += ", database up" if database_is_up() else ", database down"
    with (directory / "journal").open("a") as file:
        file.write(note + "\n")
    os._exit(0)


signal.signal(signal.SIGTERM, stop)
(directory / f"{name}.pid").write_text(str(os.getpid()))
print("at work", flush=True)
address = (os.environ["BIND_ADDRESS"], int(os.environ["PORT"]))
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
