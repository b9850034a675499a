"""Snapshots as JSON and back: a snapshot can be handed on and judged without credentials."""

import dataclasses
import json
import types
import typing
from typing import Any, TypeVar

from explain.model import Snapshot

FORMAT = "causeway-explain-1"

T = TypeVar("T")


class BadSnapshot(ValueError):
    """The file is not a snapshot of this format."""


def dump(snapshot: Snapshot) -> str:
    """Returns the snapshot as JSON text."""
    return json.dumps({"format": FORMAT, "snapshot": dataclasses.asdict(snapshot)}, indent=1) + "\n"


def load(text: str) -> Snapshot:
    """Returns the snapshot of a JSON text; rejects anything that does not have its exact shape."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadSnapshot(f"not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BadSnapshot(f"its format is not {FORMAT}")
    found: Snapshot = _decode(Snapshot, document.get("snapshot"), "snapshot")
    return found


def _decode(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _structure(kind, value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        [inner] = [each for each in arguments if each is not type(None)]
        return _decode(inner, value, where)
    if origin is list and isinstance(value, list):
        return [_decode(arguments[0], each, f"{where}[{place}]") for place, each in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {str(name): _decode(arguments[1], each, f"{where}.{name}") for name, each in value.items()}
    if isinstance(kind, type) and type(value) is kind:
        return value
    raise BadSnapshot(f"{where} has the wrong type")


def _structure(kind: Any, value: Any, where: str) -> Any:
    hints = typing.get_type_hints(kind)
    if not isinstance(value, dict) or set(value) - set(hints):
        raise BadSnapshot(f"{where} is not a {kind.__name__}")
    try:
        return kind(**{name: _decode(hints[name], each, f"{where}.{name}") for name, each in value.items()})
    except TypeError:
        raise BadSnapshot(f"{where} lacks a field of {kind.__name__}") from None
