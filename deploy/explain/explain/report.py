"""The doctor's report as a source of `--to`: its first failed check."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from explain.arguments import Usage

SECONDS = 10
BYTES = 1 << 20
"""No report of the doctor comes near this."""


def target(where: str) -> str:
    """Returns the target of the first check that failed in the report at a path or URL."""
    text = _fetch(where) if where.startswith(("http://", "https://")) else _read(where)
    try:
        report = json.loads(text)
    except ValueError:
        raise Usage(f"--report {where}: not JSON") from None
    if not isinstance(report, dict) or not isinstance(_field(report, "checks"), list):
        raise Usage(f"--report {where}: not a report of the doctor")
    if _field(report, "redacted"):
        raise Usage(f"--report {where}: redacted: set ADMIN_TOKEN to get the whole report")
    for check in _field(report, "checks"):
        if isinstance(check, dict) and _field(check, "outcome") == "failed":
            found = _field(check, "target")
            if isinstance(found, str) and found:
                return found
            raise Usage(f"--report {where}: the failed check {_field(check, 'name')} has no target; give --to")
    raise Usage(f"--report {where}: no check failed; give --to")


def _field(item: dict[str, Any], name: str) -> Any:
    """Field names are compared without case: the report's outer fields begin with capitals."""
    return next((value for key, value in item.items() if key.lower() == name), None)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"--report {path}: {error}") from None


def _fetch(url: str) -> str:
    headers = {"Accept": "application/json"}
    if token := os.environ.get("ADMIN_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            body: bytes = answer.read(BYTES)
    except urllib.error.HTTPError as error:
        # 503 is how the doctor says that a hop failed; its body is the report.
        body = error.read(BYTES)
    except (OSError, ValueError) as error:
        raise Usage(f"--report {url}: {error}") from None
    return body.decode(errors="replace")
