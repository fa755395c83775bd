"""Recovery: what a stream finds when it starts.

Half-done sealings are finished or thrown away, the unfinished tail of the open
segment is cut off (and handed back, to be appended as an anomaly), and the place to
go on from is read from the log itself. Whoever calls this holds the stream's lock.
"""

from pathlib import Path

import attrs

from eventlog import manifest as manifests
from eventlog.clock import parse_us
from eventlog.disk import REAL, Disk, make_dirs, write_durable
from eventlog.errors import Corrupt
from eventlog.event import Line, decode
from eventlog.manifest import Manifest
from eventlog.paths import SegmentName, manifest_path, open_path
from eventlog.seal import finish
from eventlog.segments import Files, list_segments, read_head, read_manifest

TORN = "torn"
DAMAGED = "damaged"


@attrs.frozen
class Cut:
    """Bytes that recovery took out of an open segment."""

    segment: str
    offset: int
    """Where they began, in bytes."""
    reason: str
    """`torn`: an unfinished write. `damaged`: whole lines stood behind the bad one."""
    kept_at: Path
    """Where they are kept until they stand in the log again."""


@attrs.frozen
class Tail:
    """The whole lines of one open segment."""

    name: SegmentName
    size: int
    rows: int
    last: Line | None


@attrs.frozen
class Resume:
    """Where a stream goes on."""

    last_seq: int
    last_observed: int
    previous: str | None
    """SHA-256 of the stream's last manifest."""
    open: tuple[Tail, ...]
    """Open segments in seq order; all but the last wait for their sealing."""
    cuts: tuple[Cut, ...]


def recover(root: Path, source: str, writer: str, disk: Disk = REAL) -> Resume:
    """Bring a stream into a state to append to. Raises `Corrupt` on real damage."""
    found = list_segments(root, source, writer)
    pending = [each for each in found if each.is_open or not each.has_manifest]
    still_open = [each.name for each in pending if not finish(root, each.name, disk)]
    sealed = [each for each in found if each.name not in still_open]
    last = _last_manifest(root, sealed)
    seq = last.last_seq if last else 0
    observed = last.last_us if last else 0
    previous = _digest(root, last.name) if last else None
    tails = _tails(root, still_open, seq, disk)
    for tail in tails:
        if tail.last is not None:
            seq = tail.last.seq
            observed = max(observed, parse_us(tail.last.observed_at))
    return Resume(seq, observed, previous, tails, _kept(root, source, writer))


def _digest(root: Path, name: SegmentName) -> str:
    return manifests.digest(manifest_path(root, name).read_bytes())


def _last_manifest(root: Path, sealed: list[Files]) -> Manifest | None:
    """The one with the greatest seq. In a stream of imports that is not the latest hour."""
    found = [read_manifest(root, each.name) for each in sealed]
    return max(found, key=lambda manifest: manifest.last_seq, default=None)


def _tails(root: Path, names: list[SegmentName], seq: int, disk: Disk) -> tuple[Tail, ...]:
    firsts = {name: _first_seq(root, name) for name in names}
    ordered = sorted(names, key=lambda name: (firsts[name] is None, firsts[name] or 0, name))
    tails: list[Tail] = []
    for name in ordered:
        tail = _recover_open(root, name, seq, disk)
        if tail.rows == 0:
            disk.unlink(open_path(root, name))
            disk.sync_dir(open_path(root, name).parent)
            continue
        tails.append(tail)
        seq = tail.last.seq if tail.last else seq
    return tuple(tails)


def _first_seq(root: Path, name: SegmentName) -> int | None:
    with open_path(root, name).open("rb") as file:
        try:
            return decode(file.readline()).seq
        except Corrupt:
            return None


def _recover_open(root: Path, name: SegmentName, seq: int, disk: Disk) -> Tail:
    """Check an open segment line by line; cut it where it stops being whole."""
    path = open_path(root, name)
    size, rows, last = 0, 0, None
    with path.open("rb") as file:
        for line in file:
            event = whole_line(line, name, seq + 1)
            if event is None:
                break
            size, rows, seq, last = size + len(line), rows + 1, event.seq, event
    tail = Tail(name, size, rows, last)
    if size < path.stat().st_size:
        _cut(root, tail, seq, disk)
    return tail


def whole_line(line: bytes, name: SegmentName, seq: int) -> Line | None:
    """The event of a line that is whole, valid and next in `seq`; else None."""
    if not line.endswith(b"\n"):
        return None
    try:
        line.decode()
        event = decode(line)
        parse_us(event.observed_at)
    except (UnicodeDecodeError, ValueError, Corrupt):
        return None
    fits = event.source == name.source and event.writer == name.writer and event.seq == seq
    return event if fits else None


def _cut(root: Path, tail: Tail, seq: int, disk: Disk) -> None:
    path = open_path(root, tail.name)
    head = read_head(root, tail.name.source, tail.name.writer)
    if head and head.segment == str(tail.name) and tail.size < head.durable_bytes:
        raise Corrupt(
            f"{path}: line {tail.rows + 1} at byte {tail.size} is not the event with seq "
            f"{seq + 1}, but was durable up to byte {head.durable_bytes}",
            f"hindlog repair {tail.name}",
        )
    with path.open("rb") as file:
        file.seek(tail.size)
        data = file.read()
    reason = DAMAGED if _has_later(data, tail.name, seq) else TORN
    _keep(root, tail, data, reason, disk)
    handle = disk.open_append(path)
    try:
        disk.truncate(handle, tail.size)
        disk.fsync(handle)
    finally:
        disk.close(handle)


def _has_later(data: bytes, name: SegmentName, seq: int) -> bool:
    """Whether whole lines with a later seq stand behind the bad one."""
    for line in data.split(b"\n")[1:]:
        try:
            event = decode(line)
        except Corrupt:
            continue
        if event.writer == name.writer and event.seq > seq:
            return True
    return False


def _keep(root: Path, tail: Tail, data: bytes, reason: str, disk: Disk) -> None:
    """Set the bytes aside, durable, before the file is cut."""
    name = str(tail.name).replace("/", "_")
    path = _torn_dir(root) / f"{name}.{tail.size}.{reason}"
    make_dirs(disk, path.parent, root)
    write_durable(disk, path.with_suffix(".tmp"), data)
    disk.rename(path.with_suffix(".tmp"), path)
    disk.sync_dir(path.parent)


def _torn_dir(root: Path) -> Path:
    return root / "state" / "torn"


def _kept(root: Path, source: str, writer: str) -> tuple[Cut, ...]:
    """What this or an earlier recovery cut off and nobody lived to append."""
    cuts = []
    folder = _torn_dir(root)
    for entry in sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []:
        stem, _, reason = entry.rpartition(".")
        name, _, offset = stem.rpartition(".")
        origin, day, rest = name.rsplit("_", 2) if name.count("_") >= 2 else ("", "", "")
        if origin == source and f"-{writer}-" in rest and reason in (TORN, DAMAGED):
            cuts.append(Cut(f"{origin}/{day}/{rest}", int(offset), reason, folder / entry))
    return tuple(cuts)
