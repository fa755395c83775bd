"""Body cache: returns bodies in any order and reads each frame no more often than necessary."""

from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog.errors import NotFound
from eventlog.files.listing import list_segments, read_manifest
from eventlog.format.event import Draft
from eventlog.format.paths import sealed_path
from eventlog.read import segment_lines
from eventlog.read.reader import read_events
from eventlog.write.writer import append, close_stream, open_stream
from projector.changes import body_cache
from projector.changes.body_cache import body_reader
from projector.limits import LIMITS
from tests.extent import few_or_all
from tests.projector.logs import UNSAFE, hours

NOTHING = attrs.evolve(LIMITS, max_cached_block_bytes=0)
"""Limits with which a body reader caches only the block in use."""
WRITER = "0a0b0c0d"
COUNT = 60


def body(seq: int) -> bytes:
    return b'{"seq":%d,"text":"%s"}' % (seq, b"x" * 250_000)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sealed segments of several frames and an open one; each ends with a run event."""
    folder = tmp_path_factory.mktemp("lines")
    (folder / "log").mkdir()
    for hour in range(4):
        at = hours(hour)
        stream = open_stream(folder, "shop", WRITER, clock=lambda at=at: at, disk=UNSAFE)
        for _ in range(COUNT // 4 - 1):
            append(stream, [_entity], at)
        append(stream, [lambda _seq, _at: [Draft(kind="run", run="r")]], at)
        close_stream(stream, seal_open=hour < 3)
    return folder


def _entity(seq: int, _at: int) -> list[Draft]:
    return [Draft(kind="entity", type="thing", id="1", shape="list", hash="c1:0", body=body(seq))]


def places(root: Path) -> dict[int, tuple[str, int]]:
    return {each.seq: (str(each.segment), each.seq) for each in read_events(root)}


@settings(max_examples=few_or_all(10, 40), suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(1, COUNT), max_size=80), st.sampled_from([0, 2 * 10**6, 10**9]))
def test_bodies_are_right_whatever_the_size_of_the_cache(root: Path, seqs: list[int], size: int):
    where = places(root)
    body_at = body_reader(root, attrs.evolve(LIMITS, max_cached_block_bytes=size))

    for seq in seqs:
        assert body_at(where[seq]) == (b"null" if seq % (COUNT // 4) == 0 else body(seq))


def test_in_log_order_each_frame_is_read_once_and_then_evicted(root, monkeypatch):
    sealed = [each.name for each in list_segments(root) if each.is_sealed]
    frames = sum(len(read_manifest(root, name).frames) for name in sealed)
    where = [place for place in places(root).values() if place[0] in map(str, sealed)]
    read: list[int] = []
    read_frame = segment_lines.read_frame
    monkeypatch.setattr(
        segment_lines,
        "read_frame",
        lambda *arguments: read.append(arguments[-1]) or read_frame(*arguments),
    )
    body_at = body_reader(root, NOTHING)
    for place in where:
        body_at(place)

    assert frames > 8
    assert len(read) == frames
    body_at(where[0])
    assert len(read) == frames + 1


def test_a_cached_block_is_not_read_again(root: Path, monkeypatch):
    body_at = body_reader(root, attrs.evolve(LIMITS, max_cached_block_bytes=10**9))
    where = list(places(root).values())
    bodies = [body_at(place) for place in where]
    monkeypatch.setattr(body_cache, "read_lines", None)

    assert [body_at(place) for place in reversed(where)] == bodies[::-1]


def test_an_unknown_event_is_none_and_an_unknown_segment_is_an_error(root: Path):
    segment = next(iter(places(root).values()))[0]
    body_at = body_reader(root, LIMITS)

    assert body_at((segment, COUNT)) is None
    assert body_at(("no segment", 1)) is None
    with pytest.raises(NotFound):
        body_at((segment.replace(WRITER, "00000000"), 1))


def test_a_segment_that_is_sealed_between_two_reads_is_still_read(tmp_path: Path):
    (tmp_path / "log").mkdir()
    stream = open_stream(tmp_path, "shop", WRITER, clock=lambda: hours(0), disk=UNSAFE)
    append(stream, [_entity], hours(0))
    append(stream, [_entity], hours(0))
    (name,) = {each.segment for each in read_events(tmp_path)}
    body_at = body_reader(tmp_path, NOTHING)
    assert body_at((str(name), 1)) == body(1)
    close_stream(stream, seal_open=True)

    assert sealed_path(tmp_path, name).exists()
    assert body_at((str(name), 2)) == body(2)
