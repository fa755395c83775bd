"""Quarantine: lines that DuckDB refuses, and rows on which a definition fails, by position.

    a reading fails ──> halve its segments ──> halve the lines of each ──> the lines alone

One bad line would cost a whole part, and `ignore_errors` would not say what is missing.
So the runner finds it, leaves it out and goes on; what was left out lies beside the parts
and shows in `log.quarantine`. Only errors that come from values count: a definition that
fails on nothing is broken, and a file that cannot be read is damaged.
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
from projector.parts.part import Segment, build
from projector.parts.staging import stage, stage_nothing

FOLDER = "log.quarantine"
MOST = 1000
"""Lines left out of one reading; more than that is not the fault of lines."""

Attempt = Callable[[duckdb.DuckDBPyConnection, Sequence[Segment]], None]
"""What fails or does not over some segments."""

_OF_VALUES = (duckdb.InvalidInputException, duckdb.DataError)
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
class Refused:
    """A line that was left out."""

    segment: str
    seq: int
    why: str
    definition: Definition | None = None
    """None where no definition could read it."""

    @property
    def told(self) -> str:
        """In words."""
        reader = "DuckDB" if self.definition is None else self.definition.name
        return f"{self.segment}, seq {self.seq}: refused by {reader}: {self.why}"


@attrs.frozen
class Kept:
    """Segments that can be read, and what had to be left out for that."""

    segments: tuple[Segment, ...]
    refused: tuple[Refused, ...]


def is_of_values(error: BaseException) -> bool:
    """Whether a failure may come from the values of some line."""
    return isinstance(error.__cause__, _OF_VALUES)


def readable(root: Path, scratch: Path, segments: Sequence[Segment]) -> Kept:
    """The segments without the lines that DuckDB refuses."""

    def read_whole(connection: duckdb.DuckDBPyConnection, some: Sequence[Segment]) -> None:
        stage(connection, some, scratch)

    return _without(root, scratch, segments, read_whole, None)


def projectable(
    root: Path, scratch: Path, segments: Sequence[Segment], definition: Definition
) -> Kept:
    """The segments without the lines on which a definition fails."""
    target = scratch / "attempt.parquet"

    def attempt(connection: duckdb.DuckDBPyConnection, some: Sequence[Segment]) -> None:
        stage(connection, some, scratch)
        build(connection, definition, target, [])

    with contextlib.closing(builder(scratch, 1)) as connection, sql_errors(definition.name):
        stage_nothing(connection, scratch)
        build(connection, definition, target, [])
    return _without(root, scratch, segments, attempt, definition)


def _without(
    root: Path,
    scratch: Path,
    segments: Sequence[Segment],
    attempt: Attempt,
    definition: Definition | None,
) -> Kept:
    kept: list[Segment] = []
    refused: list[Refused] = []
    bad = {str(each.name) for each in _halves(scratch, list(segments), attempt)}
    for each in segments:
        if str(each.name) not in bad:
            kept.append(each)
            continue
        lines = _lines_of(root, scratch / "whole", each)
        found = _bad_lines(scratch, lines, 0, len(lines.starts) - 1, attempt)
        refused += [Refused(str(each.name), lines.seq(n), why, definition) for n, why in found]
        if len(refused) > MOST:
            raise Invalid(f"{each.name}: more than {MOST} lines refused; {refused[0].told}")
        names = definition.hash if definition else "lines"
        target = scratch / f"kept-{names}" / "log" / f"{each.name}.ndjson"
        kept.append(lines.copy(target, 0, len(lines.starts) - 1, {n for n, _ in found}))
    return Kept(tuple(kept), tuple(refused))


def _halves(scratch: Path, segments: list[Segment], attempt: Attempt) -> list[Segment]:
    """Those over which the attempt fails alone."""
    if _why(scratch, segments, attempt) is None:
        return []
    if len(segments) == 1:
        return segments
    middle = len(segments) // 2
    return [
        *_halves(scratch, segments[:middle], attempt),
        *_halves(scratch, segments[middle:], attempt),
    ]


@attrs.frozen
class _Lines:
    """The lines of a segment in a file, and where each begins."""

    segment: Segment
    path: Path
    starts: "array[int]"
    """One more than there are lines: the end."""

    def read(self, begin: int, end: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.starts[begin])
            return file.read(self.starts[end] - self.starts[begin])

    def seq(self, number: int) -> int:
        """That of a line, from itself or, without holes, from the first one."""
        found = _SEQ.search(self.read(number, number + 1))
        if found is not None:
            return int(found[1])
        first = _SEQ.search(self.read(0, 1))
        return number + (int(first[1]) if first else 0)

    def copy(self, target: Path, begin: int, end: int, left_out: set[int]) -> Segment:
        """Some lines as a segment of the same name."""
        target.parent.mkdir(parents=True, exist_ok=True)
        edges = sorted({begin, end, *left_out, *(n + 1 for n in left_out)})
        with target.open("wb") as file:
            for start, stop in pairwise(edges):
                if start not in left_out:
                    file.write(self.read(start, stop))
        return attrs.evolve(
            self.segment, path=target, rows=end - begin - len(left_out), sha256=None
        )


def _lines_of(root: Path, scratch: Path, segment: Segment) -> _Lines:
    path = scratch / f"{segment.name}.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    starts = array("q", [0])
    with path.open("wb") as file:
        for block in _blocks(root, segment):
            file.write(block)
            at = starts[-1]
            for line in block.split(b"\n")[:-1]:
                at += len(line) + 1
                starts.append(at)
    return _Lines(segment, path, starts)


def _blocks(root: Path, segment: Segment) -> Iterator[bytes]:
    if segment.path.suffix == ".ndjson":  # a copy of whole lines
        yield segment.path.read_bytes()
    else:
        yield from segment_blocks(root, segment.name)


def _bad_lines(
    scratch: Path, lines: _Lines, begin: int, end: int, attempt: Attempt
) -> list[tuple[int, str]]:
    """Numbers of lines that fail alone, each with what DuckDB says."""
    target = scratch / "some" / "log" / f"{lines.segment.name}.ndjson"
    why = _why(scratch, [lines.copy(target, begin, end, set())], attempt)
    if why is None:
        return []
    if end - begin == 1:
        return [(begin, why)]
    middle = (begin + end) // 2
    return [
        *_bad_lines(scratch, lines, begin, middle, attempt),
        *_bad_lines(scratch, lines, middle, end, attempt),
    ]


def _why(scratch: Path, segments: Sequence[Segment], attempt: Attempt) -> str | None:
    """What DuckDB says about the values in some segments; None if it takes them."""
    with contextlib.closing(builder(scratch, 1)) as connection:
        try:
            with sql_errors("line"):
                attempt(connection, segments)
        except HindlogError as error:
            if not is_of_values(error):
                raise
            told = str(error.__cause__).partition("\n")[0].partition(" Try setting")[0]
            return told.replace(f"{scratch}/", "")  # the same words whoever looks, and where
    return None


def folder_of_refused(parts: Path, source: str) -> Path:
    """Where what was left out of a source is written down; there is always a file."""
    version = hashlib.sha256(f"{duckdb.__version__} {_SCHEMA}".encode()).hexdigest()[:12]
    return parts / source / FOLDER / version


def write_down(folder: Path, refused: Sequence[Refused]) -> None:
    """Before the part without them appears. The same lines are written down once."""
    if refused:
        text = "\n".join(each.told for each in refused)
        _publish(folder, f"q-{hashlib.sha256(text.encode()).hexdigest()[:16]}.parquet", refused)


def make_schema(folder: Path) -> None:
    """A file without rows, so that the view always has one to read."""
    if not (folder / SCHEMA).exists():
        _publish(folder, SCHEMA, [])


def list_refused(folder: Path) -> list[Path]:
    """The files to read."""
    return sorted(folder.glob("[qs]*.parquet"))


def _publish(folder: Path, name: str, refused: Sequence[Refused]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{name}.{os.getpid()}.tmp"
    rows = [
        {
            "segment": each.segment,
            "seq": each.seq,
            "view": each.definition.name if each.definition else None,
            "definition": each.definition.hash if each.definition else None,
            "why": each.why,
        }
        for each in refused
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), temporary, compression="zstd")
    temporary.replace(folder / name)
