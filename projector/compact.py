"""Compaction: the many small parts of a month put together into one.

The rows of a part over a list of segments are the rows of the parts over its pieces, so
the result is named as if it had been built from the log. The pieces stay until no views
file has named them for an hour.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path

import duckdb

from projector.parts import Part, choose, list_parts, name_over, publish
from projector.texts import literals

MOST_PARTS = 24
"""Parts of the newest month; an earlier month has one, size permitting."""
MOST_BYTES = 256 * 1024 * 1024


def compact(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    sealed: frozenset[str],
    alike: Callable[[Part], Hashable] = lambda part: None,
) -> int:
    """Put together what is due in the folder of a definition; how many parts that made.

    `alike`: only parts of which it says the same are put together.
    """
    due = list(groups(choose(list_parts(connection, folder), sealed), alike))
    for group in due:
        covers = sorted(name for part in group for name in part.covers)
        first = min(part.first for part in group)
        last = max(part.last for part in group)
        pieces = literals(str(part.path) for part in group)
        path = folder / name_over(first, last, covers)
        publish(connection, f"FROM read_parquet([{pieces}])", path, covers, folder.name)
    return len(due)


def groups(
    parts: Sequence[Part], alike: Callable[[Part], Hashable] = lambda part: None
) -> Iterator[list[Part]]:
    """The parts to put together: of one month and alike, without overlap, not too large."""
    together: dict[tuple[str, Hashable], list[Part]] = {}
    for part in parts:
        together.setdefault((part.first[:6], alike(part)), []).append(part)
    newest = max((part.first for part in parts), default="")
    for held in together.values():
        grows = any(part.first == newest for part in held)
        if len(held) > (MOST_PARTS if grows else 1):
            yield from (group for group in _sized(held) if len(group) > 1)


def _sized(parts: Sequence[Part]) -> Iterator[list[Part]]:
    held: list[Part] = []
    size, covered = 0, set[str]()
    for part in parts:
        more = part.path.stat().st_size
        if held and (size + more > MOST_BYTES or part.covers & covered):
            yield held
            held, size, covered = [], 0, set()
        held.append(part)
        size += more
        covered |= part.covers
    yield held
