"""Logs that are damaged on purpose, and the damage that verify reports."""

from pathlib import Path

from eventlog.check.segment_damage import Damage
from eventlog.check.verify import verify
from eventlog.files.listing import list_segments
from eventlog.format.paths import (
    SegmentName,
    manifest_path,
    open_path,
    parse_segment,
    sealed_path,
)
from eventlog.read.reader import read_stream
from eventlog.write.writer import close_stream, roll, wait_sealed
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    files_of,
    opened,
    put,
    write_hours,
)


def write_large_log(root: Path) -> Path:
    """Writes three sealed hours of three frames each, and an open one. Returns `root`."""
    clock = ManualClock()
    stream = opened(root, clock)
    for hour in range(4):
        for number in range(5 if hour < 3 else 2):
            put(stream, entity(number, 600_000))
            clock.at += MINUTE
        clock.at = START + (hour + 1) * HOUR
        if hour == 3:
            clock.at -= 1
    close_stream(stream)
    return root


LATER = ManualClock(START + 5 * HOUR)
"""The hour after the last one of `write_small_log`."""


def write_small_log(root: Path) -> Path:
    """Writes four sealed hours of two events each, and an open one. Returns `root`."""
    write_hours(root, 4, 2)
    stream = opened(root, ManualClock(START + 4 * HOUR))
    put(stream, entity(8), entity(9))
    close_stream(stream)
    return root


def continue_writing(root: Path) -> int:
    """Opens the stream, appends an event and seals it. Returns its seq."""
    stream = opened(root, ManualClock(LATER.at))
    put(stream, entity(100))
    roll(stream)
    wait_sealed(stream)
    close_stream(stream)
    return stream.last_seq


def stream_seqs(root: Path) -> list[int]:
    """Returns the seqs of the stream."""
    return [record.seq for record in read_stream(root, SOURCE, WRITER)]


def names(root: Path) -> list[SegmentName]:
    """Returns the names of all segments, in order."""
    return [files.name for files in list_segments(root)]


def lose(root: Path, *lost: SegmentName) -> None:
    """Deletes all files of these segments."""
    for name in lost:
        for path in (open_path, sealed_path, manifest_path):
            path(root, name).unlink(missing_ok=True)


def flip(path: Path, at: int, bit: int = 3) -> None:
    """Flips one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(bytes(data))


def damages_of(root: Path) -> list[Damage]:
    """Returns the damage that verify reports, and checks that verify changes nothing."""
    before = files_of(root)
    damages = list(verify(root).damages)
    assert files_of(root) == before
    return damages


def suggested_names(root: Path) -> list[SegmentName]:
    """Returns the names under which verify suggests to record the losses."""
    suggestions = [damage.what.partition("--accept-loss ")[2] for damage in verify(root).damages]
    return [name for text in suggestions if (name := parse_segment(text)) is not None]
