"""Concatenation: the lines of small sealed segments in one file, each with its segment's name."""

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from eventlog.format.frames import compress
from eventlog.format.paths import parse_segment
from projector.parts.concatenate import LineFiles, concatenate
from projector.parts.part import Segment

Make = Callable[[int, bytes], Segment]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes the sealed segment of an hour with these lines."""

    def make_segment(hour: int, lines: bytes) -> Segment:
        name = parse_segment(f"shop/2026-11-01/{hour:02d}-0a0b0c0d-000")
        assert name is not None
        path = tmp_path / f"{hour}.ndjson.zst"
        path.write_bytes(compress(lines))
        return Segment(name, path, 0, 0, len(lines), lines.count(b"\n"), 100)

    return make_segment


def member(segment: Segment) -> bytes:
    return b'"segment":"%s",' % str(segment.name).encode()


def test_each_line_names_its_segment_first(make: Make, tmp_path: Path) -> None:
    segments = [make(0, b'{"a":1}\n{"a":"{\\""}\n'), make(1, b'{"a":2}\n')]
    target = tmp_path / "small"
    files = concatenate(segments, target, 1000)

    assert files == LineFiles((), target)
    assert target.read_bytes() == (
        b"{%b" % member(segments[0])
        + b'"a":1}\n{%b' % member(segments[0])
        + b'"a":"{\\""}\n{%b' % member(segments[1])
        + b'"a":2}\n'
    )


def test_a_segment_with_a_line_that_names_a_segment_keeps_its_own_file(
    make: Make, tmp_path: Path
) -> None:
    own = make(0, b'{"v":1,"segment":"x"}\n{"v":1}\n')
    in_bodies = make(1, b'{"v":1,"body":{"segment":1}}\n')
    others = [make(hour, b'{"v":1}\n') for hour in (2, 3)]
    files = concatenate([own, in_bodies, *others], tmp_path / "small", 1000)

    assert files == LineFiles((own,), tmp_path / "small")


def test_large_segments_and_copies_of_open_ones_keep_their_own_files(
    make: Make, tmp_path: Path
) -> None:
    small = [make(hour, b'{"a":1}\n') for hour in range(2)]
    large = make(2, b'{"a":11}\n')
    copy = attrs.evolve(make(3, b'{"a":1}\n'), path=tmp_path / "3.ndjson")
    copy.path.write_bytes(b'{"a":1}\n')
    files = concatenate([small[0], large, copy, small[1]], tmp_path / "small", 8)

    assert files.separate == (large, copy)
    assert (tmp_path / "small").read_bytes().count(b"\n") == 2


def test_a_single_small_segment_is_not_copied(make: Make, tmp_path: Path) -> None:
    segments = [make(0, b'{"a":1}\n'), make(1, b'{"a":11}\n')]

    assert concatenate(segments, tmp_path / "small", 8) == LineFiles(tuple(segments))
    assert not (tmp_path / "small").exists()


@pytest.mark.parametrize(
    "lines",
    [
        b'{"a":1}',
        b'{"a":1}\n\n',
        b'{"a":1}\nx',
        b'{"a":1}\n {"a":2}\n',
        b'\n{"a":1}\n',
        b'[1]\n{"a":1}\n',
        b"{}\n",
    ],
)
def test_a_segment_with_any_other_line_is_left_to_duckdb(
    make: Make, tmp_path: Path, lines: bytes
) -> None:
    odd = make(0, lines)
    files = concatenate([odd, make(1, b'{"a":1}\n')], tmp_path / "small", 1000)

    assert files.separate == (odd,)
    assert (tmp_path / "small").read_bytes().count(b"\n") == 1


def test_a_segment_that_is_not_as_its_manifest_says_is_left_to_duckdb(
    make: Make, tmp_path: Path
) -> None:
    shorter, longer, damaged, missing, two_frames, good = (
        make(hour, b'{"a":1}\n{"a":2}\n') for hour in range(6)
    )
    flipped = bytearray(damaged.path.read_bytes())
    flipped[-1] ^= 1  # of the checksum
    damaged.path.write_bytes(flipped)
    missing.path.unlink()
    two_frames.path.write_bytes(compress(b'{"a":1}\n') + compress(b'{"a":2}\n'))
    odd = [
        attrs.evolve(shorter, rows=3),
        attrs.evolve(longer, raw_bytes=10),
        damaged,
        missing,
        two_frames,
    ]

    assert concatenate([*odd, good], tmp_path / "small", 1000).separate == tuple(odd)


def test_if_every_small_segment_is_odd_there_is_no_concatenated_file(
    make: Make, tmp_path: Path
) -> None:
    segments = (make(0, b"{}\n"), make(1, b"{}\n"))

    assert concatenate(segments, tmp_path / "small", 1000) == LineFiles(segments)
