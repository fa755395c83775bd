"""Recovery: what a stream finds when it starts.

Half-done sealings are finished or thrown away, the unfinished tail of the open
segment is cut off (and handed back, to be appended as an anomaly), and the place to
go on from is read from the log itself. Whoever calls this holds the stream's lock.
"""

from collections.abc import Sequence
from pathlib import Path

import attrs

from eventlog.clock import parse_us
from eventlog.errors import Corrupt
from eventlog.files.disk import REAL, Disk, make_dirs, sync_parents, write_durable
from eventlog.files.heads import read_head
from eventlog.files.listing import list_segments, read_manifest
from eventlog.files.lost_segments import Loss, chain_digest, read_losses, skip_lost
from eventlog.files.stream_lock import sealed_seq
from eventlog.format import manifest as manifests
from eventlog.format.line_header import line_header
from eventlog.format.paths import (
    SegmentName,
    head_path,
    lock_path,
    log_dir,
    manifest_path,
    open_path,
)
from eventlog.format.valid_lines import ValidPrefix, has_later_event, valid_event, valid_prefix
from eventlog.write.seal import finish

TORN = "torn"
DAMAGED = "damaged"
LOST = "lost"


@attrs.frozen
class Cut:
    """Bytes that recovery took out of an open segment, or missed at its end."""

    segment: str
    offset: int
    """Where they began, in bytes."""
    size: int
    reason: str
    """`torn`: an unfinished write. `damaged`: whole lines stood behind the bad one.
    `lost`: `state/` knows of bytes that the file does not have."""
    kept_at: Path | None
    """Where they are kept until they stand in the log again."""


@attrs.frozen
class Resume:
    """Where a stream goes on."""

    last_seq: int
    last_observed: int
    previous: str | None
    """SHA-256 of the stream's last manifest."""
    open: tuple[ValidPrefix, ...]
    """Open segments in seq order; all but the last wait for their sealing."""
    cuts: tuple[Cut, ...]

    @property
    def last_line(self) -> bytes:
        """The last line of the open segments."""
        return self.open[-1].last_line if self.open else b""


def recover(
    root: Path, source: str, writer: str, disk: Disk = REAL, *, distrust_head: bool = False
) -> Resume:
    """Bring a stream into a state to append to. Raises `Corrupt` on real damage.

    Damage in what `state/` calls durable is left to `repair`, which distrusts it.
    """
    found = list_segments(root, source, writer)
    pending = [each.name for each in found if each.is_open or not each.has_manifest]
    still_open = [name for name in pending if not finish(root, name, disk)]
    last = _last_sealed(root, [each.name for each in found if each.name not in still_open])
    manifest = read_manifest(root, last) if last else None
    losses = read_losses(root, source, writer)
    seq = manifest.last_seq if manifest else 0
    tails, lost = _tails(root, still_open, seq, losses, disk, distrust_head)
    end = skip_lost(losses, (tails[-1].last_seq if tails else seq) + 1) - 1
    if not distrust_head and not lost:
        _check_end(root, source, writer, end)
    times = [parse_us(line_header(tail.last_line).observed_at) for tail in tails]
    return Resume(
        last_seq=end,
        last_observed=max([manifest.last_us if manifest else 0, *times]),
        previous=last_link(root, last, losses),
        open=tails,
        cuts=(*_kept(root, source, writer), *lost),
    )


def last_link(root: Path, last: SegmentName | None, losses: Sequence[Loss]) -> str | None:
    """What the next manifest names: the one sealed last, or a loss behind it."""
    found = manifests.digest(manifest_path(root, last).read_bytes()) if last else None
    end = _last_seq(root, last) if last else 0
    return next((chain_digest(loss) for loss in reversed(losses) if loss.last_seq > end), found)


def _last_sealed(root: Path, names: list[SegmentName]) -> SegmentName | None:
    """The one with the greatest seq: in a stream of imports that is not the latest hour.

    Only the first bytes of each manifest are read: two years of hours in 0.4 s.
    """
    return max(names, key=lambda name: _last_seq(root, name), default=None)


def _last_seq(root: Path, name: SegmentName) -> int:
    with manifest_path(root, name).open("rb", buffering=0) as file:
        found = manifests.seqs_in(file.read(400))
    return found[1] if found else read_manifest(root, name).last_seq


def _tails(
    root: Path,
    names: list[SegmentName],
    seq: int,
    losses: Sequence[Loss],
    disk: Disk,
    distrust_head: bool,
) -> tuple[tuple[ValidPrefix, ...], tuple[Cut, ...]]:
    firsts = {name: _first_seq(root, name) for name in names}
    ordered = sorted(names, key=lambda name: (firsts[name] is None, firsts[name] or 0, name))
    tails: list[ValidPrefix] = []
    lost: list[Cut] = []
    for name in ordered:
        seq = skip_lost(losses, seq + 1) - 1
        _check_follows(root, name, firsts[name], seq)
        tail = _recover_open(root, name, seq, disk, distrust_head)
        lost += _lost(root, tail)
        if tail.rows == 0:
            disk.unlink(open_path(root, name))
            disk.sync_dir(open_path(root, name).parent)
            continue
        tails.append(tail)
        seq = tail.last_seq
    return tuple(tails), tuple(lost)


