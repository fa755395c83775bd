"""Compaction: the many small parts of a month put together into one.

The rows of a part over a list of segments are the rows of the parts over its pieces, so
the result is named as if it had been built from the log. The pieces stay until no views
file has named them for an hour.
"""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path

import attrs
import duckdb

from projector.engine.parquet_files import publish
from projector.engine.sql_text import literals
from projector.limits import Limits
from projector.parts.part import Part, choose, list_parts, name_over


@attrs.frozen
class Group:
    """Parts to put together, and the folder of the definition they are of."""

    folder: Path
    parts: tuple[Part, ...]


def due(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    sealed: frozenset[str],
    alike: Callable[[Part], Hashable],
    limits: Limits,
) -> list[Group]:
    """What is to be put together in the folder of a definition.

    `alike`: only parts of which it says the same are put together.
    """
    found = groups(choose(list_parts(connection, folder), sealed), alike, limits)
    return [Group(folder, tuple(each)) for each in found]


def compact(connection: duckdb.DuckDBPyConnection, group: Group) -> None:
    """Put parts together. Their rows pass through: no more is held than what is written."""
    covers = sorted(name for part in group.parts for name in part.covers)
    first = min(part.first for part in group.parts)
    last = max(part.last for part in group.parts)
    pieces = literals(str(part.path) for part in group.parts)
    path = group.folder / name_over(first, last, covers)
    publish(connection, f"FROM read_parquet([{pieces}])", path, covers, group.folder.name)


def among(marks: Sequence[tuple[str, frozenset[str]]]) -> Callable[[Part], tuple[int, int]]:
    """Where parts stand among keyframes, or deltas: the instant of each, and what it covers.

    The first that covers them, and the first not before they begin. Parts that differ in that
    are never put together, or views would read again what they are spared, and what begins
    after an instant would look late.
    """
    marks = sorted(set(marks), key=lambda mark: (mark[0], len(mark[1])))
    first: dict[str, int] = {}
    for n, (_, covers) in enumerate(marks):
        for name in covers:
            first.setdefault(name, n)
    instants = [instant for instant, _ in marks]
    return lambda part: (
        max(first.get(name, len(marks)) for name in part.covers),
        bisect_left(instants, part.first),
    )


def groups(
    parts: Sequence[Part], alike: Callable[[Part], Hashable], limits: Limits
) -> Iterator[list[Part]]:
    """The parts to put together: of one month and alike, without overlap, not too large."""
    together: dict[tuple[str, Hashable], list[Part]] = {}
    for part in parts:
        together.setdefault((part.first[:6], alike(part)), []).append(part)
    newest = max((part.first for part in parts), default="")
    for held in together.values():
        grows = any(part.first == newest for part in held)
        if len(held) > (limits.max_newest_parts if grows else 1):
            yield from (group for group in _sized(held, limits) if len(group) > 1)


def _sized(parts: Sequence[Part], limits: Limits) -> Iterator[list[Part]]:
    held: list[Part] = []
    size, covered = 0, set[str]()
    for part in parts:
        more = part.path.stat().st_size
        if held and (size + more > limits.max_compacted_bytes or part.covers & covered):
            yield held
            held, size, covered = [], 0, set()
        held.append(part)
        size += more
        covered |= part.covers
    yield held
