"""Events: encoding and decoding are inverse; positions keep the order."""

import base64
import json
import uuid

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventlog.errors import Corrupt
from eventlog.format.event import (
    ENTITY,
    HEARTBEAT,
    KINDS,
    RUN,
    Draft,
    EntityBatch,
    Position,
    exact_body,
    observed_us,
    position,
    stamp,
)
from eventlog.format.event_codec import decode, encode, encode_entity_batch
from eventlog.format.line_header import kind_and_type, line_header, read_block
from tests.eventlog.making import SOURCE, START, WRITER

AT = "2026-11-21T05:00:00.000001Z"
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
optional = st.none() | texts
drafts = st.builds(
    Draft,
    kind=st.sampled_from(KINDS),
    run=optional,
    epoch=optional,
    type=optional,
    id=optional,
    parent_type=optional,
    parent_id=optional,
    shape=optional,
    endpoint=optional,
    params=st.dictionaries(texts, texts, max_size=2),
    hash=optional,
    members=st.fixed_dictionaries(
        {},
        optional={
            "url": texts,
            "status": st.integers(100, 599),
            "state": texts,
            "reason": texts,
            "something_new": st.integers(-9, 9) | texts,
        },
    ),
    body_raw=st.none() | st.binary(max_size=9),
    body=st.none() | st.sampled_from([b"{}", b"[1.10,1e400]", b'"\\u00e9"', b"null", b"-0"]),
)


def line_of(draft: Draft, seq: int = 7) -> bytes:
    return encode(draft, source=SOURCE, writer=WRITER, seq=seq, observed_at=AT)


@given(drafts)
def test_decode_gives_back_what_was_encoded(draft: Draft) -> None:
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
def test_a_line_is_what_any_json_reader_sees(draft: Draft) -> None:
    seen = json.loads(line_of(draft))

    assert {name: seen[name] for name in draft.members} == draft.members
    assert None not in [value for name, value in seen.items() if name != "body"]
    if draft.body is not None:
        assert list(seen)[-1] == "body"
        assert line_of(draft).endswith(b',"body":' + draft.body + b"}\n")
    if draft.body_raw is not None:
        assert base64.b64decode(seen["body_raw"]) == draft.body_raw


@given(drafts)
def test_the_prefix_says_what_decoding_in_full_says(draft: Draft) -> None:
    line, head = decode(line_of(draft)), line_header(line_of(draft))

    for name in ("source", "writer", "seq", "observed_at", "kind", "type", "id", "shape"):
        assert getattr(head, name) == getattr(line, name)


def test_unknown_kinds_and_members_are_read() -> None:
    line = line_of(Draft(kind="novelty", members={"what": {"is": [1, None]}}))

    assert decode(line).kind == "novelty"
    assert line_header(line).kind == "novelty"


def test_a_heartbeat_is_only_an_envelope() -> None:
    assert line_of(Draft(kind=HEARTBEAT), 1) == (
        b'{"v":1,"source":"openrouter","writer":"1a2b3c4d","seq":1,'
        b'"observed_at":"2026-11-21T05:00:00.000001Z","kind":"heartbeat"}\n'
    )


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"\x00" * 40, b'{"v":1', b'{"v":"1"}'])
def test_what_is_no_event_is_corrupt(line: bytes) -> None:
    with pytest.raises(Corrupt):
        decode(line)
    with pytest.raises(Corrupt):
        line_header(line)


positions = st.builds(
    Position,
    observed_at=st.integers(0, 2**55),
    writer=st.integers(0, 2**32 - 1).map("{:08x}".format),
    seq=st.integers(1, 2**40 - 1),
)


@given(st.lists(positions, min_size=2, max_size=6))
def test_packing_keeps_the_order(found: list[Position]) -> None:
    assert sorted(found) == sorted(found, key=Position.packed)
    assert sorted(found) == sorted(found, key=lambda each: uuid.UUID(int=each.packed()).bytes)


