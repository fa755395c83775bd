"""The valid lines of an open segment: where it begins, and where its torn tail begins."""

from pathlib import Path

import pytest

from eventlog.format.paths import SegmentName, open_path
from eventlog.format.valid_lines import first_seq, has_later_event, valid_event, valid_prefix
from tests.eventlog.making import OTHER, SOURCE, WRITER, entity, write_log


def left_open(root: Path) -> tuple[Path, SegmentName, list[bytes]]:
    """Returns the file, the name and the lines of an open segment with three events."""
    name = write_log(root, [[entity(n)] for n in range(3)], seal=False)
    path = open_path(root, name)
    return path, name, path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("following", "is_damage"),
    [([1], True), ([2], True), ([], False), ([0], False), ([0, 2], True)],
)
def test_a_bad_line_is_damage_if_a_later_event_of_the_stream_follows_it(
    tmp_path: Path, following: list[int], is_damage: bool
) -> None:
    _, name, lines = left_open(tmp_path)
    data = b"".join([b"bad\n", b"\x00\n", *(lines[number] for number in following)])

    assert has_later_event(data, name, 1) is is_damage
    assert has_later_event(data.replace(WRITER.encode(), OTHER.encode()), name, 1) is False
    # The bad line itself does not count.
    assert has_later_event(lines[2] + b"bad", name, 1) is False


@pytest.mark.parametrize(
    "change",
    [
        (b'"seq":2', b'"seq":3'),
        (WRITER.encode(), OTHER.encode()),
        (SOURCE.encode(), b"civitai"),
        (b"2026-11-21T", b"yesterday, "),
        (b"xxx", b"x\xffx"),
        (b"}\n", b"}"),
        (b"}\n", b"\n"),
    ],
)
def test_only_the_next_event_of_the_stream_is_a_valid_line(
    tmp_path: Path, change: tuple[bytes, bytes]
) -> None:
    _, name, lines = left_open(tmp_path)
    bad = lines[1].replace(*change, 1) if change[0] != b"}\n" else lines[1][:-2] + change[1]
    assert valid_event(lines[1], name, 2) is not None

    assert valid_event(bad, name, 2) is None
    tail = valid_prefix([lines[0], bad, lines[2]], name, 0)
    assert (tail.size, tail.rows, tail.last_seq) == (len(lines[0]), 1, 1)
    assert tail.last_line == lines[0]


def test_a_segment_without_a_complete_line_has_no_first_seq(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    path = open_path(tmp_path, name)
    line = path.read_bytes()
    for data, seq in ((line, 1), (line[:-1], None), (b"", None), (b"{}\n", None)):
        path.write_bytes(data)
        with path.open("rb") as file:
            assert first_seq(file) == seq
            assert file.tell() == 0
