"""Statistics of a block: equal to those of its decoded lines, and rejected like them."""

from collections import Counter
from itertools import pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Corrupt
from eventlog.format.block_stats import BlockStats, block_stats
from eventlog.format.event import ENTITY, PAGE, Draft
from eventlog.format.event_codec import decode, encode
from tests.eventlog.making import SOURCE, WRITER, entity

AT = ["2026-11-21T05:00:01.000000Z", "2026-11-21T05:00:01.000001Z", "2026-11-21T05:59:59.999999Z"]


def line(draft: Draft, seq: int, at: str = AT[0]) -> bytes:
    return encode(draft, source=SOURCE, writer=WRITER, seq=seq, observed_at=at)


HEX = b"1b" * 32
names = st.sampled_from([None, "model", "image", "a%d", "%", 'a"b', "", "x" * 200])
drafts = st.builds(
    Draft,
    kind=st.sampled_from([ENTITY, PAGE, "new %s kind"]),
    run=names,
    epoch=names,
    type=names,
    id=st.sampled_from([None, "1", ',"type":"x"']),
    members=st.sampled_from([{}, {"url": "http://x/"}, {"type2": 1}, {"run": 'x","seq":5,'}]),
    body_asset=st.sampled_from([None, "0a" * 32, "ff" * 32]),
    body=st.sampled_from([None, b"{}", b'{"kind":"page"}', b'{"a":0,"body_asset":"%s"}' % HEX]),
)
pages = st.lists(st.tuples(st.sampled_from(AT), st.lists(drafts, min_size=1, max_size=3)))


def decoded(block: bytes) -> BlockStats:
    """Returns the statistics of a block by decoding every line."""
    lines = block.split(b"\n")
    events = [decode(data) for data in lines[:-1]]
    if lines[-1] or not events or any(b.seq != a.seq + 1 for a, b in pairwise(events)):
        raise Corrupt("no run of lines")
    if any(b.observed_at < a.observed_at for a, b in pairwise(events)):
        raise Corrupt("out of order")
    if any((event.source, event.writer) != (SOURCE, WRITER) for event in events):
        raise Corrupt("another stream")
    kinds, types = Counter(each.kind for each in events), Counter(each.type for each in events)
    return BlockStats(
        len(events),
        events[0].seq,
        events[-1].seq,
        events[0].observed_at,
        events[-1].observed_at,
        max(map(len, lines)),
        dict(sorted(kinds.items())),
        {name: count for name, count in sorted(types.items(), key=str) if name is not None},
        frozenset(event.body_asset for event in events if event.body_asset is not None),
    )


def made(pages_by_instant: list[tuple[str, list[Draft]]], first: int, times: int) -> list[bytes]:
    """Returns the lines of pages, with the events of each page repeated `times` times."""
    events = [
        (at, draft)
        for at, page in sorted(pages_by_instant, key=lambda x: x[0])
        for draft in page * times
    ]
    return [line(draft, seq, at) for seq, (at, draft) in enumerate(events, first)]


@given(pages.filter(bool), st.sampled_from([1, 8, 95, 999_998]), st.integers(1, 4))
def test_the_statistics_of_a_block_equal_those_of_its_decoded_lines(
    pages_by_instant: list[tuple[str, list[Draft]]], first: int, times: int
) -> None:
    block = b"".join(made(pages_by_instant, first, times))

    assert block_stats(block, SOURCE, WRITER, "here") == decoded(block)


def test_a_beginning_with_a_further_type_is_a_different_beginning() -> None:
    bare = Draft(kind=ENTITY, run="r", id="1")
    stats = block_stats(
        line(bare, 1) + line(attrs.evolve(bare, type="model"), 2), SOURCE, WRITER, ""
    )

    assert stats.types == {"model": 1}


damages = st.sampled_from(
    [
        lambda lines, n: lines[:n] + lines[n + 1 :],
        lambda lines, n: [*lines[:n], lines[n], *lines[n:]],
        lambda lines, n: lines[:n] + lines[n + 1 : n + 2] + lines[n : n + 1] + lines[n + 2 :],
        lambda lines, n: [*lines[:n], lines[n].replace(b"05:00:01", b"05:00:00"), *lines[n + 1 :]],
        lambda lines, n: [*lines[:n], lines[n].replace(b"1a2b", b"2a2b", 1), *lines[n + 1 :]],
        lambda lines, n: [*lines[:n], lines[n].replace(b'"seq":', b'"seq":1'), *lines[n + 1 :]],
        lambda lines, n: [*lines[:n], lines[n][: len(lines[n]) // 3] + b"\n", *lines[n + 1 :]],
        lambda lines, n: [*lines[:-1], lines[-1][:-1]],
        lambda lines, n: [*lines[:n], b"\n", *lines[n:]],
        lambda lines, n: [*lines[:n], b"\n%d\n" % (5 + n), *lines[n:]],
        lambda lines, n: [*lines[:n], b"{}\n", *lines[n + 1 :]],
        lambda lines, n: [*lines[:n], b" " + lines[n], *lines[n + 1 :]],
    ]
)


@given(pages.filter(bool), st.integers(1, 5), damages, st.data())
def test_a_damaged_block_is_rejected_like_its_decoded_lines(
    pages_by_instant, times, damage, data
) -> None:  # type: ignore[no-untyped-def]
    lines = made(pages_by_instant, 5, times)
    block = b"".join(damage(lines, data.draw(st.integers(0, len(lines) - 1))))
    try:
        expected = decoded(block)
    except Corrupt:
        with pytest.raises(Corrupt):
            block_stats(block, SOURCE, WRITER, "here")
    else:
        assert block_stats(block, SOURCE, WRITER, "here") == expected


def test_the_error_names_the_line_that_was_observed_before_the_previous_one() -> None:
    lines = [line(entity(n), n, at) for n, at in enumerate([AT[0], AT[0], AT[2], AT[2], AT[1]], 1)]

    with pytest.raises(Corrupt, match="line 5: observed before"):
        block_stats(b"".join(lines), SOURCE, WRITER, "here")


def test_a_seq_that_is_too_large_is_rejected() -> None:
    block = line(entity(1), 1).replace(b'"seq":1', b'"seq":' + b"9" * 5000)

    with pytest.raises(Corrupt):
        block_stats(block, SOURCE, WRITER, "here")


def test_events_at_one_instant_are_in_order_and_ends_are_first_and_last() -> None:
    lines = [line(entity(n, n), n, at) for n, at in enumerate([AT[0], AT[0], AT[1], AT[2]], 1)]
    stats = block_stats(b"".join(lines), SOURCE, WRITER, "here")

    assert (stats.first_observed_at, stats.last_observed_at) == (AT[0], AT[2])
    assert stats.longest_line_bytes == len(lines[3]) - 1  # without its line feed
