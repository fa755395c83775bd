"""Reads the leading lines of an open segment that are complete, valid and in sequence.

Everything from the first other line on is a torn tail, or damage if complete events of this
segment follow it. Pure, except for reading the file that is passed.
"""

from collections.abc import Iterable
from typing import BinaryIO

import attrs

from eventlog.clock import parse_us
from eventlog.errors import Corrupt
from eventlog.format.event import Line
from eventlog.format.event_codec import decode
from eventlog.format.line_header import line_header
from eventlog.format.paths import SegmentName


@attrs.frozen
class ValidPrefix:
    """The leading lines of an open segment that are complete, valid and in sequence."""

    name: SegmentName
    size: int
    """Total size of the lines, in bytes."""
    rows: int
    last_seq: int
    """Seq of the last line; without lines, the seq before the segment."""
    last_line: bytes


def first_seq(file: BinaryIO) -> int | None:
    """Returns the first seq of an open segment, or None if it has no complete line.

    The file must be at its beginning, and is there on return.
    """
    line = file.readline()
    file.seek(0)
    try:
        return line_header(line).seq if line.endswith(b"\n") else None
    except Corrupt:
        return None


def valid_prefix(file: Iterable[bytes], name: SegmentName, seq: int) -> ValidPrefix:
    """Returns the leading valid lines of a file whose first seq must be `seq + 1`."""
    size, rows, last = 0, 0, b""
    for line in file:
        if valid_event(line, name, seq + 1) is None:
            break
        size, rows, seq, last = size + len(line), rows + 1, seq + 1, line
    return ValidPrefix(name, size, rows, seq, last)


def valid_event(line: bytes, name: SegmentName, seq: int) -> Line | None:
    """Returns the event of a line, or None if it is incomplete, invalid or has another seq."""
    if not line.endswith(b"\n"):
        return None
    try:
        line.decode()
        event = decode(line)
        parse_us(event.observed_at)
    except (UnicodeDecodeError, ValueError, Corrupt):
        return None
    is_expected = event.source == name.source and event.writer == name.writer and event.seq == seq
    return event if is_expected else None


def has_later_event(data: bytes, name: SegmentName, seq: int) -> bool:
    """Whether complete lines with a later seq follow the first line of `data`, which is bad."""
    for line in data.split(b"\n")[1:]:
        try:
            event = decode(line)
        except Corrupt:
            continue
        if event.writer == name.writer and event.seq > seq:
            return True
    return False
