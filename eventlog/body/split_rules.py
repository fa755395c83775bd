"""Rules that state where the entities of a response are and how to read their ids. Pure.

A rule locates entities by a JSON Pointer in which `*` means every element of an outer array
(`/items`, `/items/*/modelVersions`). The empty pointer means the whole body.
"""

import json
import re
from collections.abc import Callable, Mapping

import attrs
import msgspec

_SURROGATE = re.compile("[\ud800-\udfff]")


@attrs.frozen
class Identity:
    """How to read the id of an element."""

    reads: tuple[str, ...]
    """The members that `spell` needs."""
    spell: Callable[[Mapping[str, bytes]], bytes | None]
    """Returns the id in upstream's JSON spelling, or None if the element is no entity."""
    member: str | None = None
    """The member that is the id itself, an integer or a non-empty text, if there is one."""


@attrs.frozen
class Rule:
    """Where entities of one type are in a body."""

    pointer: str
    type: str
    shape: str
    identity: Identity
    number_repeats: bool = False
    """Whether the k-th element with the same id gets the id `…~k` (k from 2)."""
    parent: tuple[str, str] | None = None
    """Type and id of the parent entity, if it follows from the request and not from the body."""


class Entity(msgspec.Struct, frozen=True, gc=False):  # Struct, not attrs: a crawl has millions
    """One entity of a response."""

    pointer: str
    type: str
    shape: str
    id: str
    body: bytes
    """Bytes of the entity, with each stored child replaced by a stub."""
    parent: tuple[str, str] | None
    """Type and id of the entity that contains it, or that the request names."""


def id_member(name: str) -> Identity:
    """Returns the identity for an id in one member: an integer or a non-empty text."""

    def spell(members: Mapping[str, bytes]) -> bytes | None:
        value = members.get(name, b"")
        is_text = value[:1] == b'"' and len(value) > 2
        return value if is_text or value.removeprefix(b"-").isdigit() else None

    return Identity((name,), spell, name)


def id_text(spelled: bytes) -> str:
    """Returns an id as text, from its JSON spelling."""
    if spelled[:1] != b'"':
        return spelled.decode()
    text = spelled.decode("utf-8", "replace")
    if "\\" not in text:
        return text[1:-1]
    return _SURROGATE.sub("\ufffd", json.loads(text, strict=False))


def is_child(pointer: str, other: str) -> bool:
    """Whether the elements of `other` are direct children of the elements of `pointer`."""
    prefix = f"{pointer}/*/" if pointer else "/"  # the empty pointer is a single object: no `*`
    return other != pointer and other.startswith(prefix) and "/" not in other[len(prefix) :]


def key_of(pointer: str) -> str:
    """Returns the name of the member that contains the elements of a pointer."""
    return pointer.rsplit("/", 1)[1]
