"""Compaction: merges the many small parts of a month into one.

The rows of a part over a list of segments are those of the parts over sublists, so the result has
the same name and rows as a part built from the log. The merged parts are deleted after no views
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
from projector.parts.part import ChosenParts, Part, name_over


@attrs.frozen
class Group:
    """Parts to merge, and the folder of their definition."""

    folder: Path
    parts: tuple[Part, ...]


def find_groups(
    chosen: ChosenParts, key: Callable[[Part], Hashable], limits: Limits
) -> list[Group]:
    """Returns the groups of parts of a definition that are due for compaction.

    `key`: only parts with equal keys are merged.
    """
    groups = group_parts(chosen.parts, key, limits)
    return [Group(chosen.folder, tuple(group)) for group in groups]


def compact(connection: duckdb.DuckDBPyConnection, group: Group) -> None:
    """Merges the parts of a group into one. The rows are streamed, so memory does not grow."""
    covers = sorted(name for part in group.parts for name in part.covers)
    first = min(part.first for part in group.parts)
    last = max(part.last for part in group.parts)
    pieces = literals(str(part.path) for part in group.parts)
    path = group.folder / name_over(first, last, covers)
    publish(connection, f"FROM read_parquet([{pieces}])", path, covers, group.folder.name)


def grouping_key(
    marks: Sequence[tuple[str, frozenset[str]]],
) -> Callable[[Part], tuple[int, int]]:
    """Returns a grouping key for compaction: parts that a keyframe separates differ in it.

    `marks`: the instant of each keyframe, and the segments that it adds. The key consists of the
    number of the first mark that covers the part, and of the first mark not before it begins. If
    parts with different keys were merged, views would read again what a keyframe covers, and
    segments that begin after a keyframe would seem to be late for it.
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


def group_parts(
    parts: Sequence[Part], key: Callable[[Part], Hashable], limits: Limits
) -> Iterator[list[Part]]:
    """Yields the groups of parts to merge: of one month, with equal keys, without overlap.

    The sizes of a group's files add up to at most `max_compacted_bytes`.
    """
    newest = max((part.first for part in parts), default="")

    def are_due(candidates: Sequence[Part]) -> bool:
        is_growing = any(part.first == newest for part in candidates)
        return len(candidates) > (limits.max_newest_parts if is_growing else 1)

    for month in _grouped(parts, lambda part: part.first[:6]):
        if len(month) > 1:  # keys take time, and most months have one part
            for candidates in filter(are_due, _grouped(month, key)):
                yield from (group for group in _split(candidates, limits) if len(group) > 1)


def _grouped(parts: Sequence[Part], key: Callable[[Part], Hashable]) -> list[list[Part]]:
    groups: dict[Hashable, list[Part]] = {}
    for part in parts:
        groups.setdefault(key(part), []).append(part)
    return [*groups.values()]


def _split(parts: Sequence[Part], limits: Limits) -> Iterator[list[Part]]:
    """Yields consecutive parts that cover no segment twice and are not too large together."""
    group: list[Part] = []
    size, covered = 0, set[str]()
    for part in parts:
        part_size = part.path.stat().st_size
        if group and (size + part_size > limits.max_compacted_bytes or part.covers & covered):
            yield group
            group, size, covered = [], 0, set()
        group.append(part)
        size += part_size
        covered |= part.covers
    yield group
