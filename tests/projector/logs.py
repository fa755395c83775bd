"""Logs for tests, written by the real writer."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import orjson

from eventlog.body.value_hash import value_hash
from eventlog.clock import HOUR, parse_us
from eventlog.files.disk import Disk
from eventlog.format.event import ENTITY, GONE, PAGE, Draft
from eventlog.write.writer import append, close_stream, open_stream

UNSAFE = Disk(fsync=lambda handle: None, sync_dir=lambda path: None)
"""A disk without fsync: tests of the projector simulate no power failure."""

T0 = parse_us("2026-11-01T00:00:00Z")


@attrs.frozen
class Seen:
    """An entity on a page."""

    type: str
    id: str
    body: Mapping[str, Any] | bytes
    """Bytes are written as they are."""
    shape: str = "list"


@attrs.frozen
class Page:
    """A response. A detail has no `page_no`."""

    at: int
    entities: Sequence[Seen]
    run: str = "r"
    scope: str | None = None
    page_no: int | None = None
    last: bool = False
    status: int = 200


@attrs.frozen
class Gone:
    """A tombstone: a probe found that the entity is gone."""

    at: int
    type: str
    id: str


def write_log(
    root: Path,
    source: str,
    writer: str,
    happenings: Iterable[Page | Gone],
    *,
    seal: bool = True,
) -> None:
    """Appends to a stream. A body is stored if its bytes are new within this call."""
    last = max((happening.at for happening in happenings), default=T0)
    stream = open_stream(root, source, writer, clock=lambda: last, disk=UNSAFE)
    stored: dict[tuple[str, str, str], tuple[bytes, int]] = {}
    try:
        for happening in happenings:
            append(
                stream, [lambda seq, _at, new=happening: _drafts(new, seq, stored)], happening.at
            )
    finally:
        close_stream(stream, seal_open=seal)


def _drafts(
    happening: Page | Gone, seq: int, stored: dict[tuple[str, str, str], tuple[bytes, int]]
) -> list[Draft]:
    if isinstance(happening, Gone):
        return [Draft(kind=GONE, type=happening.type, id=happening.id)]
    drafts: list[Draft] = []
    roster: dict[str, list[tuple[str, str, int]]] = {}
    shapes: dict[str, str] = {}
    for entity in happening.entities:
        body = entity.body if isinstance(entity.body, bytes) else orjson.dumps(entity.body)
        key = (entity.type, entity.id, entity.shape)
        if stored.get(key, (b"", 0))[0] != body:
            stored[key] = (body, seq + len(drafts))
            drafts.append(
                Draft(
                    kind=ENTITY,
                    run=happening.run,
                    type=entity.type,
                    id=entity.id,
                    shape=entity.shape,
                    hash=value_hash(body),
                    body=body,
                )
            )
        pointer = f"/{entity.shape}"
        shapes[pointer] = entity.shape
        roster.setdefault(pointer, []).append((entity.type, entity.id, stored[key][1]))
    members = {
        "status": happening.status,
        "scope": happening.scope,
        "page_no": happening.page_no,
        "last": happening.last or None,
        "roster": roster,
        "shapes": shapes,
    }
    return [*drafts, Draft(kind=PAGE, run=happening.run, members=members)]


def hours(count: float) -> int:
    """Returns the instant this many hours after `T0`."""
    return T0 + int(count * HOUR)
