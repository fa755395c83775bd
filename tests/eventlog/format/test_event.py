"""Events: positions in the total order, and the exact bytes of a body."""

import uuid

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.clock import format_us
from eventlog.format.event import ENTITY, Draft, Position, exact_body, observed_us, position
from eventlog.format.event_codec import decode
from tests.eventlog.format.drafts import AT, line_of
from tests.eventlog.making import START, WRITER

positions = st.builds(
    Position,
    observed_at=st.integers(0, 2**55),
    writer=st.integers(0, 2**32 - 1).map("{:08x}".format),
    seq=st.integers(1, 2**40 - 1),
)


@given(st.lists(positions, min_size=2, max_size=6))
def test_packing_keeps_the_order(unordered: list[Position]) -> None:
    def as_uuid(place: Position) -> bytes:
        return uuid.UUID(int=place.packed()).bytes

    assert sorted(unordered) == sorted(unordered, key=Position.packed)
    assert sorted(unordered) == sorted(unordered, key=as_uuid)


def test_a_packed_position_contains_instant_writer_and_seq() -> None:
    line = decode(line_of(Draft(kind=ENTITY), 9))

    assert position(line) == Position(START + 1, WRITER, 9)
    assert position(line).packed() >> 72 == START + 1
    assert (position(line).packed() >> 40) & 0xFFFFFFFF == 0x1A2B3C4D
    assert position(line).packed() & (2**40 - 1) == 9


def test_a_repaired_body_is_marked() -> None:
    draft = attrs.evolve(Draft(kind=ENTITY), repaired=True, body_raw=b"NaN", body=b"null")

    assert decode(line_of(draft)).repaired


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
    assert format_us(START + 1) == AT
