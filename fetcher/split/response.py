"""Responses: what came back for a request, and the same taken apart. Pure.

response ──split──> envelope + entities + misfits, checked to come together again
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import attrs
import orjson

from eventlog.body.encode_body import MAX_INLINE_BYTES, embed
from eventlog.body.join import join
from eventlog.body.json_spans import NotJson
from eventlog.body.split import Split, split
from eventlog.body.split_rules import Entity, Rule
from eventlog.body.value_hash import parsed_value_hashes, strict_value_hash

Key = tuple[str, str, str]
"""Type, id, shape: what is known of an entity is known under it."""

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
    first: int | None
    """See `Split.first`."""
    digests: tuple[bytes, ...]
    misfits: tuple[tuple[str, bytes], ...]
    shapes: Mapping[str, str]
    """Per pointer, in the order of the rules."""
    page_body: bytes | None
    is_exact: bool
    """Whether page and entities alone give the response back."""
    sha256: str
    hashes: tuple[str | None, ...] | None = None
    """Value hashes, where they were taken ahead; None for a body that is not its own line's."""


def digest(body: bytes) -> bytes:
    """What tells bytes apart in the index."""
    return sha256(body).digest()[:16]


_SELDOM = (10_000, 20, 20)


def settle_collector() -> None:
    """Have the garbage collector look seldom, and never again at what is loaded by now.

    A crawl makes few cycles, and what is loaded stays: looking through it at every page,
    and once more at the end, was a tenth of a crawl's time.
    """
    if gc.get_threshold() != _SELDOM:
        gc.set_threshold(*_SELDOM)
        gc.freeze()


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector: what is read from JSON has no cycles to look for.

    A page of 200 images is some 3,000 dicts, and four collections that find nothing.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def take_apart(response: Response, rules: Sequence[Rule]) -> Parts:
    """Split a response. Raises `NotJson` where it is not what the rules say.

    Answers that are no success have no entities: they are all envelope.
    """
    body = response.body
    expected = rules if 200 <= response.status < 300 else ()
    with uncollected():
        found = split(body, expected)
    if found.envelope is not None and any(rule.pointer == "" for rule in expected):
        raise NotJson("an entity without an id", 0)
    _check_roster(found.entities, len(body))
    return Parts(
        envelope=found.envelope or body,
        entities=found.entities,
        values=found.values,
        first=found.first,
        digests=tuple([sha256(entity.body).digest()[:16] for entity in found.entities]),
        misfits=found.misfits,
        shapes={rule.pointer: rule.shape for rule in expected},
        page_body=found.envelope,
        is_exact=found.first is not None or _is_exact(found, expected, body),
        sha256=sha256(body).hexdigest(),
    )


def with_hashes(parts: Parts) -> Parts:
    """The same with the value hash of every entity whose bytes stand in a line as they are."""
    if parts.values is not None:
        return attrs.evolve(parts, values=None, hashes=tuple(parsed_value_hashes(parts.values)))
    hashes = tuple(_hash_in_line(entity.body) for entity in parts.entities)
    return attrs.evolve(parts, values=None, hashes=hashes)


def _hash_in_line(body: bytes) -> str | None:
    is_in_line = len(body) <= MAX_INLINE_BYTES and embed(body).body is body
    return strict_value_hash(body) if is_in_line else None


def _check_roster(entities: Sequence[Entity], end: int) -> None:
    """Refuse what would make the line of a page, or of an entity, too long."""
    if len(entities) > _MOST_ENTITIES:
        raise NotJson(f"more than {_MOST_ENTITIES:,} entities", end)
    ids = [entity.id for entity in entities]
    if max(map(len, ids), default=0) > _LONGEST_ID:
        raise NotJson(f"an id of more than {_LONGEST_ID:,} characters", end)
    if end > SMALL_BYTES and len(orjson.dumps(ids)) > _MOST_ID_BYTES:
        raise NotJson(f"ids of more than {_MOST_ID_BYTES:,} bytes", end)


def _is_exact(found: Split, rules: Sequence[Rule], body: bytes) -> bool:
    """Whether joining gives the response back; `split` has shown it where it says `first`."""
    if found.misfits:
        return False
    if found.envelope is not None and not rules:
        return True
    bodies: dict[str, list[bytes]] = {rule.pointer: [] for rule in rules}
    for entity in found.entities:
        bodies[entity.pointer].append(entity.body)
    try:
        return join(found.envelope, bodies) == body
    except NotJson:
        return False


def keys(parts: Parts) -> Iterator[Key]:
    """What must be looked up before `observe`."""
    return ((each.type, each.id, each.shape) for each in parts.entities)
