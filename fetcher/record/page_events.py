"""Converts a split response into the events of one batch. Pure.

    response ──split──> entities ── new bytes ──> entity events ┐
                            └────── unchanged ──> (no event)    ├─ one batch; the page
                        misfits ────────────────> anomalies     │  event commits it
                        envelope, roster ───────> page event    ┘

Only `put`, a function of the caller, writes to disk: it stores bodies too large for a line.
"""

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import orjson

from eventlog.body.encode_body import MAX_INLINE_BYTES, embed
from eventlog.body.split_again import NOT_PARSED
from eventlog.body.split_rules import Entity
from eventlog.body.value_hash import parsed_value_hash, strict_value_hash, value_hash
from eventlog.format.event import ANOMALY, ENTITY, MAX_LINE_BYTES, PAGE, Draft, EntityBatch
from fetcher.split.response import (
    MAX_URL_CHARS,
    SMALL_BYTES,
    Key,
    PageContext,
    Response,
    SplitResponse,
)
from fetcher.state.stored_bodies import StoredBody, can_reuse

PutAsset = Callable[[bytes], str]
"""Stores bytes as an asset, durable on return; returns their SHA-256, the asset's name."""


@attrs.frozen
class PageEvents:
    """Events of one response, and the entry that each new body adds to the index."""

    events: tuple[Draft | EntityBatch, ...]
    new_bodies: Mapping[Key, StoredBody]
    stored: int
    """Number of entity events."""
    unchanged: int
    """Number of entities whose bytes are stored already."""


def build_page_events(
    response: Response,
    place: PageContext,
    parts: SplitResponse,
    *,
    first_seq: int,
    observed_at: int,
    known: Callable[[Key], StoredBody | None],
    put: PutAsset,
) -> PageEvents:
    """Returns the events of a response; the first of them will get `first_seq`.

    Law: for every entity, in order of appearance, the roster names an event of this stream
    that contains exactly its bytes.
    """
    entity_events = _EntityEvents(response, place, put)
    new_bodies: dict[Key, StoredBody] = {}
    roster: dict[str, list[tuple[str, str, int]]] = {pointer: [] for pointer in parts.shapes}
    values = parts.values or itertools.repeat(NOT_PARSED)
    hashes = parts.hashes or itertools.repeat(None)
    stored_count = 0
    rows = zip(parts.entities, parts.digests, values, hashes, strict=False)
    for entity, digest, value, hash_ in rows:
        key = (entity.type, entity.id, entity.shape)
        stored = new_bodies.get(key) or known(key)
        if stored is None or not can_reuse(stored, digest, observed_at):
            value_hash_ = entity_events.add(entity, value, hash_)
            seq = first_seq + stored_count
            stored = new_bodies[key] = StoredBody(digest, seq, observed_at, value_hash_)
            stored_count += 1
        roster[entity.pointer].append((entity.type, entity.id, stored.seq))
    misfits = (
        misfit_anomaly(response, place, pointer, body, put) for pointer, body in parts.misfits
    )
    page = _page(response, place, parts, roster, put)
    events = (*entity_events.events, *misfits, page)
    return PageEvents(events, new_bodies, stored_count, len(parts.entities) - stored_count)


@attrs.define
class _EntityEvents:
    """Entity events of one response; consecutive similar ones share an `EntityBatch`."""

    response: Response
    place: PageContext
    put: PutAsset
    events: list[Draft | EntityBatch] = attrs.field(factory=list)
    last: Entity | None = None
    """Last entity in the `EntityBatch` that is still open; None: none is open."""

    def add(self, entity: Entity, value: Any, hash_: str | None) -> str:
        """Adds the event of an entity; returns its value hash, computed unless given."""
        if hash_ is None and value is not NOT_PARSED:
            hash_ = parsed_value_hash(value)
        if hash_ is not None:
            self._join(entity, hash_)
            return hash_
        placement = place_body(entity.body, self.put)
        if placement.body is entity.body:
            hash_ = strict_value_hash(entity.body)
            self._join(entity, hash_)
            return hash_
        hash_ = value_hash(entity.body)
        self.last = None
        self.events.append(
            attrs.evolve(
                _template(self.response, self.place, entity),
                id=entity.id,
                hash=hash_,
                repaired=placement.repaired,
                body_asset=placement.asset,
                body_raw=placement.body_raw,
                body=placement.body,
            )
        )
        return hash_

    def _join(self, entity: Entity, hash_: str) -> None:
        last, self.last = self.last, entity
        if last is None or last.pointer != entity.pointer or last.parent != entity.parent:
            template = _template(self.response, self.place, entity)
            self.events.append(EntityBatch(template, [], [], []))
        batch = self.events[-1]
        assert isinstance(batch, EntityBatch)
        batch.ids.append(entity.id)
        batch.hashes.append(hash_)
        batch.bodies.append(entity.body)


def _template(response: Response, place: PageContext, entity: Entity) -> Draft:
    """Returns an entity event without id, hash and body."""
    parent_type, parent_id = entity.parent or (None, None)
    return Draft(
        kind=ENTITY,
        run=place.run,
        epoch=place.epoch,
        type=entity.type,
        parent_type=parent_type,
        parent_id=parent_id,
        shape=entity.shape,
        endpoint=response.endpoint,
        params=response.params,
    )


