"""Headers of lines: the fast path and the full decoding have equal results."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Corrupt
from eventlog.format.event import ENTITY, PAGE, Draft
from eventlog.format.event_codec import decode, encode
from eventlog.format.line_header import kind_and_type, line_header, read_block
from tests.eventlog.format.drafts import AT, drafts, line_of
from tests.eventlog.making import OTHER, SOURCE, WRITER

DRAFT = Draft(kind=ENTITY, run="r", epoch="e", type="model", id="1", shape="list", body=b"{}")


def line_at(seq: int, draft: Draft = DRAFT, source: str = SOURCE, writer: str = WRITER) -> bytes:
    return encode(draft, source=source, writer=writer, seq=seq, observed_at=AT)


def spaced(data: bytes) -> bytes:
    """Returns the same lines in a spelling that hindlog does not write."""
    return data.replace(b'{"v":1,', b'{"v": 1,')


@pytest.mark.parametrize("spelling", [bytes, spaced])
@pytest.mark.parametrize(
    ("block", "what"),
    [
        (line_at(4) + line_at(5)[:-1], "here: line 2 has no line feed"),
        (b"", "here: expected at least one line"),
        (line_at(4) + line_at(6), "here: line 2: expected seq 5, found 6"),
        (line_at(4) + line_at(4), "here: line 2: expected seq 5, found 4"),
        (
            line_at(4) + line_at(5, source="civitai"),
            "line 2: an event of another stream: civitai",
        ),
        (
            line_at(4, writer=OTHER),
            f"line 1: an event of another stream: {SOURCE}, writer fee",
        ),
        (line_at(4) + b"{}\n", "here: line 2: expected an event, found a line of 2 bytes"),
    ],
)
def test_a_block_that_is_no_sequence_of_events_is_rejected_with_the_line_number(
    block: bytes, what: str, spelling: type[bytes]
) -> None:
    with pytest.raises(Corrupt, match=what):
        read_block(spelling(block), SOURCE, WRITER, "here")


@pytest.mark.parametrize("spelling", [bytes, spaced])
def test_a_block_may_begin_with_any_seq(spelling: type[bytes]) -> None:
    lines = line_at(41) + line_at(42, Draft(kind=PAGE))
    block = read_block(spelling(lines), SOURCE, WRITER, "here")

    assert (block.first_seq, block.observed) == (41, [AT, AT])
    assert [kind_and_type(x) for x in block.kinds_and_types] == [
        (ENTITY, "model"),
        (PAGE, None),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"parent_type": "creator", "parent_id": "7"},
        {"parent_type": 'a"b', "parent_id": "c\\"},
        {"type": 'mo"del', "id": 'i\\"d', "shape": 's"'},
        {"type": None, "id": None, "shape": None},
        {"run": 'r","type":"x', "epoch": None},
        {"shape": None, "members": {"shape2": "x", "something": 1}},
        {"shape": None, "body": None, "members": {"x": 1, "shape": "late"}},
        {"id": None, "members": {"id": "in the members"}},
        {"type": "t" * 300, "run": "r" * 300},
    ],
)
def test_the_header_and_the_block_of_a_line_have_its_members(change: dict[str, object]) -> None:
    draft = attrs.evolve(DRAFT, **change)  # type: ignore[arg-type]
    header = line_header(line_at(1, draft))
    members = {name: value for name, value in draft.members.items() if name in ("id", "shape")}

    assert (header.source, header.writer, header.seq, header.observed_at) == (SOURCE, WRITER, 1, AT)
    assert (header.kind, header.type) == (draft.kind, draft.type)
    assert (header.id, header.shape) == (
        members.get("id", draft.id),
        members.get("shape", draft.shape),
    )
    block = read_block(line_at(1, draft), SOURCE, WRITER, "here")
    assert kind_and_type(block.kinds_and_types[0]) == (draft.kind, draft.type)


@given(drafts)
def test_a_header_equals_the_members_of_the_decoded_line(draft: Draft) -> None:
    line, head = decode(line_of(draft)), line_header(line_of(draft))

    for name in ("source", "writer", "seq", "observed_at", "kind", "type", "id", "shape"):
        assert getattr(head, name) == getattr(line, name)


@given(st.lists(drafts, min_size=1, max_size=6))
def test_a_block_equals_its_decoded_lines(block_drafts: list[Draft]) -> None:
    lines = [line_of(draft, seq) for seq, draft in enumerate(block_drafts, 5)]
    block = read_block(b"".join(lines), SOURCE, WRITER, "here")
    events = [decode(line) for line in lines]

    assert block.first_seq == 5
    assert block.observed == [event.observed_at for event in events]
    assert [kind_and_type(x) for x in block.kinds_and_types] == [
        (event.kind, event.type) for event in events
    ]
    assert b"".join(line + b"\n" for line in block.lines) == b"".join(lines)


def test_a_block_with_long_members_is_decoded_in_full() -> None:
    draft = Draft(kind=ENTITY, run="r" * 200, epoch="e" * 200, type="t" * 200, id="1")
    block = read_block(line_of(draft, 1), SOURCE, WRITER, "here")

    assert kind_and_type(block.kinds_and_types[0]) == (ENTITY, "t" * 200)
