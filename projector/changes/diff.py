"""Differences between two bodies, field by field. Pure.

A path is a JSON Pointer. For an element of a list with a natural key it contains the key instead of
the index (`/files/123`); for an element of a set it is the path of the list. Law: equal values have
no difference, whatever the order of members and of sets. Numbers are compared by value: 97 and 97.0
are equal.
"""

from collections.abc import Iterator
from typing import Any

import attrs

from projector.changes.diff_rules import KEYED, SETS

ADD, REMOVE, REPLACE = "add", "remove", "replace"
_MISSING: Any = object()


@attrs.frozen
class Change:
    """One field that differs."""

    path: str
    kind: str
    old: Any = None
    new: Any = None


def diff(old: Any, new: Any) -> list[Change]:
    """Returns the changes that turn one body into the other, by path."""
    return sorted(_diff("", old, new), key=lambda each: (each.path, each.kind, str(each.new)))


def old_class(change: Change) -> str:
    """Returns the class of the old value: absent, null, "", "0", {}, [] or other.

    A schema wave changes the same path of many entities from values of one class.
    """
    if change.kind == ADD:
        return "absent"
    for name, value in _CLASSES:
        if type(change.old) is type(value) and change.old == value:
            return name
    return "other"


_CLASSES: tuple[tuple[str, Any], ...] = (
    ("null", None),
    ('""', ""),
    ('"0"', "0"),
    ("{}", {}),
    ("[]", []),
)


def _diff(path: str, old: Any, new: Any) -> Iterator[Change]:
    match old, new:
        case dict(), dict():
            yield from _members(path, old, new)
        case list(), list():
            yield from _elements(path, old, new)
        case _ if not _same(old, new):
            yield Change(path, REPLACE, old, new)


def _same(old: Any, new: Any) -> bool:
    return isinstance(old, bool) == isinstance(new, bool) and bool(old == new)


def _members(path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for key in {**old, **new}:
        at = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        before, after = old.get(key, _MISSING), new.get(key, _MISSING)
        if before is _MISSING:
            yield Change(at, ADD, new=after)
        elif after is _MISSING:
            yield Change(at, REMOVE, old=before)
        elif type(before) is not type(after) or before != after or isinstance(after, _HOLDERS):
            yield from _diff(at, before, after)


_HOLDERS = (dict, list)
"""Types that are compared by element even if they are equal: in Python `[1] == [True]`."""


def _elements(path: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    if old == new and repr(old) == repr(new):
        return
    key = KEYED.get(path)
    before, after = (_by_key(old, key), _by_key(new, key)) if key else (None, None)
    if before is not None and after is not None:
        yield from _members(path, before, after)
    elif SETS.fullmatch(path) and _are_words(old) and _are_words(new):
        yield from (Change(path, REMOVE, old=each) for each in sorted(set(old) - set(new), key=str))
        yield from (Change(path, ADD, new=each) for each in sorted(set(new) - set(old), key=str))
    elif len(old) == len(new):
        for n, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _diff(f"{path}/{n}", one, other)
    else:
        yield Change(path, REPLACE, old, new)


def _by_key(values: list[Any], key: str) -> dict[str, Any] | None:
    """Returns the elements by key; None if an element has no key or two have the same."""
    named = {str(each[key]): each for each in values if isinstance(each, dict) and key in each}
    return named if len(named) == len(values) else None


def _are_words(values: list[Any]) -> bool:
    return all(isinstance(each, str | int) for each in values)