def _first_seq(root: Path, name: SegmentName) -> int | None:
    """The seq that an open segment begins with, where its first line is an event of it."""
    with open_path(root, name).open("rb") as file:
        line = file.readline()
    try:
        found = line_header(line).seq
    except Corrupt:
        return None
    return found if valid_event(line, name, found) else None


def _check_follows(root: Path, name: SegmentName, first: int | None, seq: int) -> None:
    """An open segment that does not go on where the log ends is no unfinished write."""
    if first is not None and first != seq + 1:
        what = "a segment before it is missing" if first > seq else "its seqs stand in the log"
        raise Corrupt(
            f"{open_path(root, name)}: expected seq {seq + 1} in its first line, found {first}: "
            f"{what}",
            "hindlog verify",
        )


def _check_end(root: Path, source: str, writer: str, end: int) -> None:
    """What was acknowledged and stands nowhere is no unfinished write either.

    To go on below it would give seqs and names again that a mirror may hold. The head may be
    gone with its segments; then the lock file knows how far the stream was sealed.
    """
    head = read_head(root, source, writer)
    sealed = sealed_seq(root, source, writer)
    if head is not None and head.last_seq > end:
        said, named = f"seq {head.last_seq} was durable", head.segment
        path = head_path(root, source, writer)
    elif sealed > end:
        said, named = f"seq {sealed} was sealed", ""
        path = lock_path(root, source, writer)
    else:
        return
    raise Corrupt(
        f"{path}: {said}, but the log ends with seq {end}: "
        f"{named or f'the last segment of {source}, writer {writer},'} is missing",
        "hindlog verify names what to take from a mirror or a backup, or to give up",
    )


def _recover_open(
    root: Path, name: SegmentName, seq: int, disk: Disk, distrust: bool
) -> ValidPrefix:
    """Check an open segment line by line; cut it where it stops being whole."""
    path = open_path(root, name)
    with path.open("rb") as file:
        tail = valid_prefix(file, name, seq)
    if tail.size < path.stat().st_size:
        if not distrust:
            _refuse_damage(root, tail)
        _cut(root, tail, disk)
    return tail


def _refuse_damage(root: Path, tail: ValidPrefix) -> None:
    """What was durable and is not whole is no unfinished write: a person looks first."""
    path = open_path(root, tail.name)
    head = read_head(root, tail.name.source, tail.name.writer)
    known = head.durable_bytes if head and head.segment == str(tail.name) else 0
    if tail.size < known <= path.stat().st_size:
        raise Corrupt(
            f"{path}: line {tail.rows + 1} at byte {tail.size} is not the event with seq "
            f"{tail.last_seq + 1}, but was durable up to byte {known}",
            f"hindlog repair {tail.name}",
        )


def _lost(root: Path, tail: ValidPrefix) -> list[Cut]:
    """What `state/` knows of and the file does not have, as a notice."""
    head = read_head(root, tail.name.source, tail.name.writer)
    if head is None or head.segment != str(tail.name) or head.last_seq <= tail.last_seq:
        return []
    size = max(0, head.durable_bytes - tail.size)
    return [Cut(str(tail.name), tail.size, size, LOST, None)]


def _cut(root: Path, tail: ValidPrefix, disk: Disk) -> None:
    path = open_path(root, tail.name)
    with path.open("rb") as file:
        file.seek(tail.size)
        data = file.read()
    reason = DAMAGED if has_later_event(data, tail.name, tail.last_seq) else TORN
    _keep(root, tail, data, reason, disk)
    handle = disk.open_append(path)
    try:
        disk.truncate(handle, tail.size)
        disk.fsync(handle)
    finally:
        disk.close(handle)


def _keep(root: Path, tail: ValidPrefix, data: bytes, reason: str, disk: Disk) -> None:
    """Set the bytes aside, durable, before the file is cut. In `log/`: they are the only copy."""
    folder = _torn_dir(root, tail.name.source)
    # By content too: a start that died while it appended leaves two cuts at one offset.
    which = f"{tail.size}.{manifests.digest(data)[:16]}.{reason}"
    path = folder / f"{str(tail.name).replace('/', '_')}.{which}"
    make_dirs(disk, folder)
    temporary = path.with_suffix(".tmp")
    write_durable(disk, temporary, data)
    disk.rename(temporary, path)
    sync_parents(disk, folder, root)


def _torn_dir(root: Path, source: str) -> Path:
    return log_dir(root) / source / ".torn"


def _kept(root: Path, source: str, writer: str) -> tuple[Cut, ...]:
    """What this or an earlier recovery cut off and nobody lived to append."""
    cuts = []
    folder = _torn_dir(root, source)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        name, _, which = path.name.partition(".")
        offset, _, reason = which.partition(".")
        reason = reason.partition(".")[2]
        if f"-{writer}-" in name and reason in (TORN, DAMAGED):
            day, hour = name.split("_")[-2:]
            segment = f"{source}/{day}/{hour}"
            cuts.append(Cut(segment, int(offset), path.stat().st_size, reason, path))
    return tuple(cuts)
