"""Reading open segments: only durable lines, also while they are sealed."""

from pathlib import Path

import pytest

from eventlog.format.paths import open_path
from eventlog.read.reader import read_events
from eventlog.read.segment_lines import segment_blocks
from eventlog.write.writer import close_stream
from tests.eventlog.making import (
    WRITER,
    entity,
    opened,
    put,
    write_log,
)


def test_only_what_is_durable_is_read(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)], [entity(2)]], seal=False)
    path = open_path(tmp_path, name)
    data = path.read_bytes()
    path.write_bytes(data + data.splitlines(keepends=True)[0].replace(b'"seq":1', b'"seq":3'))

    assert [record.seq for record in read_events(tmp_path)] == [1, 2]


def test_a_new_segment_without_durable_lines_is_read_as_empty(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    path = open_path(tmp_path, name)
    line = path.read_bytes().replace(b'"seq":1', b'"seq":2')
    path.with_name(f"06-{WRITER}-000.ndjson").write_bytes(line)

    assert [record.seq for record in read_events(tmp_path)] == [1]


@pytest.mark.parametrize("tail", [b'{"v":1,"torn', b"\x00" * 50 + b"\n", b"garbage\n", b"\x00\n\n"])
def test_without_a_head_reading_ends_where_recovery_would_cut(tmp_path: Path, tail: bytes) -> None:
    name = write_log(tmp_path, [[entity(1)], [entity(2)]], seal=False)
    path = open_path(tmp_path, name)
    data = path.read_bytes()
    path.write_bytes(data + tail + data.splitlines(keepends=True)[0].replace(b"1", b"9"))
    (tmp_path / "state").rename(tmp_path / "gone")

    assert [record.seq for record in read_events(tmp_path)] == [1, 2]


def test_a_segment_that_is_sealed_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    for number in range(400):
        put(stream, entity(number, 9000))
    records = read_events(tmp_path)
    seen = [next(records).seq]
    close_stream(stream, seal_open=True)

    assert seen + [record.seq for record in records] == list(range(1, 401))


def test_a_listed_open_segment_that_was_sealed_meanwhile_is_read_from_the_sealed_file(
    tmp_path: Path,
) -> None:
    names = [write_log(tmp_path, [[entity(1)]], seal=False)]
    sealed_blocks = segment_blocks(tmp_path, names[0])
    close_stream(opened(tmp_path), seal_open=True)

    assert b"".join(sealed_blocks).count(b"\n") == 1
