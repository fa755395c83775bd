"""Record of the last complete update, with which the next one notices that nothing has changed.

    views/last-update    the archive, the rules, the log and the files of the views at that time

An update is a function of the log, the rules (code, definitions, limits), the views it is asked
for and the files that earlier updates wrote. If all of them are as recorded, it has nothing to
do. A day folder counts as unchanged if its timestamps are those recorded, and it had not changed
recently then; otherwise the names of its segments are compared. A file counts as unchanged if its
size, inode and timestamps are.

The record is disposable. If it is missing, damaged, older, or of another archive, the update
looks for missing parts as without it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from eventlog.catalog.day import REAL_TIMES, FolderStamp, FolderTimes, is_settled, read_day
from eventlog.catalog.storage import load, save
from eventlog.files.listing import list_dates, list_sources
from eventlog.format.paths import SegmentName, log_dir, open_path, parse_segment
from eventlog.read.segment_lines import durable_bytes
from projector.digests import digest_files, digest_rules, find_files
from projector.folders import current_parts

FILE = "last-update"


class DayState(msgspec.Struct, frozen=True, array_like=True):
    """The segments of a source on one day."""

    stamp: FolderStamp | None
    """Timestamps of the folder; None if it changed recently, so that they prove nothing."""
    sealed: tuple[str, ...]
    """Names of the sealed segments, without source and date."""
    opened: tuple[str, ...]
    """Names of the open segments, likewise."""


class LogState(msgspec.Struct, frozen=True, array_like=True):
    """What an update reads of the log."""

    days: Mapping[str, DayState]
    """By `source/date`."""
    durable: Mapping[str, int]
    """Number of durable bytes of each open segment."""


class LastUpdate(msgspec.Struct, frozen=True, array_like=True):
    """What an update read and wrote."""

    root: str
    rules: bytes
    """Digest of the code, the definitions and the limits."""
    views: tuple[str, ...]
    """Names of the definitions whose parts it built."""
    is_complete: bool
    """Whether these are all definitions."""
    log: LogState
    files: bytes
    """Digest of the names, sizes, inodes and timestamps of the files of the views."""


NO_LOG = LogState({}, {})


def is_up_to_date(
    root: Path,
    views: Sequence[str] | None = None,
    rules: bytes | None = None,
    times: FolderTimes = REAL_TIMES,
) -> bool:
    """Returns whether an update of these views would change nothing.

    `views`: names, None for all. `rules`: `digest_rules` of the definitions and limits of the
    update; None for those of `update` without arguments.
    """
    return read_log_to_apply(root, views, rules, times) is None


def read_log_to_apply(
    root: Path,
    views: Sequence[str] | None = None,
    rules: bytes | None = None,
    times: FolderTimes = REAL_TIMES,
) -> LogState | None:
    """Returns the state of the log, or None if an update of these views would change nothing.

    Reads only the day folders that changed since the last update.
    """
    root = root.resolve()
    last = load(record_path(root), LastUpdate)
    if last is None or last.root != str(root):
        return read_log_state(root, times=times)
    log = read_log_state(root, last.log, times)
    if (
        last.rules != (rules or digest_rules())
        or not (last.is_complete if views is None else set(views) <= set(last.views))
        or last.files != _digest_current(root)
        or not same_segments(log, last.log)
    ):
        return log
    if log != last.log:
        save(record_path(root), msgspec.structs.replace(last, log=log))
    return None


def record_update(
    root: Path, rules: bytes, views: Sequence[str], is_complete: bool, log: LogState
) -> None:
    """Records an update that left nothing out. `log`: its state before the update read it."""
    files = _digest_current(root)
    save(record_path(root), LastUpdate(str(root), rules, tuple(views), is_complete, log, files))


def _digest_current(root: Path) -> bytes:
    views = root / "views"
    return digest_files(find_files(views, [current_parts(views)]))


def record_path(root: Path) -> Path:
    """Returns the file of the record of an archive."""
    return root / "views" / FILE


def read_log_state(
    root: Path, known: LogState = NO_LOG, times: FolderTimes = REAL_TIMES
) -> LogState:
    """Returns the state of the log. A folder is read only if its timestamps are not `known`."""
    days: dict[str, DayState] = {}
    for source in list_sources(root):
        for date in list_dates(root, source):
            day = f"{source}/{date}"
            state = known.days.get(day)
            stamp = times.stamp(f"{log_dir(root)}/{day}")
            if state is None or stamp is None or state.stamp != stamp:
                state = _read_day_state(root, source, date, times)
            days[day] = state
    opened = [
        parse_segment(f"{day}/{name}") for day, state in days.items() for name in state.opened
    ]
    return LogState(days, {str(name): _durable_bytes(root, name) for name in opened if name})


def _read_day_state(root: Path, source: str, date: str, times: FolderTimes) -> DayState:
    now = times.now()
    day = read_day(root, source, date, times)
    sealed, opened = list[str](), list[str]()
    for name, entry in day.segments:
        if entry.has_manifest:
            sealed.append(str(name).rpartition("/")[2])
        elif entry.is_open:
            opened.append(str(name).rpartition("/")[2])
    stamp = day.stamp if is_settled(day, now) else None
    return DayState(stamp, tuple(sealed), tuple(opened))


def sealed_names(log: LogState, source: str) -> frozenset[str]:
    """Returns the names of the sealed segments of a source."""
    return frozenset(
        f"{day}/{name}"
        for day, state in log.days.items()
        if day.startswith(f"{source}/")
        for name in state.sealed
    )


def open_segments(log: LogState, source: str) -> tuple[SegmentName, ...]:
    """Returns the open segments of a source, by name."""
    names = filter(None, map(parse_segment, log.durable))
    return tuple(sorted(name for name in names if name.source == source))


def _durable_bytes(root: Path, name: SegmentName) -> int:
    """Returns the number of durable bytes of an open segment; -1 if it was sealed meanwhile."""
    try:
        with open_path(root, name).open("rb") as file:
            return durable_bytes(root, name, file)
    except FileNotFoundError:
        return -1


def same_segments(state: LogState, other: LogState) -> bool:
    """Returns whether two states have the same segments and durable bytes."""
    return (
        state.durable == other.durable
        and state.days.keys() == other.days.keys()
        and all(
            day is other.days[key]
            or (day.sealed, day.opened) == (other.days[key].sealed, other.days[key].opened)
            for key, day in state.days.items()
        )
    )


def unread_segments(root: Path, times: FolderTimes = REAL_TIMES) -> tuple[int, int] | None:
    """Returns when the last complete update was (µs), and how many segments have events since.

    Looks only at the two newest days of each source, so it is cheap: segments of other days that
    were copied or imported are not counted. None if there are none, or no complete update.
    """
    root = root.resolve()
    last = load(record_path(root), LastUpdate)
    if last is None or last.root != str(root):
        return None
    count = 0
    for source in list_sources(root):
        for date in list_dates(root, source)[-2:]:
            before = last.log.days.get(f"{source}/{date}")
            stamp = times.stamp(f"{log_dir(root)}/{source}/{date}")
            if before is not None and before.stamp is not None and before.stamp == stamp:
                opened = before.opened
                names = set[str]()
            else:
                day = _read_day_state(root, source, date, times)
                opened = day.opened
                names = {*day.sealed} - {*(before.sealed if before else ())}
            count += len(names) + sum(
                _has_grown(root, f"{source}/{date}/{name}", last.log) for name in opened
            )
    return (record_path(root).stat().st_mtime_ns // 1000, count) if count else None


def _has_grown(root: Path, text: str, log: LogState) -> bool:
    name = parse_segment(text)
    return name is not None and _durable_bytes(root, name) != log.durable.get(text)
