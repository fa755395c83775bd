"""Blocks of lines: of open and sealed segments, in both directions."""

from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Corrupt, NotFound
from eventlog.files.listing import read_manifest
from eventlog.format.line_header import line_header
from eventlog.format.paths import (
    SegmentName,
    head_path,
    manifest_path,
    open_path,
    parse_segment,
    sealed_path,
)
from eventlog.read import segment_lines as blocks
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_event_in, read_events, read_stream
from eventlog.read.segment_lines import (
    durable_bytes,
    first_seq,
    read_frame,
    read_lines,
    segment_blocks,
)
from eventlog.write.writer import close_stream
from tests.eventlog.making import (
    HOUR,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    opened,
    put,
    write_log,
)

ROWS = 9


@pytest.fixture(params=["open", "sealed"])
def segment(request: pytest.FixtureRequest, tmp_path: Path) -> SegmentName:
    """Returns the name of a segment of nine events in at least three frames, from seq 2 on."""
    write_log(tmp_path, [[entity(0)]])
    rows = [entity(n, 400_000) for n in range(ROWS)]
    return write_log(
        tmp_path, [rows], seal=request.param == "sealed", clock=ManualClock(START + HOUR)
    )


def seqs_of(block: bytes) -> list[int]:
    return [line_header(line).seq for line in block.splitlines()]


def test_each_event_is_found_in_the_block_that_holds_it(
    tmp_path: Path, segment: SegmentName
) -> None:
    for seq in range(2, ROWS + 2):
        assert {*read_lines(tmp_path, segment, [seq])} == {seq}
        assert read_event_in(tmp_path, segment, seq).seq == seq
        assert line_header(read_event_in(tmp_path, segment, seq).line).seq == seq
    for seq in (0, 1, ROWS + 2, ROWS + 99):
        with pytest.raises(NotFound, match=f"no event with seq {seq}"):
            read_event_in(tmp_path, segment, seq)


@pytest.mark.parametrize("damage", [b'"seq":9,', b'"seq":3,', b'"seq":x,'])
def test_an_event_of_an_open_segment_that_is_damaged_is_not_found(
    tmp_path: Path, damage: bytes
) -> None:
    name = write_log(tmp_path, [[entity(n)] for n in range(3)], seal=False)
    path = open_path(tmp_path, name)
    whole = path.read_bytes()
    for seq in (1, 2):
        path.write_bytes(whole.replace(b'"seq":%d,' % seq, damage))
        with pytest.raises(Corrupt, match=r"line \d"):
            read_lines(tmp_path, name, [seq])
    path.write_bytes(whole)
    assert [*read_lines(tmp_path, name, [1, 2])] == [1, 2]


def test_a_segment_can_be_read_from_any_seq(tmp_path: Path, segment: SegmentName) -> None:
    for seq in range(1, ROWS + 2):
        read = [each.seq for each in read_stream(tmp_path, SOURCE, WRITER, seq)]
        assert read == list(range(seq + 1, ROWS + 2))


def test_a_sealed_frame_that_ends_before_a_seq_is_not_read(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(n, 400_000) for n in range(ROWS)]])
    first, second, third = [
        seqs_of(block) for block in segment_blocks(tmp_path, name)
    ]  # three events each

    for seq, frames in (
        (first[-1], [first, second, third]),
        (second[0], [second, third]),
        (second[-1], [second, third]),
        (third[0], [third]),
        (third[-1] + 1, []),
    ):
        assert [seqs_of(each) for each in segment_blocks(tmp_path, name, from_seq=seq)] == frames


def test_both_directions_give_the_same_events(tmp_path: Path, segment: SegmentName) -> None:
    forwards = [record.seq for record in read_events(tmp_path)]

    assert forwards == list(range(1, ROWS + 2))
    assert [record.seq for record in read_events(tmp_path, backwards=True)] == forwards[::-1]


def test_a_sealed_segment_outside_the_selected_time_is_not_read(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]])

    assert list(segment_blocks(tmp_path, name, Select(since=START + 1))) == []
    assert list(segment_blocks(tmp_path, name, Select(until=START))) == []
    assert len(list(segment_blocks(tmp_path, name, Select(since=START, until=START + 1)))) == 1


