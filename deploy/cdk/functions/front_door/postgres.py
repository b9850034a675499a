"""Just enough of PostgreSQL's protocol to run statements: Lambda has no client, and Aurora DSQL has no Data API.

The password is a token, which a server can only verify if it gets it as it is. So it is sent within verified TLS alone,
and a server that asks for any other kind of log-in is refused.
"""

import socket
import ssl
import struct

PORT = 5432
LIMIT_SECONDS = 20
LONGEST_MESSAGE = 1 << 20

PROTOCOL = 3 << 16
SSL_REQUEST = 80877103
DONE, CLEAR_PASSWORD = 0, 3
NULL = -1


class Refused(Exception):
    """What the server reported instead of a result."""

    def __init__(self, code, text):
        super().__init__(f"{text} (SQLSTATE {code})")
        self.code = code


class Connection:
    """One session. It ends with the `with` block."""

    def __init__(self, host, user, password, database, port=PORT, context=None):
        self._stream = encrypted(host, port, context or ssl.create_default_context())
        self._reader = self._stream.makefile("rb")
        try:
            self._log_in(user, password, database)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._reader.close()
        self._stream.close()

    def execute(self, sql):
        """Runs one statement in a transaction by itself; returns its rows as lists of texts."""
        self._send(b"Q", text(sql))
        return self._until_ready()

    def _log_in(self, user, password, database):
        start = struct.pack("!i", PROTOCOL) + b"".join(map(text, ("user", user, "database", database))) + b"\0"
        self._send(b"", start)
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise refusal(body)
            [asked] = struct.unpack("!i", body[:4]) if kind == b"R" else [None]
            if asked == DONE:
                break
            if asked == CLEAR_PASSWORD:
                self._send(b"p", text(password))
            elif kind == b"R":
                raise Refused("28000", f"the server asks for a log-in of kind {asked}, which no token serves")
        self._until_ready()

    def _until_ready(self):
        rows, refused = [], None
        while True:
            try:
                kind, body = self._receive()
            except ConnectionError:
                # A fatal error ends the session, and nothing follows.
                if refused is not None:
                    raise refused from None
                raise
            if kind == b"D":
                rows.append(values(body))
            elif kind == b"E":
                refused = refusal(body)
            elif kind == b"Z":
                if refused is not None:
                    raise refused
                return rows

    def _send(self, kind, body):
        self._stream.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def _receive(self):
        kind, length = struct.unpack("!ci", self._exactly(5))
        if not 4 <= length <= LONGEST_MESSAGE:
            raise ConnectionError(f"the server sent a message of {length} bytes")
        return kind, self._exactly(length - 4)

    def _exactly(self, size):
        found = self._reader.read(size)
        if len(found) < size:
            raise ConnectionError("the server closed the connection")
        return found


def encrypted(host, port, context):
    """Connects, and asks for TLS before anything else is said."""
    plain = socket.create_connection((host, port), timeout=LIMIT_SECONDS)
    try:
        plain.sendall(struct.pack("!ii", 8, SSL_REQUEST))
        if plain.recv(1) != b"S":
            raise ConnectionError("the server does not encrypt")
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def text(value):
    encoded = value.encode()
    if b"\0" in encoded:
        raise ValueError("a text of the protocol holds no zero byte")
    return encoded + b"\0"


def values(body):
    """Returns the columns of a row; NULL is None."""
    [count] = struct.unpack("!h", body[:2])
    found, at = [], 2
    for _ in range(count):
        [length] = struct.unpack("!i", body[at : at + 4])
        at += 4
        found.append(None if length == NULL else body[at : at + length].decode())
        at += max(length, 0)
    return found


def refusal(body):
    """Returns the error of a message of fields: a letter and a text each."""
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    return Refused(fields.get(b"C", "?????"), fields.get(b"M", "no reason"))
