"""Encoding and decoding lines: inverse, and valid for every JSON reader."""

import base64
import json

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventlog.errors import Corrupt
from eventlog.format.event import ENTITY, HEARTBEAT, RUN, Draft, EntityBatch, exact_body
from eventlog.format.event_codec import decode, encode_entity_batch
from eventlog.format.line_header import line_header
from tests.eventlog.format.drafts import AT, drafts, line_of
from tests.eventlog.making import SOURCE, WRITER


@given(drafts)
def test_decode_is_the_inverse_of_encode(draft: Draft) -> None:
    line = decode(line_of(draft))

    assert (line.source, line.writer, line.seq, line.observed_at) == (SOURCE, WRITER, 7, AT)
    for name in ("kind", "run", "epoch", "type", "id", "parent_type", "parent_id", "shape"):
        assert getattr(line, name) == getattr(draft, name)
    assert line.endpoint == draft.endpoint
    assert line.params == draft.params
    assert line.hash == draft.hash
    assert bytes(line.body) == (draft.body or b"")
    assert exact_body(line) == (draft.body if draft.body_raw is None else draft.body_raw)


@given(drafts)
def test_any_json_reader_reads_the_members_of_a_line(draft: Draft) -> None:
    read = json.loads(line_of(draft))

    assert {name: read[name] for name in draft.members} == draft.members
    assert None not in [value for name, value in read.items() if name != "body"]
    if draft.body is not None:
        assert list(read)[-1] == "body"
        assert line_of(draft).endswith(b',"body":' + draft.body + b"}\n")
    if draft.body_raw is not None:
        assert base64.b64decode(read["body_raw"]) == draft.body_raw


def test_unknown_kinds_and_members_are_accepted() -> None:
    line = line_of(Draft(kind="novelty", members={"what": {"is": [1, None]}}))

    assert decode(line).kind == "novelty"
    assert line_header(line).kind == "novelty"


def test_a_heartbeat_has_only_the_members_of_every_event() -> None:
    assert line_of(Draft(kind=HEARTBEAT), 1) == (
        b'{"v":1,"source":"openrouter","writer":"1a2b3c4d","seq":1,'
        b'"observed_at":"2026-11-21T05:00:00.000001Z","kind":"heartbeat"}\n'
    )


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"\x00" * 40, b'{"v":1', b'{"v":"1"}'])
def test_a_line_that_is_no_event_is_corrupt(line: bytes) -> None:
    with pytest.raises(Corrupt):
        decode(line)
    with pytest.raises(Corrupt):
        line_header(line)


@given(
    drafts,
    st.lists(st.tuples(st.text(min_size=1), st.sampled_from([b"{}", b'{"a":1.10}']))),
    st.integers(1, 3000) | st.integers(1, 2**40 - 1000),
)
@example(Draft(kind=ENTITY, type="%d", shape="list?q=100%b"), [("%s", b'{"a":"%"}')], 5)
@example(Draft(kind=ENTITY), [('x",', b"{}"), ('","', b"{}"), ("y\\", b"{}"), (",", b"{}")], 5)
@example(Draft(kind=ENTITY), [("1", b"{}")] * 12, 990)
@example(Draft(kind=ENTITY), [("1", b"{}")] * 12, 1990)
@example(Draft(kind=ENTITY), [("1", b"{}")] * 2012, 999_990)
def test_the_lines_of_a_batch_equal_those_of_its_events_encoded_alone(
    form: Draft, events: list[tuple[str, bytes]], first: int
) -> None:
    bare = attrs.evolve(form, id=None, hash=None, members={}, body=None, body_raw=None)
    form = attrs.evolve(bare, body_asset=None, repaired=False)
    ids, bodies = [name for name, _ in events], [body for _, body in events]
    batch = EntityBatch(form, ids, ["c1:00"] * len(events), bodies)

    assert encode_entity_batch(
        batch, source=SOURCE, writer=WRITER, first_seq=first, observed_at=AT
    ) == b"".join(
        line_of(attrs.evolve(form, id=name, hash="c1:00", body=body), seq)
        for seq, (name, body) in enumerate(events, first)
    )


def test_false_zero_and_empty_text_are_written_but_null_is_omitted() -> None:
    members = {"last": False, "page_no": 0, "why": "", "listing": None}
    read = json.loads(line_of(Draft(kind=RUN, members=members)))

    assert {name: read.get(name, "none") for name in members} == {
        "last": False,
        "page_no": 0,
        "why": "",
        "listing": "none",
    }


def test_an_empty_batch_has_no_lines() -> None:
    empty = EntityBatch(Draft(kind=ENTITY), [], [], [])
    lines = encode_entity_batch(empty, source=SOURCE, writer=WRITER, first_seq=1, observed_at=AT)

    assert lines == b""
