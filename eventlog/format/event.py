"""Events: the values that the lines of the log encode. Pure.

    {"v":1,"source":…,"writer":…,"seq":…,"observed_at":…,"kind":…, … ,"body":…}

A line is one strict JSON object. `body`, if present, is its last member, so the exact
bytes of an entity are a slice of the line. docs/format.md describes every member.
"""

import base64
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from eventlog.clock import parse_us

LINE_FORMAT = 1
MAX_LINE_BYTES = 16 * 1024 * 1024

ENTITY = "entity"
PAGE = "page"
PAGE_FAILED = "page_failed"
ANOMALY = "anomaly"
GONE = "gone"
UNLISTED = "unlisted"
BACK = "back"
RUN = "run"
ASSET = "asset"
HEARTBEAT = "heartbeat"
KINDS = (ENTITY, PAGE, PAGE_FAILED, ANOMALY, GONE, UNLISTED, BACK, RUN, ASSET, HEARTBEAT)

_EMPTY: Mapping[str, Any] = {}


@attrs.frozen(order=True)
class Position:
    """The place of an event in the total order of all events of a source."""

    observed_at: int
    writer: str
    seq: int

    def packed(self) -> int:
        """Returns 128 bits in the same order: 56 of microseconds, 32 of writer, 40 of seq."""
        return (self.observed_at << 72) | (int(self.writer, 16) << 40) | self.seq


@attrs.frozen(kw_only=True)
class Draft:
    """An event to which the writer has not yet assigned a position."""

    kind: str
    run: str | None = None
    epoch: str | None = None
    type: str | None = None
    id: str | None = None
    parent_type: str | None = None
    parent_id: str | None = None
    shape: str | None = None
    endpoint: str | None = None
    params: Mapping[str, str] = _EMPTY
    hash: str | None = None
    members: Mapping[str, Any] = _EMPTY
    """The members specific to this kind, in the order in which the line has them."""
    repaired: bool = False
    body_asset: str | None = None
    body_raw: bytes | None = None
    """The exact bytes, if `body` differs from them."""
    body: bytes | None = None
    """Strict JSON without line breaks, valid UTF-8."""


@attrs.frozen
class EntityBatch:
    """Entity events that differ only in id, hash and body, like most events of a page."""

    form: Draft
    """The members that all of them share."""
    ids: list[str]
    hashes: list[str]
    bodies: list[bytes]
    """Strict JSON without line breaks, valid UTF-8."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A decoded event. Unknown members of the line are ignored."""

    v: int
    source: str
    writer: str
    seq: int
    observed_at: str
    kind: str
    run: str | None = None
    epoch: str | None = None
    type: str | None = None
    id: str | None = None
    parent_type: str | None = None
    parent_id: str | None = None
    shape: str | None = None
    endpoint: str | None = None
    params: dict[str, str] = {}
    hash: str | None = None
    url: str | None = None
    status: int | None = None
    sha256: str | None = None
    scope: str | None = None
    page_no: int | None = None
    last: bool = False
    roster: dict[str, list[tuple[str, str, int]]] = {}
    shapes: dict[str, str] = {}
    repaired: bool = False
    key_removed: bool = False
    """Whether the response contained our API key, which was replaced by asterisks."""
    body_asset: str | None = None
    body_raw: str | None = None
    body: msgspec.Raw = msgspec.Raw(b"")


def observed_us(line: Line) -> int:
    """Returns the instant at which the event was observed, in microseconds."""
    return parse_us(line.observed_at)


def position(line: Line) -> Position:
    """Returns the position of an event."""
    return Position(parse_us(line.observed_at), line.writer, line.seq)


def exact_body(line: Line) -> bytes | None:
    """Returns the bytes as upstream sent them; None if there are none or they are an asset."""
    if line.body_asset is not None:
        return None
    if line.body_raw is not None:
        return base64.b64decode(line.body_raw)
    return bytes(line.body) or None
