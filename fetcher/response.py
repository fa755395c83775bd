"""Responses: what came back for a request, and the same taken apart. Pure.

response ──split──> envelope + entities + misfits, checked to come together again
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import orjson

from eventlog.scan import NotJson
from eventlog.split import Entity, Rule, join, split
from fetcher.known import Key, digest

_MOST_ENTITIES = 100_000
"""More would not fit into the roster of one line."""
LONGEST_URL = 65_536
"""No server reads a longer one."""
SMALL_BYTES = 256 * 1024
"""Nothing taken from fewer can be too long for a line."""
_LONGEST_ID = 65_536
_MOST_ID_BYTES = 6 * 1024 * 1024
"""Escaped, of one page: with type and seq of each the roster takes less than 12 MiB."""


@attrs.frozen(kw_only=True)
class Response:
    """What came back for one request; nothing secret is in it."""

    url: str
    endpoint: str
    params: Mapping[str, str]
    status: int
    body: bytes
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Lower-case names, and only those that matter."""
    ms: int | None = None
    key_removed: bool = False


@attrs.frozen(kw_only=True)
class Place:
    """What a response is part of."""

    run: str
    epoch: str
    scope: str | None = None
    page_no: int | None = None
    is_last: bool = False
    next_url: str | None = None
    imported: Mapping[str, str] | None = None
    """File, member and commit, where the response was recorded elsewhere."""


@attrs.frozen
class Parts:
    """A response taken apart, and checked to come together again."""

    envelope: bytes
    """What `continues` reads: the response with every split array emptied."""
    entities: tuple[Entity, ...]
    values: tuple[Any, ...] | None
    """See `Split.values`."""
    digests: tuple[bytes, ...]
    misfits: tuple[tuple[str, bytes], ...]
    shapes: Mapping[str, str]
    """Per pointer, in the order of the rules."""
    page_body: bytes | None
    is_exact: bool
    """Whether page and entities alone give the response back."""
    sha256: str


def take_apart(response: Response, rules: Sequence[Rule]) -> Parts:
    """Split a response. Raises `NotJson` where it is not what the rules say.

    Answers that are no success have no entities: they are all envelope.
    """
    body = response.body
    expected = rules if 200 <= response.status < 300 else ()
    found = split(body, expected)
    if found.envelope is not None and any(rule.pointer == "" for rule in expected):
        raise NotJson("an entity without an id", 0)
    _check_roster(found.entities, len(body))
    return Parts(
        envelope=found.envelope or body,
        entities=found.entities,
        values=found.values,
        digests=tuple(digest(entity.body) for entity in found.entities),
        misfits=found.misfits,
        shapes={rule.pointer: rule.shape for rule in expected},
        page_body=found.envelope,
        is_exact=not found.misfits and _joins(found.envelope, found.entities, expected, body),
        sha256=hashlib.sha256(body).hexdigest(),
    )


def _check_roster(entities: Sequence[Entity], end: int) -> None:
    """Refuse what would make the line of a page, or of an entity, too long."""
    if len(entities) > _MOST_ENTITIES:
        raise NotJson(f"more than {_MOST_ENTITIES:,} entities", end)
    ids = [entity.id for entity in entities]
    if max(map(len, ids), default=0) > _LONGEST_ID:
        raise NotJson(f"an id of more than {_LONGEST_ID:,} characters", end)
    if end > SMALL_BYTES and len(orjson.dumps(ids)) > _MOST_ID_BYTES:
        raise NotJson(f"ids of more than {_MOST_ID_BYTES:,} bytes", end)


def _joins(
    envelope: bytes | None, entities: Sequence[Entity], rules: Sequence[Rule], body: bytes
) -> bool:
    bodies: dict[str, list[bytes]] = {rule.pointer: [] for rule in rules}
    for entity in entities:
        bodies[entity.pointer].append(entity.body)
    if envelope is not None and not rules:
        return True
    try:
        return join(envelope, bodies) == body
    except NotJson:
        return False


def keys(parts: Parts) -> Iterator[Key]:
    """What must be looked up before `observe`."""
    return ((each.type, each.id, each.shape) for each in parts.entities)
