"""Roll-ups: many commit records in one object, at a name that follows from their number. Pure.

    records n … n+63   → <n>.64.ndjson.zst       one zstd frame
    records n … n+4095 → <n>.4096.ndjson.zst     the frames of its roll-ups of 64

They only save requests: whoever finds one missing reads its records instead. A pusher's last
record is found without listing: at each number try the largest roll-up that may begin there, then
the smaller one, then the record; the first number without any of them is the end.
"""

from collections.abc import Iterator, Sequence

import attrs
import zstandard

from eventlog.errors import Corrupt
from eventlog.format.frames import compress
from eventlog.mirror.bucket.names import ROLLUP_SIZES

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Largest size of the records in one frame. A roll-up that would exceed it is not written."""


@attrs.frozen
class RollUp:
    """The records from `first` on, `size` of them."""

    first: int
    size: int

    @property
    def end(self) -> int:
        """The number after its last record."""
        return self.first + self.size


def sizes_at(number: int) -> tuple[int, ...]:
    """Returns what may be read at a number, the largest first; 1 is the record itself."""
    return (*(size for size in ROLLUP_SIZES if number % size == 0), 1)


def rollups_due(done: int, end: int) -> list[RollUp]:
    """Returns the roll-ups that are due, in the order in which they are written.

    The records before `end` exist; roll-ups that end at or before `done` are not due any more. One
    of 64 comes before the one of 4,096 that contains it.
    """
    due = [
        RollUp(first, size)
        for size in ROLLUP_SIZES
        for first in range(done // size * size, end - size + 1, size)
    ]
    return sorted(due, key=lambda rollup: (rollup.end, rollup.size))


def join_records(records: Sequence[bytes]) -> bytes | None:
    """Returns the roll-up of these records as one frame; None if it would be too large."""
    joined = b"".join(records)
    return compress(joined) if len(joined) <= MAX_FRAME_BYTES else None


def split_rollup(data: bytes, size: int, where: str) -> list[bytes]:
    """Returns the records of a roll-up. `where`: its object, for error messages.

    Inverse of `join_records`, also for several roll-ups, one after the other. Raises `Corrupt`
    unless there are `size` complete lines.
    """
    records = [line for lines in _frames(data, where) for line in lines.splitlines(keepends=True)]
    if len(records) != size or not records[-1].endswith(b"\n"):
        raise Corrupt(f"{where}: expected {size} records, found {len(records)}")
    return records


def _frames(data: bytes, where: str) -> Iterator[bytes]:
    """Yields the content of each frame."""
    while data:
        try:
            declared = zstandard.get_frame_parameters(data).content_size
            if declared > MAX_FRAME_BYTES:  # checked first: a flipped bit could request terabytes
                raise Corrupt(f"{where}: a zstd frame declares {declared} bytes")
            frame = zstandard.ZstdDecompressor().decompressobj()
            lines = frame.decompress(data)
        except (zstandard.ZstdError, MemoryError) as error:
            raise Corrupt(f"{where}: expected zstd frames: {error}") from error
        if not frame.eof:
            raise Corrupt(f"{where}: expected a complete zstd frame")
        yield lines
        data = frame.unused_data
