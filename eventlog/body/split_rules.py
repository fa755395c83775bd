"""Rules: where the entities of a response sit, and how each names itself. Pure.

A rule says where by a JSON Pointer, `*` for every element of an outer array (`/items`,
`/items/*/modelVersions`, the empty pointer for the whole body).
"""

import json
import re
from collections.abc import Callable, Mapping

import attrs
import msgspec

_SURROGATE = re.compile("[\ud800-\udfff]")


@attrs.frozen
class Identity:
    """How an element names itself."""

    reads: tuple[str, ...]
    """The members that are looked at."""
    spell: Callable[[Mapping[str, bytes]], bytes | None]
    """From those that are there to the id as JSON, as spelled; None: no entity."""
    member: str | None = None
    """The one member that is the id itself, an integer or a text that is not empty."""


@attrs.frozen
class Rule:
    """Where entities of one type sit in a body."""

    pointer: str
    type: str
    shape: str
    identity: Identity
    number_repeats: bool = False
    """Whether the k-th element with the same id gets the id `…~k` (k from 2)."""
    parent: tuple[str, str] | None = None
    """Type and id of what they belong to, where the request says so and not the body."""


class Entity(msgspec.Struct, frozen=True, gc=False):  # a Struct: a crawl has millions
    """One entity of a response."""

    pointer: str
    type: str
    shape: str
    id: str
    body: bytes
    """Its own bytes, each stored child replaced by a stub."""
    parent: tuple[str, str] | None
    """Type and id of what it came inside."""


def id_member(name: str) -> Identity:
    """The id that stands in a member: an integer, or a text that is not empty."""

    def spell(found: Mapping[str, bytes]) -> bytes | None:
        value = found.get(name, b"")
        is_text = value[:1] == b'"' and len(value) > 2
        return value if is_text or value.removeprefix(b"-").isdigit() else None

    return Identity((name,), spell, name)


def id_text(spelled: bytes) -> str:
    """The id as text, from its JSON spelling."""
    if spelled[:1] != b'"':
        return spelled.decode()
    text = spelled.decode("utf-8", "replace")
    if "\\" not in text:
        return text[1:-1]
    return _SURROGATE.sub("\ufffd", json.loads(text, strict=False))


def is_child(pointer: str, other: str) -> bool:
    """Whether what `other` points at stands right inside what `pointer` does."""
    prefix = f"{pointer}/*/" if pointer else "/"  # one object stands without `*`
    return other != pointer and other.startswith(prefix) and "/" not in other[len(prefix) :]


def key_of(pointer: str) -> str:
    """The member in which the elements of a pointer stand."""
    return pointer.rsplit("/", 1)[1]