def test_an_open_segment_with_a_manifest_is_read_from_the_sealed_file(
    tmp_path: Path,
) -> None:
    name = write_log(tmp_path, [[entity(1)], [entity(2)]], seal=False)
    data = open_path(tmp_path, name).read_bytes()
    close_stream(opened(tmp_path), seal_open=True)
    open_path(tmp_path, name).write_bytes(data[:20])

    assert b"".join(segment_blocks(tmp_path, name)) == data


def test_a_segment_that_begins_after_the_head_is_not_durable_yet(tmp_path: Path) -> None:
    first = write_log(tmp_path, [[entity(1)], [entity(2)]], seal=False)
    line = open_path(tmp_path, first).read_bytes().splitlines(keepends=True)[0]
    name = parse_segment(f"{SOURCE}/2026-11-21/06-{WRITER}-000")
    assert name is not None
    for seq, shown in ((2, True), (3, False)):  # the head says 2
        open_path(tmp_path, name).write_bytes(line.replace(b'"seq":1,', b'"seq":%d,' % seq))
        with open_path(tmp_path, name).open("rb") as file:
            assert bool(durable_bytes(tmp_path, name, file)) is shown


def test_first_seq_and_durable_bytes_leave_the_file_at_its_beginning(tmp_path: Path) -> None:
    write_log(tmp_path, [[entity(0)]])
    name = write_log(
        tmp_path, [[entity(1)], [entity(2)]], seal=False, clock=ManualClock(START + HOUR)
    )
    head_path(tmp_path, SOURCE, WRITER).unlink()
    size = open_path(tmp_path, name).stat().st_size
    with open_path(tmp_path, name).open("rb") as file:
        assert first_seq(file) == 2
        assert file.tell() == 0
        assert durable_bytes(tmp_path, name, file) == size
        assert file.tell() == 0


def test_a_sealed_file_of_wrong_size_or_without_manifest_is_rejected(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]])
    path = sealed_path(tmp_path, name)
    data = path.read_bytes()
    for other in (data + b"\x00", data[:-1]):
        path.write_bytes(other)
        with pytest.raises(Corrupt, match=f"expected {len(data)} bytes, found {len(other)}"):
            list(segment_blocks(tmp_path, name))
    manifest_path(tmp_path, name).unlink()
    with pytest.raises(Corrupt, match="its manifest is missing"):
        list(segment_blocks(tmp_path, name))
    path.unlink()
    with pytest.raises(NotFound, match="no such segment"):
        list(segment_blocks(tmp_path, name))


@pytest.mark.parametrize("difference", [-1, 1])
def test_a_frame_with_a_wrong_number_of_lines_is_rejected(tmp_path: Path, difference: int) -> None:
    name = write_log(tmp_path, [[entity(1), entity(2)]])
    manifest = read_manifest(tmp_path, name)
    (frame,) = manifest.frames
    other = attrs.evolve(frame, rows=2 + difference)
    with sealed_path(tmp_path, name).open("rb") as file, pytest.raises(Corrupt, match="found 2"):
        read_frame(tmp_path, file, attrs.evolve(manifest, frames=(other,)), 0)


def test_an_open_segment_is_read_up_to_its_durable_bytes(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    put(stream, entity(1))
    assert stream.segment is not None
    name, size = stream.segment.name, stream.segment.size
    path = open_path(tmp_path, name)
    path.write_bytes(path.read_bytes() + b"not durable\n")

    assert b"".join(segment_blocks(tmp_path, name)) == path.read_bytes()[:size]
    close_stream(stream)


@pytest.mark.parametrize("chunk", [1, 7, 100, 10_000])
@given(
    data=st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"") + b"\n"), max_size=9)
)
def test_blocks_from_the_start_and_from_the_end_contain_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory, chunk: int, data: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "lines"
    whole = b"".join(data)
    path.write_bytes(whole + b"torn")
    with path.open("rb") as file:
        for limit in (len(whole), len(whole) + 4, len(whole) + 99, max(0, len(whole) - 1)):
            expected = whole[: whole.rfind(b"\n", 0, limit) + 1]
            file.seek(0)
            assert b"".join(blocks.blocks_from_start(file, limit, chunk)) == expected
            found = list(blocks.blocks_from_end(file, limit, chunk))
            assert b"".join(found[::-1]) == expected
            assert all(each.endswith(b"\n") for each in found)
