"""The kinds of values that a setting can have: each parses text and says what it accepts."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class SettingError(ValueError):
    """Names one setting and says what to write instead. It ends synthesis as a single line."""


@dataclass(frozen=True)
class Kind:
    """Parses the text of a value, or raises `ValueError`."""

    accepts: str
    """What the kind accepts, as the documents and the error messages say it."""

    parse: Callable[[str], Any]


def choice(*values: str) -> Kind:
    def parse(text: str) -> str:
        if text.lower() not in values:
            raise ValueError
        return text.lower()

    return Kind("one of " + ", ".join(values), parse)


FLAG = Kind("true or false", lambda text: choice("true", "false").parse(text) == "true")


def integer(low: int, high: int) -> Kind:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return Kind(f"a whole number from {low} to {high}", parse)


def capacity(low: float, high: float) -> Kind:
    """Aurora capacity units come in steps of a half."""

    def parse(text: str) -> float:
        value = float(text)
        if not (low <= value <= high and (value * 2).is_integer()):
            raise ValueError
        return value

    return Kind(f"{low:g} to {high:g} in steps of 0.5", parse)


def text(pattern: str, accepts: str) -> Kind:
    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError
        return value

    return Kind(accepts, parse)


def pair(pattern: str, accepts: str) -> Kind:
    """Two different values, one for each zone."""

    def parse(value: str) -> tuple[str, ...]:
        items = tuple(item.strip() for item in value.split(","))
        if len(set(items)) != 2 or len(items) != 2 or not all(re.fullmatch(pattern, item) for item in items):
            raise ValueError
        return items

    return Kind(f"two {accepts}, separated by a comma", parse)
