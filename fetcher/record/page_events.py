"""Observing: a response and what is known, to the events of one batch. Pure.

    response ──split──> entities ── new bytes ──> entity events ┐
                            └────── as known ───> (nothing)     ├─ one batch; the page
                        misfits ────────────────> anomalies     │  event is its commit
                        envelope, roster ───────> page event    ┘

Only `put`, given by the caller, touches the disk: it keeps what is too large for a line.
"""

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import orjson

from eventlog.body.encode_body import MAX_INLINE_BYTES, embed
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
"""Keeps bytes outside the line, durable, under the SHA-256 it gives back."""


@attrs.frozen
class PageEvents:
    """The events of a batch, and what the index learns from them."""

    events: tuple[Draft | EntityBatch, ...]
    new_bodies: Mapping[Key, StoredBody]
    stored: int
    unchanged: int


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
    """The events of a response, the first of which will have `first_seq`.

    Law: the roster names, for every entity in order of appearance, an event of this
    stream that holds exactly its bytes.
    """
    events = _Events(response, place, put)
    noted: dict[Key, StoredBody] = {}
    roster: dict[str, list[tuple[str, str, int]]] = {pointer: [] for pointer in parts.shapes}
    values = parts.values or itertools.repeat(_UNREAD)
    hashes = parts.hashes or itertools.repeat(None)
    stored = 0
    each = zip(parts.entities, parts.digests, values, hashes, strict=False)
    for entity, found, value, hash_ in each:
        key = (entity.type, entity.id, entity.shape)
        seen = noted.get(key) or known(key)
        if seen is None or not can_reuse(seen, found, observed_at):
            told = events.add(entity, value, hash_)
            seen = noted[key] = StoredBody(found, first_seq + stored, observed_at, told)
            stored += 1
        roster[entity.pointer].append((entity.type, entity.id, seen.seq))
    misfits = (
        misfit_anomaly(response, place, pointer, body, put) for pointer, body in parts.misfits
    )
    page = _page(response, place, parts, roster, put)
    return PageEvents((*events.found, *misfits, page), noted, stored, len(parts.entities) - stored)


_UNREAD = object()
"""In place of the value of an entity that was not read."""


@attrs.define
class _Events:
    """The entity events of a batch: those that are alike together."""

    response: Response
    place: PageContext
    put: PutAsset
    found: list[Draft | EntityBatch] = attrs.field(factory=list)
    last: Entity | None = None
    """The entity added last, if one that is alike may follow."""

    def add(self, entity: Entity, value: Any, hash_: str | None) -> str:
        """The event of one more entity; its value hash, where it was not taken ahead."""
        if hash_ is None and value is not _UNREAD:
            hash_ = parsed_value_hash(value)
        if hash_ is not None:
            self._join(entity, hash_)
            return hash_
        held = place_body(entity.body, self.put)
        if held.body is entity.body:
            hash_ = strict_value_hash(entity.body)
            self._join(entity, hash_)
            return hash_
        hash_ = value_hash(entity.body)
        self.last = None
        self.found.append(
            attrs.evolve(
                _form(self.response, self.place, entity),
                id=entity.id,
                hash=hash_,
                repaired=held.repaired,
                body_asset=held.asset,
                body_raw=held.body_raw,
                body=held.body,
            )
        )
        return hash_

    def _join(self, entity: Entity, hash_: str) -> None:
        last, self.last = self.last, entity
        if last is None or last.pointer != entity.pointer or last.parent != entity.parent:
            form = _form(self.response, self.place, entity)
            self.found.append(EntityBatch(form, [], [], []))
        alike = self.found[-1]
        assert isinstance(alike, EntityBatch)
        alike.ids.append(entity.id)
        alike.hashes.append(hash_)
        alike.bodies.append(entity.body)


def _form(response: Response, place: PageContext, entity: Entity) -> Draft:
    """What an entity event says besides id, hash and body."""
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
    """Where the bytes of a body stand: in the line, or outside under a name."""

    body: bytes | None
    body_raw: bytes | None
    repaired: bool
    asset: str | None = None


def place_body(body: bytes, put: PutAsset) -> BodyPlacement:
    """In the line where they fit, exact or with `body_raw` beside them; else by name."""
    if len(body) <= MAX_INLINE_BYTES:
        found = embed(body)
        if len(found.body or b"") + len(found.body_raw or b"") * 4 // 3 <= _MOST_INLINE_BYTES:
            return BodyPlacement(found.body, found.body_raw, found.repaired)
    return BodyPlacement(None, None, False, put(body))


_MOST_INLINE_BYTES = 12 * 1024 * 1024


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
        return _kept_whole(draft, parts.page_body, response.body, put)
    if parts.page_body is None:
        return draft
    held = embed(parts.page_body) if len(parts.page_body) <= MAX_INLINE_BYTES else None
    if held is None or held.body_raw is not None:
        return _kept_whole(draft, parts.page_body, response.body, put)
    return _in_line(attrs.evolve(draft, body=held.body), response.body, put)


def _kept_whole(draft: Draft, envelope: bytes | None, body: bytes, put: PutAsset) -> Draft:
    """The exact bytes in `body_raw`, the envelope where readers look for it."""
    if len(body) > MAX_INLINE_BYTES:
        return attrs.evolve(draft, body_asset=put(body))
    shown = embed(envelope).body if envelope is not None else None
    whole = attrs.evolve(draft, body=shown, body_raw=body, repaired=shown is not None)
    return _in_line(whole, body, put)


def _in_line(draft: Draft, body: bytes, put: PutAsset) -> Draft:
    """The page as it is, where its line is not too long; else with its bytes outside.

    Roster and envelope come from the body too: of a small one the line is never too long.
    """
    if len(body) <= SMALL_BYTES:
        return draft
    told = len(orjson.dumps((draft.members, draft.params)))
    if told + len(draft.body or b"") + len(draft.body_raw or b"") * 4 // 3 <= _MOST_LINE_BYTES:
        return draft
    return attrs.evolve(draft, body=None, body_raw=None, repaired=False, body_asset=put(body))


_MOST_LINE_BYTES = MAX_LINE_BYTES - 1024 * 1024
"""The rest is for the position and what else every line says."""


def response_members(response: Response, sha256: str) -> dict[str, Any]:
    """The members that say what was asked and what came."""
    return {
        "url": response.url,
        "status": response.status,
        "headers": response.headers or None,
        "ms": response.ms,
        "bytes": len(response.body),
        "sha256": sha256,
    }


def misfit_anomaly(
    response: Response, place: PageContext, pointer: str, body: bytes, put: PutAsset
) -> Draft:
    """The anomaly of one element that is no entity."""
    sha256 = hashlib.sha256(body).hexdigest()
    members = {
        "reason": "no id",
        "pointer": pointer,
        **response_members(attrs.evolve(response, body=body), sha256),
    }
    return _anomaly(response, place, members, body, put)


def response_anomaly(response: Response, place: PageContext, reason: str, put: PutAsset) -> Draft:
    """The event that keeps a response whole which could not be taken apart."""
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
        endpoint=response.endpoint,
        params=response.params,
        members=members,
    )
    if len(body) > MAX_INLINE_BYTES:
        return attrs.evolve(draft, body_asset=put(body))
    return attrs.evolve(draft, body_raw=body)
