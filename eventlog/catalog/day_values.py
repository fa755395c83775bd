"""Values computed from the events of a day, kept in the catalog until the day changes.

The caller names the values and computes them, for example what the `run` events of a day say.
All values of one name are in one file per source, so that reading them costs the same as reading
the index. A value is kept only if the folder did not change recently and all of its segments are
sealed, since an open segment grows without any change of its folder.
"""

from collections.abc import Callable, Collection, Generator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from eventlog.catalog.day import DayFolder, FolderStamp
from eventlog.catalog.index import DaySummary, SourceIndex
from eventlog.catalog.progress import report_day
from eventlog.catalog.storage import load, save
from eventlog.format.paths import catalog_path

T = TypeVar("T")

Compute = Callable[[DayFolder], tuple[T, bool]]
"""Returns the value of a day, and whether all of its segments could be read."""


class DayValue(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The value of one day."""

    date: str
    stamp: FolderStamp
    writers: tuple[str, ...]
    """Those whose segments were read."""
    value: bytes
    """The value as msgpack."""


class StoredValues(msgspec.Struct, frozen=True, array_like=True):
    """The values of one name."""

    source: str
    name: str
    days: tuple[DayValue, ...]


def values_by_day(
    index: SourceIndex,
    name: str,
    type_: type[T],
    compute: Compute[T],
    *,
    since_date: str = "",
    writers: Collection[str] | None = None,
) -> Generator[T, None, None]:
    """Yields the value of each day from a date on on which one of the writers has segments.

    Without `writers`, all writers of the source. Stores the values that it computed when the
    iterator ends or is closed.
    """
    path = catalog_path(index.root, index.source, name)
    stored = _load_values(path, index.source, name)
    current = {day.date: stored[day.date] for day in index.days if day.date in stored}
    days = [(day, _writers_of_day(day, writers)) for day in index.days if day.date >= since_date]
    total = sum(not _is_current(current, day, index, names) for day, names in days if names)
    done = 0
    try:
        for day, names in days:
            if not names:
                continue
            if _is_current(current, day, index, names):
                yield msgspec.msgpack.decode(current[day.date].value, type=type_)
                continue
            value, is_complete = compute(_only_of(index.day(day.date), names))
            done += 1
            report_day(index.source, done, total)
            if is_complete and _can_be_kept(day, index, names):
                encoded = msgspec.msgpack.encode(value)
                current[day.date] = DayValue(day.date, day.stamp, names, encoded)
            yield value
    finally:
        if 0 < done < total:  # the caller needs no more
            report_day(index.source, total, total)
        if current != stored:
            values = tuple(current[date] for date in sorted(current))
            save(path, StoredValues(index.source, name, values))


def _load_values(path: Path, source: str, name: str) -> Mapping[str, DayValue]:
    """Returns the stored values by date; none if the file is unusable."""
    stored = load(path, StoredValues)
    if stored is None or (stored.source, stored.name) != (source, name):
        return {}
    return {day.date: day for day in stored.days}


def _writers_of_day(day: DaySummary, writers: Collection[str] | None) -> tuple[str, ...]:
    return tuple(x.writer for x in day.writers if writers is None or x.writer in writers)


def _is_current(
    values: Mapping[str, DayValue], day: DaySummary, index: SourceIndex, names: tuple[str, ...]
) -> bool:
    known = values.get(day.date)
    if known is None or day.date in index.unsettled:
        return False
    return known.stamp == day.stamp and known.writers == names


def _can_be_kept(day: DaySummary, index: SourceIndex, names: tuple[str, ...]) -> bool:
    is_sealed = not any(x.unknown for x in day.writers if x.writer in names)
    return is_sealed and day.date not in index.unsettled


def _only_of(day: DayFolder, names: tuple[str, ...]) -> DayFolder:
    """Returns the segments that these writers have on a day."""
    entries = tuple(entry for entry in day.entries if entry.writer in names)
    return msgspec.structs.replace(day, entries=entries)
