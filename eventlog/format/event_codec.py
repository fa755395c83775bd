"""Encodes events as lines and decodes lines. Pure."""

import base64
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

import msgspec
import orjson

from eventlog.errors import Corrupt
from eventlog.format.event import FORMAT, Draft, EntityBatch, Line

_LINE: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


_NAMED = (
    "run",
    "epoch",
    "type",
    "id",
    "parent_type",
    "parent_id",
    "shape",
    "endpoint",
    "params",
    "hash",
)
_named = attrgetter(*_NAMED)


_DIGITS = [b"%03d" % number for number in range(1000)]


def encode(draft: Draft, *, source: str, writer: str, seq: int, observed_at: str) -> bytes:
    """The line of an event, with its line feed. Null members are left out."""
    members: dict[str, Any] = {
        "v": FORMAT,
        "source": source,
        "writer": writer,
        "seq": seq,
        "observed_at": observed_at,
        "kind": draft.kind,
    }
    _name(members, draft)
    if draft.members:
        members |= {name: value for name, value in draft.members.items() if value is not None}
    if draft.repaired:
        members["repaired"] = True
    if draft.body_asset is not None:
        members["body_asset"] = draft.body_asset
    if draft.body_raw is not None:
        members["body_raw"] = base64.b64encode(draft.body_raw).decode()
    head = orjson.dumps(members)
    if draft.body is None:
        return head + b"\n"
    return b'%b,"body":%b}\n' % (head[:-1], draft.body)


def _name(members: dict[str, Any], draft: Draft) -> None:
    """Add what `_NAMED` has. Spelled out: a loop takes twice as long, for every event."""
    if draft.run:
        members["run"] = draft.run
    if draft.epoch:
        members["epoch"] = draft.epoch
    if draft.type:
        members["type"] = draft.type
    if draft.id:
        members["id"] = draft.id
    if draft.parent_type:
        members["parent_type"] = draft.parent_type
    if draft.parent_id:
        members["parent_id"] = draft.parent_id
    if draft.shape:
        members["shape"] = draft.shape
    if draft.endpoint:
        members["endpoint"] = draft.endpoint
    if draft.params:
        members["params"] = draft.params
    if draft.hash:
        members["hash"] = draft.hash


def encode_entity_batch(
    alike: EntityBatch, *, source: str, writer: str, first_seq: int, observed_at: str
) -> bytes:
    """The lines of events that are alike: what `encode` makes of each of them, in one piece."""
    count = len(alike.ids)
    if not count:
        return b""
    shared = list(zip(_NAMED, _named(alike.form), strict=True))
    at = _NAMED.index("id")
    start = b'{"v":%d%b,"seq":' % (FORMAT, _inner([("source", source), ("writer", writer)]))
    before = _inner([("observed_at", observed_at), ("kind", alike.form.kind), *shared[:at]])
    after = _inner(shared[at + 1 :])
    inside = (b"", before + b',"id":"', b"", b'"%b,"hash":"' % after, b"", b'","body":', b"")
    spelled = _spelled(alike.ids + alike.hashes)
    pieces = [b"", *inside] * count  # joined at once: line by line takes half as long again
    pieces[0::8], pieces[1::8] = _numbered(b"}\n" + start, first_seq, count)
    pieces[3::8], pieces[5::8] = spelled[:count], spelled[count:]
    pieces[7::8] = alike.bodies
    pieces[0] = pieces[0].removeprefix(b"}\n")
    pieces.append(b"}\n")
    return b"".join(pieces)


def _numbered(before: bytes, first: int, count: int) -> tuple[list[bytes], list[bytes]]:
    """What comes before the last digits of each number, and those: they are not made anew."""
    if first < len(_DIGITS):
        return [before] * count, [b"%d" % each for each in range(first, first + count)]
    begins, ends = list[bytes](), list[bytes]()
    while count:
        most, last = divmod(first, len(_DIGITS))
        some = min(count, len(_DIGITS) - last)
        begins += [b"%b%d" % (before, most)] * some
        ends += _DIGITS[last : last + some]
        first, count = first + some, count - some
    return begins, ends


def _spelled(texts: list[str]) -> list[bytes]:
    """Each text as it stands in JSON, without its quotes."""
    every = orjson.dumps(texts)
    if b"\\" in every or not texts:  # a quote that belongs to a text
        return [orjson.dumps(text)[1:-1] for text in texts]
    return every[2:-2].split(b'","')


def _inner(members: Iterable[tuple[str, Any]]) -> bytes:
    """Members behind others: `,"a":1,"b":2`. Those without a value are left out."""
    told = {name: value for name, value in members if value}
    return b"," + orjson.dumps(told)[1:-1] if told else b""


def decode(line: bytes) -> Line:
    """The event of a line, with or without its line feed. Raises `Corrupt`."""
    try:
        return _LINE.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt(f"a line of {len(line)} bytes is no event: {error}") from error
