"""JSON whose numbers keep their spelling: 1.0 and 1.00 are equal, and each is shown as it is.

`json.loads` makes 1000.0 of 1e3, 0 of -0, and rounds what a float cannot hold. Pure.
"""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any


class SpelledNumber(Decimal):
    """A number that remembers how it was written; equal to every number of the same value."""

    text: str

    def __new__(cls, text: str) -> "SpelledNumber":
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse_spelled(body: bytes) -> Any:
    """Returns a JSON value in which numbers keep their spelling. Raises `ValueError`."""
    return json.loads(body, parse_float=SpelledNumber, parse_int=_integer)


def _integer(text: str) -> int | SpelledNumber:
    return int(text) if text != "-0" and len(text) < 4000 else SpelledNumber(text)


def spelled_json(value: Any) -> str:
    """Returns a value as JSON. Law: the numbers of `parse_spelled(body)` are those of the body."""
    if isinstance(value, SpelledNumber):
        return value.text
    if isinstance(value, dict):
        members = (f"{spelled_json(key)}: {spelled_json(of)}" for key, of in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spelled_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def spelling_changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yields JSON Pointer, old and new spelling of each number with another spelling.

    Only numbers of the same value at the same place count: others are differences.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() & new.keys():
            name = key.replace("~", "~0").replace("/", "~1")
            yield from spelling_changes(old[key], new[key], f"{path}/{name}")
    elif isinstance(old, list) and isinstance(new, list):
        for number, (one, other) in enumerate(zip(old, new, strict=False)):
            yield from spelling_changes(one, other, f"{path}/{number}")
    elif _are_equal_numbers(old, new) and spelled_json(old) != spelled_json(new):
        yield path, spelled_json(old), spelled_json(new)


def _are_equal_numbers(old: Any, new: Any) -> bool:
    kinds = (int, Decimal)
    are_numbers = isinstance(old, kinds) and isinstance(new, kinds)
    return are_numbers and not isinstance(old, bool) and not isinstance(new, bool) and old == new
