"""Prefixes: a block in any spelling is read alike, and refused alike."""

import attrs
import pytest

from eventlog.errors import Corrupt
from eventlog.format.event import ENTITY, PAGE, Draft
from eventlog.format.event_codec import encode
from eventlog.format.line_header import kind_and_type, line_header, read_block
from tests.eventlog.making import OTHER, SOURCE, WRITER

AT = "2026-11-21T05:00:00.000000Z"
DRAFT = Draft(kind=ENTITY, run="r", epoch="e", type="model", id="1", shape="list", body=b"{}")


def line(seq: int, draft: Draft = DRAFT, source: str = SOURCE, writer: str = WRITER) -> bytes:
    return encode(draft, source=source, writer=writer, seq=seq, observed_at=AT)


def spaced(data: bytes) -> bytes:
    """The same lines as no writer of ours spells them."""
    return data.replace(b'{"v":1,', b'{"v": 1,')


@pytest.mark.parametrize("spelling", [bytes, spaced])
@pytest.mark.parametrize(
    ("block", "what"),
    [
        (line(4) + line(5)[:-1], "here: line 2 has no line feed"),
        (b"", "here: expected at least one line"),
        (line(4) + line(6), "here: line 2: expected seq 5, found 6"),
        (line(4) + line(4), "here: line 2: expected seq 5, found 4"),
        (line(4) + line(5, source="civitai"), "here: line 2: an event of another stream: civitai"),
        (line(4, writer=OTHER), f"here: line 1: an event of another stream: {SOURCE}, writer fee"),
        (line(4) + b"{}\n", "here: line 2: expected an event, found a line of 2 bytes"),
    ],
)
def test_a_block_that_is_no_run_of_events_is_refused_with_its_line(
    block: bytes, what: str, spelling: type[bytes]
) -> None:
    with pytest.raises(Corrupt, match=what):
        read_block(spelling(block), SOURCE, WRITER, "here")


@pytest.mark.parametrize("spelling", [bytes, spaced])
def test_a_block_is_read_from_whatever_seq_it_begins_with(spelling: type[bytes]) -> None:
    run = read_block(spelling(line(41) + line(42, Draft(kind=PAGE))), SOURCE, WRITER, "here")

    assert (run.first_seq, run.observed) == (41, [AT, AT])
    assert [kind_and_type(sort) for sort in run.kinds_and_types] == [
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
def test_a_prefix_and_a_glance_say_what_the_line_says(change: dict[str, object]) -> None:
    draft = attrs.evolve(DRAFT, **change)  # type: ignore[arg-type]
    found = line_header(line(1, draft))
    members = {name: value for name, value in draft.members.items() if name in ("id", "shape")}

    assert (found.source, found.writer, found.seq, found.observed_at) == (SOURCE, WRITER, 1, AT)
    assert (found.kind, found.type) == (draft.kind, draft.type)
    assert (found.id, found.shape) == (
        members.get("id", draft.id),
        members.get("shape", draft.shape),
    )
    run = read_block(line(1, draft), SOURCE, WRITER, "here")
    assert kind_and_type(run.kinds_and_types[0]) == (draft.kind, draft.type)