def test_the_position_of_a_line_is_its_place() -> None:
    line = decode(line_of(Draft(kind=ENTITY), 9))

    assert position(line) == Position(START + 1, WRITER, 9)
    assert position(line).packed() >> 72 == START + 1
    assert (position(line).packed() >> 40) & 0xFFFFFFFF == 0x1A2B3C4D
    assert position(line).packed() & (2**40 - 1) == 9


def test_a_repaired_body_says_so() -> None:
    draft = attrs.evolve(Draft(kind=ENTITY), repaired=True, body_raw=b"NaN", body=b"null")

    assert decode(line_of(draft)).repaired


@given(st.lists(drafts, min_size=1, max_size=6))
def test_a_glance_at_a_block_says_what_decoding_each_line_says(found: list[Draft]) -> None:
    lines = [line_of(draft, seq) for seq, draft in enumerate(found, 5)]
    run = read_block(b"".join(lines), SOURCE, WRITER, "here")
    events = [decode(line) for line in lines]

    assert run.first_seq == 5
    assert run.observed == [event.observed_at for event in events]
    assert [kind_and_type(sort) for sort in run.kinds_and_types] == [
        (event.kind, event.type) for event in events
    ]
    assert b"".join(line + b"\n" for line in run.lines) == b"".join(lines)


def test_a_glance_is_not_fooled_by_long_members() -> None:
    draft = Draft(kind=ENTITY, run="r" * 200, epoch="e" * 200, type="t" * 200, id="1")
    run = read_block(line_of(draft, 1), SOURCE, WRITER, "here")

    assert kind_and_type(run.kinds_and_types[0]) == (ENTITY, "t" * 200)


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
def test_events_that_are_alike_have_the_lines_they_would_have_alone(
    form: Draft, events: list[tuple[str, bytes]], first: int
) -> None:
    bare = attrs.evolve(form, id=None, hash=None, members={}, body=None, body_raw=None)
    form = attrs.evolve(bare, body_asset=None, repaired=False)
    alike = EntityBatch(form, [name for name, _ in events], ["c1:00"] * len(events), [])
    alike.bodies.extend(body for _, body in events)

    found = encode_entity_batch(
        alike, source=SOURCE, writer=WRITER, first_seq=first, observed_at=AT
    )
    assert found == b"".join(
        line_of(attrs.evolve(form, id=name, hash="c1:00", body=body), seq)
        for seq, (name, body) in enumerate(events, first)
    )


def test_false_and_nought_are_written_but_null_is_left_out() -> None:
    members = {"last": False, "page_no": 0, "why": "", "listing": None}
    seen = json.loads(line_of(Draft(kind=RUN, members=members)))

    assert {name: seen.get(name, "none") for name in members} == {
        "last": False,
        "page_no": 0,
        "why": "",
        "listing": "none",
    }


@pytest.mark.parametrize(
    ("draft", "exact"),
    [
        (Draft(kind=ENTITY), None),
        (Draft(kind=ENTITY, body=b"{}"), b"{}"),
        (Draft(kind=ENTITY, body_raw=b""), b""),
        (Draft(kind=ENTITY, body_raw=b"NaN", body=b"null"), b"NaN"),
        (Draft(kind=ENTITY, body_asset="ab"), None),
        (Draft(kind=ENTITY, body_asset="ab", body=b"null"), None),
    ],
)
def test_the_exact_body_is_what_upstream_sent(draft: Draft, exact: bytes | None) -> None:
    line = decode(line_of(draft))

    assert exact_body(line) == exact
    assert line.body_asset == draft.body_asset
    assert not line.last


def test_the_instant_of_a_line_is_in_microseconds() -> None:
    assert observed_us(decode(line_of(Draft(kind=ENTITY)))) == START + 1
    assert stamp(START + 1) == AT


def test_events_of_no_bodies_have_no_lines() -> None:
    none = EntityBatch(Draft(kind=ENTITY), [], [], [])

    assert (
        encode_entity_batch(none, source=SOURCE, writer=WRITER, first_seq=1, observed_at=AT) == b""
    )
