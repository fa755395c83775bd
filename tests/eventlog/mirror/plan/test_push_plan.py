"""The plan of a push: streams in the order of their seqs, what is older first."""

from hypothesis import given
from hypothesis import strategies as st

from eventlog.clock import HOUR
from eventlog.format.paths import segment_at
from eventlog.mirror.bucket.chain import LinkFacts, StreamHead
from eventlog.mirror.plan.push_plan import (
    PushPlan,
    Unpushed,
    forked_stream,
    forked_streams,
    plan_push,
)
from tests.eventlog.making import OTHER, SOURCE, START, WRITER

KEY = (SOURCE, WRITER)


def unpushed(
    first: int,
    rows: int,
    hour: int,
    writer: str = WRITER,
    *,
    is_lost: bool = False,
    has_zst: bool = True,
) -> Unpushed:
    name = segment_at(SOURCE, writer, START + hour * HOUR, first)
    return Unpushed(name, is_lost, has_zst, first, first + rows - 1, name.starts_at, 10)


@st.composite
def streams(draw: st.DrawFn) -> list[Unpushed]:
    """Draws two streams without holes; their hours are in any order, as those of imports."""
    links = []
    for writer in (WRITER, OTHER):
        first = 1
        for rows in draw(st.lists(st.integers(1, 4), max_size=5)):
            links.append(unpushed(first, rows, draw(st.integers(0, 9)), writer))
            first += rows
    return links


@given(streams(), st.data())
def test_each_stream_is_pushed_completely_and_in_order(
    links: list[Unpushed], data: st.DataObject
) -> None:
    plan = plan_push({}, data.draw(st.permutations(links)))

    assert plan.stopped == () and sorted(map(str, plan.links)) == sorted(map(str, links))
    for writer in (WRITER, OTHER):
        mine = [link for link in plan.links if link.name.writer == writer]
        assert mine == [link for link in links if link.name.writer == writer]


@given(streams(), st.data())
def test_a_hole_stops_its_stream_only(links: list[Unpushed], data: st.DataObject) -> None:
    if not links:
        return
    missing = data.draw(st.sampled_from(links))
    plan = plan_push({}, [link for link in links if link != missing])

    key = missing.key
    before = [x for x in links if x.key == key and x.first_seq < missing.first_seq]
    after = [x for x in links if x.key == key and x.first_seq > missing.first_seq]
    assert [x for x in plan.links if x.key == key] == before
    assert [x for x in plan.links if x.key != key] == [
        x for x in plan_push({}, links).links if x.key != key
    ]
    assert [stopped.key for stopped in plan.stopped] == ([key] if after else [])
    if after:
        assert f"but seq {missing.first_seq} is missing" in plan.stopped[0].reason
        assert not plan.stopped[0].is_conflict


def test_what_is_older_comes_first_whatever_its_stream() -> None:
    links = [unpushed(1, 1, 3), unpushed(1, 1, 1, OTHER), unpushed(2, 1, 4)]

    assert plan_push({}, links).links == (links[1], links[0], links[2])


def test_a_segment_that_overlaps_what_is_committed_is_a_conflict() -> None:
    heads = {KEY: StreamHead(3, "ab" * 32, "x")}

    plan = plan_push(heads, [unpushed(3, 4, 1)])
    assert plan.links == () and plan.stopped[0].is_conflict
    assert "but the mirror has seq 3" in plan.stopped[0].reason
    assert plan_push(heads, [unpushed(4, 4, 1)]) == PushPlan((unpushed(4, 4, 1),), ())


def test_what_cannot_be_read_stops_its_stream() -> None:
    missing = unpushed(1, 1, 0, has_zst=False)
    name = unpushed(1, 1, 0, OTHER).name

    plan = plan_push({}, [missing], [name])

    assert [(stopped.key[1], stopped.reason.split(": ")[1]) for stopped in plan.stopped] == [
        (WRITER, "its sealed file is missing"),
        (OTHER, "its manifest cannot be read"),
    ]
    lost = unpushed(1, 1, 0, has_zst=False, is_lost=True)
    assert plan_push({}, [lost]).links == (lost,)


def test_a_stream_is_forked_if_the_link_with_its_last_seq_is_not_the_one_here() -> None:
    ours = LinkFacts(KEY, "x", 4, 6, "before", "ours")

    def forked(first: int, last: int, sha256: str = "theirs") -> bool:
        link = LinkFacts(KEY, "y", first, last, None, sha256)
        return forked_stream(ours, link) is not None

    assert [forked(first, 9) for first in (1, 4, 6, 7)] == [True, True, True, False]
    assert [forked(1, last) for last in (3, 5, 6)] == [False, False, True]
    assert not forked(4, 6, "ours") and forked_stream(None, ours) is None
    stream = forked_stream(ours, LinkFacts(KEY, "y", 5, 8, None, "theirs"))
    assert stream is not None and stream.is_conflict
    assert stream.reason == "x: the mirror has other events with seq 5 to 8"
    assert forked_streams({"/".join(KEY): stream.reason}) == (stream,)
