"""Reading: order, merging, filters, skipping, single events, and damaged segments."""

from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlog.clock import format_us
from eventlog.errors import Corrupt, NotFound
from eventlog.files.listing import list_segments, read_manifest
from eventlog.format.event import ENTITY, PAGE, position
from eventlog.format.event_codec import decode
from eventlog.format.paths import manifest_path, open_path, sealed_path
from eventlog.read import segment_lines as blocks
from eventlog.read.event_filter import Select
from eventlog.read.reader import Record, read_event_in, read_events, read_one, read_stream
from eventlog.read.segment_lines import segment_blocks
from eventlog.write.writer import close_stream
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    OTHER,
    SECOND,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    files_of,
    opened,
    page,
    put,
    write_hours,
    write_log,
)
from tests.extent import few_or_all


def lines(records: list[Record]) -> list[bytes]:
    return [record.line for record in records]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Writes two sources, three streams and three hours, with several kinds and types."""
    root = tmp_path_factory.mktemp("mixed")
    for source, writer in (("civitai", WRITER), (SOURCE, OTHER), (SOURCE, WRITER)):
        clock = ManualClock(START + int(writer[0], 16) * SECOND)
        stream = opened(root, clock, source=source, writer=writer)
        for number in range(40):
            type_ = "image" if number % 3 == 0 else "model"
            shape = "detail" if number % 4 == 0 else "list"
            put(stream, attrs.evolve(entity(number, type_=type_), shape=shape), page())
            clock.at += 4 * MINUTE
        close_stream(stream)
    return root


def test_events_are_read_in_the_total_order(mixed: Path) -> None:
    records = list(read_events(mixed))

    assert len(records) == 240
    assert [record.key for record in records] == sorted(record.key for record in records)
    assert [position(decode(record.line)) for record in records] == [
        record.position for record in records
    ]
    assert {record.segment.source for record in records} == {"civitai", SOURCE}


def test_reading_backwards_returns_the_reverse_order(mixed: Path) -> None:
    assert lines(list(read_events(mixed, backwards=True))) == lines(list(read_events(mixed)))[::-1]


selects = st.builds(
    Select,
    since=st.none() | st.integers(0, 180).map(lambda n: START + n * MINUTE),
    until=st.none() | st.integers(0, 180).map(lambda n: START + n * MINUTE),
    sources=st.frozensets(st.sampled_from(["civitai", SOURCE, "none"]), max_size=2),
    kinds=st.frozensets(st.sampled_from([ENTITY, PAGE, "gone"]), max_size=2),
    types=st.frozensets(st.sampled_from(["model", "image", "none"]), max_size=2),
    shapes=st.frozensets(st.sampled_from(["list", "detail"]), max_size=1),
    patterns=st.sampled_from([(), ("openrouter",), ("*/image",), ("*/model/1?", "civitai/*/3*")]),
)


def wanted(select: Select, line: bytes) -> bool:
    """Whether an event is selected, by a simple implementation."""
    event = decode(line)
    path = "/".join(part for part in (event.source, event.type, event.id) if part is not None)
    return (
        (select.since is None or event.observed_at >= format_us(select.since))
        and (select.until is None or event.observed_at < format_us(select.until))
        and (not select.sources or event.source in select.sources)
        and (not select.kinds or event.kind in select.kinds)
        and (not select.types or event.type in select.types)
        and (not select.shapes or event.shape in select.shapes)
        and (not select.patterns or any(_fits(part, path) for part in select.patterns))
    )


def _fits(pattern: str, path: str) -> bool:
    match pattern:
        case "openrouter":
            return path.split("/", maxsplit=1)[0] == "openrouter"
        case "*/image":
            return path.split("/")[1:2] == ["image"]
        case "*/model/1?":
            kind, number = (*path.split("/")[1:], "", "")[:2]
            return kind == "model" and len(number) == 2 and number[0] == "1"
    return (
        path.startswith("civitai/") and path.split("/")[2:3] != [] and path.split("/")[2][0] == "3"
    )


@settings(
    max_examples=few_or_all(20, 200), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(select=selects, backwards=st.booleans())
def test_a_selection_equals_filtering_all_events(
    mixed: Path, select: Select, backwards: bool
) -> None:
    expected = [each for each in lines(list(read_events(mixed))) if wanted(select, each)]
    found = lines(list(read_events(mixed, select, backwards=backwards)))

    assert found == (expected[::-1] if backwards else expected)


def test_frames_that_cannot_match_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = write_log(
        tmp_path,
        [[entity(n, 2**20, type_="image" if n == 4 else "model")] for n in range(8)],
    )
    read: list[int] = []
    whole = blocks.read_frame

    def noted(root: Path, file, manifest, number: int) -> bytes:  # type: ignore[no-untyped-def]
        read.append(number)
        return whole(root, file, manifest, number)

    monkeypatch.setattr(blocks, "read_frame", noted)
    assert len(read_manifest(tmp_path, name).frames) == 8

    (image,) = read_events(tmp_path, Select(types=frozenset({"image"})))
    assert read == [4]
    assert decode(image.line).id == "4"
    assert list(read_events(tmp_path, Select(kinds=frozenset({"gone"})))) == []
    assert list(read_events(tmp_path, Select(since=START + HOUR))) == []
    assert read_one(tmp_path, SOURCE, WRITER, 7).seq == 7
    assert [each.seq for each in read_stream(tmp_path, SOURCE, WRITER, 6)] == [7, 8]
    assert read == [4, 6, 6, 7]


def test_segment_blocks_are_the_lines_exactly_as_written(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(n, 5000) for n in range(500)]], seal=False)
    data = open_path(tmp_path, name).read_bytes()
    forwards = list(segment_blocks(tmp_path, name))
    backwards = list(segment_blocks(tmp_path, name, backwards=True))
    assert len(forwards) > 2
    assert b"".join(forwards) == b"".join(backwards[::-1]) == data

    close_stream(opened(tmp_path), seal_open=True)
    assert b"".join(segment_blocks(tmp_path, name)) == data


def test_one_event_is_read_by_its_position(mixed: Path) -> None:
    for record in list(read_events(mixed))[::7]:
        source = record.segment.source
        assert read_one(mixed, source, record.writer, record.seq) == record
        assert read_event_in(mixed, record.segment, record.seq) == record
    with pytest.raises(NotFound, match="no event with seq 81"):
        read_one(mixed, SOURCE, WRITER, 81)
    with pytest.raises(NotFound):
        read_one(mixed, SOURCE, "00000000", 1)
    with pytest.raises(NotFound):
        read_event_in(mixed, next(iter(read_events(mixed))).segment, 99)


def test_a_stream_is_read_in_seq_order(mixed: Path) -> None:
    for after in (0, 1, 39, 40, 79, 80):
        found = list(read_stream(mixed, SOURCE, OTHER, after))
        assert [record.seq for record in found] == list(range(after + 1, 81))
    late = list(read_stream(mixed, SOURCE, OTHER, 0, START + HOUR))
    assert late and all(record.observed_at >= format_us(START + HOUR) for record in late)
    assert late[-1].seq == 80


def test_imports_are_read_in_time_order_and_their_stream_in_seq_order(tmp_path: Path) -> None:
    stream = opened(tmp_path, ManualClock(START + 99 * HOUR))
    for at in (5 * HOUR, 3 * HOUR, 3 * HOUR + 5, 3 * HOUR + 1, 4 * HOUR):
        put(stream, entity(at), at=START + at)
    close_stream(stream, seal_open=True)

    assert [record.seq for record in read_stream(tmp_path, SOURCE, WRITER)] == [1, 2, 3, 4, 5]
    assert [record.seq for record in read_events(tmp_path)] == [2, 4, 3, 5, 1]
    assert [record.seq for record in read_events(tmp_path, backwards=True)] == [1, 5, 3, 4, 2]


def test_many_small_imports_into_one_hour_are_open_one_at_a_time(tmp_path: Path) -> None:
    for number in range(30):
        stream = opened(tmp_path, ManualClock(START + 9 * HOUR))
        put(stream, entity(number), entity(number), at=START + number)
        close_stream(stream, seal_open=True)
    records = read_events(tmp_path)
    next(records)
    open_files = {path.resolve() for path in Path("/proc/self/fd").iterdir() if path.exists()}
    seen = [record.seq for record in records]

    assert seen == list(range(2, 61))
    assert sum(".zst" in path.name for path in open_files if tmp_path in path.parents) <= 1


@pytest.mark.parametrize("second", [[5, 15], [10, 11], [0, 20], [10, 10], [11, 12]])
def test_imports_that_interleave_within_an_hour_are_read_in_time_order(
    tmp_path: Path, second: list[int]
) -> None:
    for times in ([0, 10], second, [10, 30]):
        stream = opened(tmp_path, ManualClock(START + 9 * HOUR))
        for at in times:
            put(stream, entity(at), at=START + at)
        close_stream(stream, seal_open=True)
    records = list(read_events(tmp_path))

    assert [record.key for record in records] == sorted(record.key for record in records)
    assert sorted(record.seq for record in records) == [1, 2, 3, 4, 5, 6]
    assert lines(list(read_events(tmp_path, backwards=True))) == lines(records)[::-1]


def test_damage_in_one_segment_never_stops_reading_the_others(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 4, 3)
    sealed_path(tmp_path, names[1]).write_bytes(sealed_path(tmp_path, names[1]).read_bytes()[:-3])
    manifest_path(tmp_path, names[2]).write_bytes(b"{}")
    refused: list[Corrupt] = []
    found = list(read_events(tmp_path, on_corrupt=refused.append))

    assert [record.seq for record in found] == [1, 2, 3, 10, 11, 12]
    assert [str(name) in error.what for name, error in zip(names[1:3], refused, strict=True)] == [
        True,
        True,
    ]
    assert read_one(tmp_path, SOURCE, WRITER, 11).seq == 11
    with pytest.raises(Corrupt, match=str(names[1])):
        read_one(tmp_path, SOURCE, WRITER, 5)
    with pytest.raises(Corrupt, match=str(names[2])):
        read_one(tmp_path, SOURCE, WRITER, 8)
    with pytest.raises(Corrupt):
        list(read_events(tmp_path))


def test_a_gap_in_a_stream_is_an_error(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 2)
    sealed_path(tmp_path, names[1]).unlink()
    manifest_path(tmp_path, names[1]).unlink()

    with pytest.raises(Corrupt, match=r"expected seq 3, found 5 in .*07-1a2b3c4d-000"):
        list(read_stream(tmp_path, SOURCE, WRITER))
    assert [record.seq for record in read_stream(tmp_path, SOURCE, WRITER, 4)] == [5, 6]


@pytest.mark.parametrize("missing", ["frame", "byte"])
def test_a_segment_without_its_last_frame_is_rejected_not_read_as_shorter(
    tmp_path: Path, missing: str
) -> None:
    name = write_log(tmp_path, [[entity(n, 2**19) for n in range(6)]])
    manifest, path = read_manifest(tmp_path, name), sealed_path(tmp_path, name)
    cut = manifest.frames[-1].offset if missing == "frame" else manifest.zst.bytes - 1
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(Corrupt, match=f"expected {manifest.zst.bytes} bytes, found {cut}"):
        list(read_events(tmp_path))


def test_reading_changes_nothing(mixed: Path) -> None:
    before = files_of(mixed)
    list(read_events(mixed))
    list(read_events(mixed, backwards=True))

    assert files_of(mixed) == before
    assert len(list_segments(mixed)) == 9
