"""Quarantine: leaves out lines that DuckDB refuses and lines on which a definition fails.

    a build fails ──> bisect its segments ──> bisect the lines of each bad one ──> single bad lines

Without this a single bad line would cost a whole part; DuckDB's `ignore_errors` would not report
which lines are missing. The lines that were left out are recorded beside the parts and shown in
`log.quarantine`. Only errors caused by values lead here: a definition that fails without any line
is broken, and a file that cannot be read is damaged.
"""

import contextlib
import hashlib
import os
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import attrs
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from eventlog.errors import HindlogError, Invalid
from eventlog.read.segment_lines import segment_blocks
from projector.definition import Definition
from projector.engine.connections import builder, sql_errors
from projector.engine.parquet_files import SCHEMA
from projector.parts.part import Segment, build_part
from projector.parts.staging import VALUE_ERRORS, stage, stage_empty

FOLDER = "log.quarantine"
MAX_REFUSED = 1000
"""Number of lines left out of one build. More than that are not the fault of single lines."""

Attempt = Callable[[duckdb.DuckDBPyConnection, Sequence[Segment]], None]
"""Builds something over some segments; raises an error if a line is bad."""

_SEQ = re.compile(rb'"seq":(\d+)')
_SCHEMA = pa.schema(
    [
        ("segment", pa.string()),
        ("seq", pa.int64()),
        ("view", pa.string()),
        ("definition", pa.string()),
        ("why", pa.string()),
    ]
)


@attrs.frozen
class RefusedLine:
    """A line that was left out."""

    segment: str
    seq: int
    why: str
    """DuckDB's message."""
    definition: Definition | None = None
    """The definition that failed on it; None if DuckDB could not read the line at all."""

    @property
    def message(self) -> str:
        """Message for the user."""
        reader = "DuckDB" if self.definition is None else self.definition.name
        return f"{self.segment}, seq {self.seq}: refused by {reader}: {self.why}"


@attrs.frozen
class Filtered:
    """Segments without bad lines, and the lines that were left out."""

    segments: tuple[Segment, ...]
    refused: tuple[RefusedLine, ...]


def is_value_error(error: BaseException) -> bool:
    """Returns whether the values of some line may have caused an error."""
    return isinstance(error.__cause__, VALUE_ERRORS)


def filter_readable(root: Path, scratch: Path, segments: Sequence[Segment]) -> Filtered:
    """Returns the segments without the lines that DuckDB refuses to read."""

    def attempt(connection: duckdb.DuckDBPyConnection, subset: Sequence[Segment]) -> None:
        stage(connection, subset, scratch)

    return _filter(root, scratch, segments, attempt, None)


def filter_projectable(
    root: Path, scratch: Path, segments: Sequence[Segment], definition: Definition
) -> Filtered:
    """Returns the segments without the lines on which a definition fails.

    Raises `Invalid` if the definition fails without any line.
    """
    target = scratch / "attempt.parquet"

    def attempt(connection: duckdb.DuckDBPyConnection, subset: Sequence[Segment]) -> None:
        stage(connection, subset, scratch)
        build_part(connection, definition, target, [])

    with contextlib.closing(builder(scratch, 1)) as connection, sql_errors(definition.name):
        stage_empty(connection, scratch)
        build_part(connection, definition, target, [])
    return _filter(root, scratch, segments, attempt, definition)


def _filter(
    root: Path,
    scratch: Path,
    segments: Sequence[Segment],
    attempt: Attempt,
    definition: Definition | None,
) -> Filtered:
    filtered: list[Segment] = []
    refused: list[RefusedLine] = []
    bad_names = {str(bad.name) for bad in _bisect_segments(scratch, list(segments), attempt)}
    for segment in segments:
        name = str(segment.name)
        if name not in bad_names:
            filtered.append(segment)
            continue
        lines = _extract_lines(root, scratch / "whole", segment)
        bad_lines = _bisect_lines(scratch, lines, 0, len(lines.starts) - 1, attempt)
        refused += [RefusedLine(name, lines.seq(n), why, definition) for n, why in bad_lines]
        if len(refused) > MAX_REFUSED:
            raise Invalid(f"{name}: more than {MAX_REFUSED} lines refused; {refused[0].message}")
        folder = f"kept-{definition.hash if definition else 'lines'}"
        target = scratch / folder / "log" / f"{name}.ndjson"
        left_out = {n for n, _ in bad_lines}
        filtered.append(lines.copy(target, 0, len(lines.starts) - 1, left_out))
    return Filtered(tuple(filtered), tuple(refused))


def _bisect_segments(scratch: Path, segments: list[Segment], attempt: Attempt) -> list[Segment]:
    """Returns the segments for which the attempt fails."""
    if _failure(scratch, segments, attempt) is None:
        return []
    if len(segments) == 1:
        return segments
    middle = len(segments) // 2
    return [
        *_bisect_segments(scratch, segments[:middle], attempt),
        *_bisect_segments(scratch, segments[middle:], attempt),
    ]


