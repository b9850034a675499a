"""What schemathesis can't know of the API: how to sign in, from where requests come, what a picture is."""

import collections
import os
import secrets
import threading
import uuid

import requests
import schemathesis
from hypothesis import strategies
from schemathesis.transport.serialization import Binary

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c63486858f01f0005440280e7cbec370000000049454e44ae426082"
)
"""A PNG of one pixel."""

FILES = strategies.one_of(strategies.just(PICTURE), strategies.binary(max_size=200)).map(Binary)
schemathesis.openapi.format("binary", FILES)

PICTURED = collections.deque(maxlen=100)
"""The ids of diaries that have a picture."""

API = os.environ["API"]
ENDS_SESSIONS = "/sessions/current"
TOO_MANY_REQUESTS = 429


def address():
    """Returns one more client's address: attempts are limited for each. Hypothesis sets the seed of `random`."""
    return ".".join(str(1 + secrets.randbelow(254)) for _ in range(4))


def post(path, body):
    return requests.post(f"{API}{path}", json=body, headers={"X-Forwarded-For": address()}, timeout=20)


@schemathesis.auth(refresh_interval=None)
class Session:
    """One person with one session for all requests, until one of these ends it; or the admin, by `TOKEN`."""

    token, person, lock = None, None, threading.Lock()

    def get(self, case, context):
        if admin := os.environ.get("TOKEN"):
            return admin
        with Session.lock:
            if context.operation.path == ENDS_SESSIONS:
                return self._sign_in()
            if Session.token is None:
                Session.token = self._sign_in()
            return Session.token

    def set(self, case, token, context):
        case.headers["Authorization"] = f"Bearer {token}"

    @classmethod
    def _sign_in(cls):
        answer = post("/sessions", cls.person) if cls.person else None
        # Wrong guesses at the person's password, which are among the requests, lock the account for a while.
        if answer is None or answer.status_code == TOO_MANY_REQUESTS:
            cls.person = cls._sign_up()
            answer = post("/sessions", cls.person)
            cls._keep_a_picture(answer.json()["token"])
        answer.raise_for_status()
        return answer.json()["token"]

    @staticmethod
    def _sign_up():
        person = {"email": f"{uuid.uuid4()}@example.com", "password": secrets.token_urlsafe(16)}
        post("/users", person).raise_for_status()
        return person

    @staticmethod
    def _keep_a_picture(token):
        answer = requests.post(
            f"{API}/diaries",
            data={"text": "With a picture."},
            files={"file": PICTURE},
            headers={"Authorization": f"Bearer {token}"},
            timeout=20,
        )
        answer.raise_for_status()
        PICTURED.append(answer.json()["ID"])


@schemathesis.hook
def before_call(context, case, kwargs):
    """Comes from another address each time, and asks for pictures that are there."""
    case.headers["X-Forwarded-For"] = address()
    if case.meta is None or not case.meta.generation.mode.is_positive or secrets.randbelow(2):
        return
    if case.path == "/diaries/{id}/image" and PICTURED:
        case.path_parameters["id"] = PICTURED[-1]


@schemathesis.hook
def after_call(context, case, response):
    """Forgets the session if it has ended, and remembers which diaries have a picture."""
    sent = response.request.headers.get("Authorization", "")
    if response.status_code == 401 and sent == f"Bearer {Session.token}":
        Session.token = None
    if response.status_code == 201 and case.path == "/diaries" and response.json()["Img"]:
        PICTURED.append(response.json()["ID"])
