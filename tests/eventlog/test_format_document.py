"""The worked example of docs/format.md: real bytes, which decode, verify and rebuild."""

import hashlib
import re
from pathlib import Path

import orjson

from eventlog.body.encode_body import embed
from eventlog.body.split import split
from eventlog.body.split_rules import Rule, id_member
from eventlog.body.value_hash import value_hash
from eventlog.check.verify import verify
from eventlog.files.listing import list_segments
from eventlog.format.event import ENTITY, HEARTBEAT, PAGE, RUN, Draft, exact_body, position
from eventlog.format.event_codec import decode
from eventlog.format.paths import SegmentName, manifest_path, open_path
from eventlog.read.cursor import mark, to_text
from eventlog.read.reader import read_events, read_one
from eventlog.read.rebuild_response import rebuild
from eventlog.write.writer import append, close_stream
from tests.eventlog.making import SECOND, SOURCE, START, WRITER, ManualClock, opened, put

PAGE_OF_DOCS = Path(__file__).parents[2] / "docs" / "format.md"
RESPONSE = (
    b'{"data":[{"id":"openai/gpt-5","pricing":{"prompt":"0.00000125"},"context_length":400000},'
    b'{"id":"mistralai/mistral-small","rating":NaN}]}'
)
SHARED = {"run": "01KAHJ3M8Q", "epoch": "2026-11-21T05"}


def written(root: Path) -> SegmentName:
    """Writes the example. Returns the name of its segment."""
    clock = ManualClock(START + 107 * SECOND + 250_000)
    stream = opened(root, clock)
    put(stream, Draft(kind=RUN, **SHARED, members={"state": "created", "listing": "models"}))
    clock.at += 812_345
    append(stream, [_batch])
    clock.at += 400 * SECOND
    put(stream, Draft(kind=HEARTBEAT))
    assert stream.segment is not None
    name = stream.segment.name
    close_stream(stream)
    return name


def _batch(first: int, _at: int) -> list[Draft]:
    """Returns the events of a response: its entities, then the page that refers to them."""
    parts = split(RESPONSE, (Rule("/data", "model", "list", id_member("id")),))
    drafts = []
    for entity in parts.entities:
        embedded = embed(entity.body)
        drafts.append(
            Draft(
                kind=ENTITY,
                **SHARED,
                type=entity.type,
                id=entity.id,
                shape=entity.shape,
                hash=value_hash(entity.body),
                repaired=embedded.repaired,
                body_raw=embedded.body_raw,
                body=embedded.body,
            )
        )
    roster = {"/data": [[e.type, e.id, first + n] for n, e in enumerate(parts.entities)]}
    members = {
        "url": "https://openrouter.ai/api/v1/models",
        "status": 200,
        "ms": 184,
        "bytes": len(RESPONSE),
        "sha256": hashlib.sha256(RESPONSE).hexdigest(),
        "scope": "/api/v1/models",
        "page_no": 1,
        "last": True,
        "roster": roster,
        "shapes": {"/data": "list"},
    }
    page = Draft(
        kind=PAGE, **SHARED, endpoint="/api/v1/models", members=members, body=parts.envelope
    )
    return [*drafts, page]


def documented(language: str, number: int = 0) -> str:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE_OF_DOCS.read_text(), re.M | re.S)[number]


def test_the_writer_writes_the_lines_of_the_example(tmp_path: Path) -> None:
    name = written(tmp_path)

    assert open_path(tmp_path, name).read_text() == documented("ndjson")
    assert str(name) in PAGE_OF_DOCS.read_text()


def test_the_example_seals_to_its_manifest_and_verifies(tmp_path: Path) -> None:
    name = written(tmp_path)
    open_path(tmp_path, name).write_text(documented("ndjson"))
    close_stream(opened(tmp_path, ManualClock(START + 900 * SECOND)), seal_open=True)
    documented_manifest = orjson.loads(documented("json"))
    actual_manifest = orjson.loads(manifest_path(tmp_path, name).read_bytes())
    # Another version of zstd may compress to other sizes.
    for members in (documented_manifest, actual_manifest):
        members.pop("zst")
        for frame in members["frames"]:
            frame.pop("bytes")

    assert list(documented_manifest) == list(actual_manifest)
    assert documented_manifest == actual_manifest
    assert verify(tmp_path).damages == ()
    assert list_segments(tmp_path)[0].is_sealed


def test_the_example_rebuilds_to_its_response(tmp_path: Path) -> None:
    written(tmp_path)
    lines = {record.seq: record.line for record in read_events(tmp_path)}
    page = decode(lines[4])

    assert rebuild(page, lines.__getitem__, lambda name: b"") == RESPONSE
    assert exact_body(decode(lines[3])) == b'{"id":"mistralai/mistral-small","rating":NaN}'
    assert bytes(decode(lines[3]).body) == b'{"id":"mistralai/mistral-small","rating":null}'


def test_position_hash_and_cursor_of_the_example_are_as_documented(tmp_path: Path) -> None:
    written(tmp_path)
    text = PAGE_OF_DOCS.read_text()
    record = read_one(tmp_path, SOURCE, WRITER, 4)
    event = decode(record.line)

    assert f"{position(event).packed():032x}" in text
    assert to_text({(SOURCE, WRITER): mark(record.seq, record.line)}) in text
    assert value_hash(b'{"b":1.10,"a":"\\u0041"}') in text