@attrs.frozen
class _Lines:
    """A file with the lines of a segment, and the offset of each line."""

    segment: Segment
    path: Path
    starts: "array[int]"
    """Offsets in bytes of the lines, and of the end of the file."""

    def read(self, begin: int, end: int) -> bytes:
        """Returns the lines with numbers from `begin` up to, not including, `end`."""
        with self.path.open("rb") as file:
            file.seek(self.starts[begin])
            return file.read(self.starts[end] - self.starts[begin])

    def seq(self, number: int) -> int:
        """Returns the seq of a line.

        If the line itself names none, it is counted from the first line: seqs have no gaps.
        """
        match = _SEQ.search(self.read(number, number + 1))
        if match is not None:
            return int(match[1])
        first = _SEQ.search(self.read(0, 1))
        return number + (int(first[1]) if first else 0)

    def copy(self, target: Path, begin: int, end: int, left_out: set[int]) -> Segment:
        """Copies a range of lines without those left out, as a segment of the same name."""
        target.parent.mkdir(parents=True, exist_ok=True)
        edges = sorted({begin, end, *left_out, *(n + 1 for n in left_out)})
        with target.open("wb") as file:
            for start, stop in pairwise(edges):
                if start not in left_out:
                    file.write(self.read(start, stop))
        return attrs.evolve(
            self.segment, path=target, rows=end - begin - len(left_out), sha256=None
        )


def _extract_lines(root: Path, scratch: Path, segment: Segment) -> _Lines:
    path = scratch / f"{segment.name}.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    starts = array("q", [0])
    with path.open("wb") as file:
        for block in _blocks(root, segment):
            file.write(block)
            offset = starts[-1]
            for line in block.split(b"\n")[:-1]:
                offset += len(line) + 1
                starts.append(offset)
    return _Lines(segment, path, starts)


def _blocks(root: Path, segment: Segment) -> Iterator[bytes]:
    if segment.path.suffix == ".ndjson":  # a copy of lines
        yield segment.path.read_bytes()
    else:
        yield from segment_blocks(root, segment.name)


def _bisect_lines(
    scratch: Path, lines: _Lines, begin: int, end: int, attempt: Attempt
) -> list[tuple[int, str]]:
    """Returns the numbers of the lines for which the attempt fails, each with DuckDB's message."""
    target = scratch / "some" / "log" / f"{lines.segment.name}.ndjson"
    why = _failure(scratch, [lines.copy(target, begin, end, set())], attempt)
    if why is None:
        return []
    if end - begin == 1:
        return [(begin, why)]
    middle = (begin + end) // 2
    return [
        *_bisect_lines(scratch, lines, begin, middle, attempt),
        *_bisect_lines(scratch, lines, middle, end, attempt),
    ]


def _failure(scratch: Path, segments: Sequence[Segment], attempt: Attempt) -> str | None:
    """Returns DuckDB's message about the values in some segments; None if the attempt succeeds."""
    with contextlib.closing(builder(scratch, 1)) as connection:
        try:
            with sql_errors("line"):
                attempt(connection, segments)
        except HindlogError as error:
            if not is_value_error(error):
                raise
            message = str(error.__cause__).partition("\n")[0].partition(" Try setting")[0]
            # without the temporary path, so that every run gives the same message
            return message.replace(f"{scratch}/", "")
    return None


def folder_of_refused(parts: Path, source: str) -> Path:
    """Returns the folder of the records of refused lines of a source."""
    version = hashlib.sha256(f"{duckdb.__version__} {_SCHEMA}".encode()).hexdigest()[:12]
    return parts / source / FOLDER / version


def record_refused(folder: Path, refused: Sequence[RefusedLine]) -> None:
    """Records refused lines in a file of the folder. Idempotent.

    It is called before the part without these lines is published.
    """
    if refused:
        text = "\n".join(line.message for line in refused)
        _publish(folder, f"q-{hashlib.sha256(text.encode()).hexdigest()[:16]}.parquet", refused)


def create_empty_quarantine(folder: Path) -> None:
    """Creates a file without rows, so that the view always has a file to read."""
    if not (folder / SCHEMA).exists():
        _publish(folder, SCHEMA, [])


def list_refused(folder: Path) -> list[Path]:
    """Returns the files that the view reads."""
    return sorted(folder.glob("[qs]*.parquet"))


def _publish(folder: Path, name: str, refused: Sequence[RefusedLine]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{name}.{os.getpid()}.tmp"
    rows = [
        {
            "segment": line.segment,
            "seq": line.seq,
            "view": line.definition.name if line.definition else None,
            "definition": line.definition.hash if line.definition else None,
            "why": line.why,
        }
        for line in refused
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), temporary, compression="zstd")
    temporary.replace(folder / name)
