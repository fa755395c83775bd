"""Logs made for tests: events in the format of the log, written by the real writer."""

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
"""Tests of the projector cut no power."""

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
    """A response; `page_no` None for a detail."""

    at: int
    entities: Sequence[Seen]
    run: str = "r"
    scope: str | None = None
    page_no: int | None = None
    last: bool = False
    status: int = 200


@attrs.frozen
class Gone:
    """A probe that found nothing."""

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
    """Append to a stream; a body is stored when its bytes are new to this call."""
    ends = [each.at for each in happenings]
    last = max(ends, default=T0)
    stream = open_stream(root, source, writer, clock=lambda: last, disk=UNSAFE)
    stored: dict[tuple[str, str, str], tuple[bytes, int]] = {}
    try:
        for each in happenings:
            append(stream, [lambda seq, _at, one=each: _drafts(one, seq, stored)], each.at)
    finally:
        close_stream(stream, seal_open=seal)


def _drafts(
    one: Page | Gone, seq: int, stored: dict[tuple[str, str, str], tuple[bytes, int]]
) -> list[Draft]:
    if isinstance(one, Gone):
        return [Draft(kind=GONE, type=one.type, id=one.id)]
    drafts: list[Draft] = []
    roster: dict[str, list[tuple[str, str, int]]] = {}
    shapes: dict[str, str] = {}
    for seen in one.entities:
        body = seen.body if isinstance(seen.body, bytes) else orjson.dumps(seen.body)
        key = (seen.type, seen.id, seen.shape)
        if stored.get(key, (b"", 0))[0] != body:
            stored[key] = (body, seq + len(drafts))
            drafts.append(
                Draft(
                    kind=ENTITY,
                    run=one.run,
                    type=seen.type,
                    id=seen.id,
                    shape=seen.shape,
                    hash=value_hash(body),
                    body=body,
                )
            )
        pointer = f"/{seen.shape}"
        shapes[pointer] = seen.shape
        roster.setdefault(pointer, []).append((seen.type, seen.id, stored[key][1]))
    members = {
        "status": one.status,
        "scope": one.scope,
        "page_no": one.page_no,
        "last": one.last or None,
        "roster": roster,
        "shapes": shapes,
    }
    return [*drafts, Draft(kind=PAGE, run=one.run, members=members)]


def hours(count: float) -> int:
    """An instant some hours after `T0`."""
    return T0 + int(count * HOUR)