@attrs.frozen
class BodyPlacement:
    """Where the bytes of a body are stored: in the line or in an asset."""

    body: bytes | None
    body_raw: bytes | None
    repaired: bool
    asset: str | None = None
    """Name of the asset; None: the bytes are in the line."""


def place_body(body: bytes, put: PutAsset) -> BodyPlacement:
    """Places a body in the line, exactly or repaired beside `body_raw`, else in an asset."""
    if len(body) <= MAX_INLINE_BYTES:
        inline = embed(body)
        size_bytes = len(inline.body or b"") + _base64_size(inline.body_raw)
        if size_bytes <= _MAX_ENTITY_INLINE_BYTES:
            return BodyPlacement(inline.body, inline.body_raw, inline.repaired)
    return BodyPlacement(None, None, False, put(body))


_MAX_ENTITY_INLINE_BYTES = 12 * 1024 * 1024


def _base64_size(data: bytes | None) -> int:
    return len(data or b"") * 4 // 3


def _page(
    response: Response,
    place: PageContext,
    parts: SplitResponse,
    roster: Mapping[str, Sequence[tuple[str, str, int]]],
    put: PutAsset,
) -> Draft:
    members = {
        **response_members(response, parts.sha256),
        "scope": place.scope,
        "page_no": place.page_no,
        "last": place.is_last or None,
        "next": place.next_url if len(place.next_url or "") <= MAX_URL_CHARS else None,
        "doubt": place.doubt,
        "key_removed": response.key_removed or None,
        "import": place.imported,
        "roster": roster or None,
        "shapes": parts.shapes or None,
    }
    draft = Draft(
        kind=PAGE,
        run=place.run,
        epoch=place.epoch,
        endpoint=response.endpoint,
        params=response.params,
        members=members,
    )
    if not parts.is_exact:
        return _with_raw_body(draft, parts.page_body, response.body, put)
    if parts.page_body is None:
        return draft
    inline = embed(parts.page_body) if len(parts.page_body) <= MAX_INLINE_BYTES else None
    if inline is None or inline.body_raw is not None:
        return _with_raw_body(draft, parts.page_body, response.body, put)
    return _fit_line(attrs.evolve(draft, body=inline.body), response.body, put)


def _with_raw_body(draft: Draft, envelope: bytes | None, body: bytes, put: PutAsset) -> Draft:
    """Stores the exact response in `body_raw`, and the envelope in `body` for readers."""
    if len(body) > MAX_INLINE_BYTES:
        return attrs.evolve(draft, body_asset=put(body))
    readable = embed(envelope).body if envelope is not None else None
    complete = attrs.evolve(draft, body=readable, body_raw=body, repaired=readable is not None)
    return _fit_line(complete, body, put)


def _fit_line(draft: Draft, body: bytes, put: PutAsset) -> Draft:
    """Returns the page unchanged if its line is short enough; else moves its bytes to an asset.

    Roster and envelope are derived from the body, so a small body never makes a long line.
    """
    if len(body) <= SMALL_BYTES:
        return draft
    size_bytes = len(orjson.dumps((draft.members, draft.params))) + len(draft.body or b"")
    if size_bytes + _base64_size(draft.body_raw) <= _MAX_PAGE_BYTES:
        return draft
    return attrs.evolve(draft, body=None, body_raw=None, repaired=False, body_asset=put(body))


_MAX_PAGE_BYTES = MAX_LINE_BYTES - 1024 * 1024
"""Leaves room for the position and the other members that every line has."""


def response_members(response: Response, sha256: str) -> dict[str, Any]:
    """Returns the members of an event that describe a request and its response."""
    return {
        "url": response.url or None,
        "status": response.status or None,
        "headers": response.headers or None,
        "ms": response.ms,
        "bytes": len(response.body),
        "sha256": sha256,
    }


def misfit_anomaly(
    response: Response, place: PageContext, pointer: str, body: bytes, put: PutAsset
) -> Draft:
    """Returns the anomaly of an element without an id."""
    sha256 = hashlib.sha256(body).hexdigest()
    members = {
        "reason": "no id",
        "pointer": pointer,
        **response_members(attrs.evolve(response, body=body), sha256),
    }
    return _anomaly(response, place, members, body, put)


def response_anomaly(response: Response, place: PageContext, reason: str, put: PutAsset) -> Draft:
    """Returns the anomaly that preserves a response which could not be split; URL, endpoint and
    status may be empty."""
    sha256 = hashlib.sha256(response.body).hexdigest()
    members = {
        "reason": reason,
        **response_members(response, sha256),
        "key_removed": response.key_removed or None,
        "import": place.imported,
    }
    return _anomaly(response, place, members, response.body, put)


def _anomaly(
    response: Response, place: PageContext, members: Mapping[str, Any], body: bytes, put: PutAsset
) -> Draft:
    draft = Draft(
        kind=ANOMALY,
        run=place.run,
        epoch=place.epoch,
        endpoint=response.endpoint or None,
        params=response.params,
        members=members,
    )
    if len(body) > MAX_INLINE_BYTES:
        return attrs.evolve(draft, body_asset=put(body))
    return attrs.evolve(draft, body_raw=body)
