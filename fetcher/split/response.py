"""A response, and its split into envelope, entities and misfits. Pure.

    response ── split_response ──> envelope + entities + misfits (elements without an id)

Each split is verified: `is_exact` is True if joining the parts restores the response.
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
"""(type, id, shape): identifies the last stored body of an entity."""

_MAX_ENTITIES = 100_000
"""Entities per page: the roster of a page must fit into one line of the log."""
MAX_URL_CHARS = 65_536
"""Longest URL that is requested or logged; no server accepts longer ones."""
SMALL_BYTES = 256 * 1024
"""No event made from a response of at most this size can exceed the length of a line."""
_MAX_ID_CHARS = 65_536
_MAX_ID_BYTES = 6 * 1024 * 1024
"""All ids of one page as JSON. With types and seqs, the roster takes less than 12 MiB."""


@attrs.frozen(kw_only=True)
class Response:
    """Response to one request, without secrets."""

    url: str
    endpoint: str
    params: Mapping[str, str]
    status: int
    body: bytes
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Selected headers, with lower-case names."""
    ms: int | None = None
    """Duration in milliseconds; None for recorded responses without it."""
    key_removed: bool = False
    """Whether the body contained the API key, which is masked."""


@attrs.frozen(kw_only=True)
class PageContext:
    """Run and listing that a response belongs to."""

    run: str
    epoch: str
    scope: str | None = None
    page_no: int | None = None
    """Number of the page in its pagination, from 1; None: not a page of a listing."""
    is_last: bool = False
    """Whether the page completes the listing."""
    next_url: str | None = None
    """URL of the next page; None: no next page."""
    doubt: str | None = None
    """What in the page could not be named or contradicts itself, so that it proves nothing."""
    imported: Mapping[str, str] | None = None
    """Origin of an imported response: file, member and commit."""


@attrs.frozen
class SplitResponse:
    """Parts of a response."""

    envelope: bytes
    """The response with every split array emptied; input of `Endpoint.continuation`."""
    entities: tuple[Entity, ...]
    values: tuple[Any, ...] | None
    """Decoded entities; see `Split.values`."""
    first: int | None
    """Offset of the first entity, if all are adjacent; see `Split.first`."""
    digests: tuple[bytes, ...]
    """`body_digest` of every entity."""
    misfits: tuple[tuple[str, bytes], ...]
    """Pointer and bytes of the elements without an id."""
    shapes: Mapping[str, str]
    """Shape per pointer, in the order of the rules."""
    page_body: bytes | None
    """Body of the page event; None if a single entity is the whole response."""
    is_exact: bool
    """Whether joining page body and entities restores the response byte for byte."""
    sha256: str
    """SHA-256 of the response."""
    hashes: tuple[str | None, ...] | None = None
    """Value hashes, if computed already; None in the tuple for a body that is not stored
    unchanged in the line."""


def body_digest(body: bytes) -> bytes:
    """Returns the first 128 bits of the SHA-256 of a body; the index compares these."""
    return sha256(body).digest()[:16]


_GC_THRESHOLDS = (10_000, 20, 20)


def tune_gc() -> None:
    """Makes garbage collections rare and excludes all objects that exist now.

    A crawl creates few reference cycles, and loaded modules stay. With the default
    thresholds, collections took a tenth of a crawl's time.
    """
    if gc.get_threshold() != _GC_THRESHOLDS:
        gc.set_threshold(*_GC_THRESHOLDS)
        gc.freeze()


@contextmanager
def gc_paused() -> Iterator[None]:
    """Pauses the garbage collector while JSON is decoded, which creates no cycles.

    A page of 200 images consists of about 3,000 dicts and would trigger four collections
    that free nothing.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def split_response(response: Response, rules: Sequence[Rule]) -> SplitResponse:
    """Splits a response into its parts. Raises `NotJson` if it does not match the rules.

    A response with an error status has no entities; its envelope is the whole response.
    """
    body = response.body
    expected = rules if 200 <= response.status < 300 else ()
    with gc_paused():
        parts = split(body, expected)
    if parts.envelope is not None and any(rule.pointer == "" for rule in expected):
        raise NotJson("an entity without an id", 0)
    digests = tuple([sha256(entity.body).digest()[:16] for entity in parts.entities])
    return checked_parts(body, expected, parts, digests, sha256(body).hexdigest())


def checked_parts(
    body: bytes,
    rules: Sequence[Rule],
    parts: Split,
    digests: tuple[bytes, ...],
    body_sha256: str,
) -> SplitResponse:
    """Returns the parts of a response that was split. Raises `NotJson` if there are too many."""
    _check_roster(parts.entities, len(body))
    return SplitResponse(
        envelope=parts.envelope or body,
        entities=parts.entities,
        values=parts.values,
        first=parts.first,
        digests=digests,
        misfits=parts.misfits,
        shapes={rule.pointer: rule.shape for rule in rules},
        page_body=parts.envelope,
        is_exact=parts.first is not None or _is_exact(parts, rules, body),
        sha256=body_sha256,
    )


def with_value_hashes(parts: SplitResponse) -> SplitResponse:
    """Returns the parts without `values`, but with the value hash of every entity whose
    bytes are stored unchanged in a line."""
    if parts.values is not None:
        return attrs.evolve(parts, values=None, hashes=tuple(parsed_value_hashes(parts.values)))
    hashes = tuple(_hash_in_line(entity.body) for entity in parts.entities)
    return attrs.evolve(parts, values=None, hashes=hashes)


def _hash_in_line(body: bytes) -> str | None:
    is_unchanged = len(body) <= MAX_INLINE_BYTES and embed(body).body is body
    return strict_value_hash(body) if is_unchanged else None


def _check_roster(entities: Sequence[Entity], end: int) -> None:
    """Raises `NotJson` if the line of the page, or of an entity, would become too long."""
    if len(entities) > _MAX_ENTITIES:
        raise NotJson(f"more than {_MAX_ENTITIES:,} entities", end)
    ids = [entity.id for entity in entities]
    if max(map(len, ids), default=0) > _MAX_ID_CHARS:
        raise NotJson(f"an id of more than {_MAX_ID_CHARS:,} characters", end)
    if end > SMALL_BYTES and len(orjson.dumps(ids)) > _MAX_ID_BYTES:
        raise NotJson(f"ids of more than {_MAX_ID_BYTES:,} bytes", end)


def _is_exact(parts: Split, rules: Sequence[Rule], body: bytes) -> bool:
    """Whether joining the parts restores the response. Not needed if `first` is set: then
    `split` has verified it."""
    if parts.misfits:
        return False
    if parts.envelope is not None and not rules:
        return True
    bodies: dict[str, list[bytes]] = {rule.pointer: [] for rule in rules}
    for entity in parts.entities:
        bodies[entity.pointer].append(entity.body)
    try:
        return join(parts.envelope, bodies) == body
    except NotJson:
        return False


def body_keys(parts: SplitResponse) -> Iterator[Key]:
    """Yields the keys whose last stored bodies `build_page_events` compares."""
    return ((entity.type, entity.id, entity.shape) for entity in parts.entities)
