"""Recovers a stream after a crash, before it is written again.

Completes or reverts interrupted sealings and groups, cuts off the torn tail of the open
segment (the caller appends it to the log as an anomaly), and determines where the stream
continues. The caller must have locked the stream.
"""

from collections.abc import Sequence
from pathlib import Path

import attrs

from eventlog.clock import parse_us
from eventlog.errors import Corrupt
from eventlog.files.disk import REAL, Disk
from eventlog.files.heads import read_head
from eventlog.files.listing import list_segments, read_manifest
from eventlog.files.lost_segments import Loss, chain_digest, read_losses, skip_lost
from eventlog.files.publish import replace_durably
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
from eventlog.format.valid_lines import (
    ValidPrefix,
    first_seq,
    has_later_event,
    valid_event,
    valid_prefix,
)
from eventlog.write.publish_group import finish_group
from eventlog.write.seal import finish_sealing

TORN = "torn"
DAMAGED = "damaged"
LOST = "lost"


@attrs.frozen
class TailAnomaly:
    """Bytes that recovery cut off an open segment, or that are missing at its end."""

    segment: str
    offset: int
    """Offset of the first byte."""
    size: int
    reason: str
    """`torn`: an incomplete write. `damaged`: complete lines followed the invalid one.
    `lost`: the file is shorter than its head in `state/` states."""
    kept_at: Path | None
    """File with the bytes, until they are in the log as an anomaly; None for `lost`."""


@attrs.frozen
class ResumePoint:
    """The end of a stream, where writing continues."""

    last_seq: int
    last_observed: int
    previous: str | None
    """SHA-256 of the last manifest or loss of the chain."""
    open: tuple[ValidPrefix, ...]
    """Open segments in seq order; all but the last are still to be sealed."""
    anomalies: tuple[TailAnomaly, ...]

    @property
    def last_line(self) -> bytes:
        """The last line of the open segments; empty if there are none."""
        return self.open[-1].last_line if self.open else b""


def recover(
    root: Path, source: str, writer: str, disk: Disk = REAL, *, distrust_head: bool = False
) -> ResumePoint:
    """Makes a stream ready for appending. Raises `Corrupt` if durable events are damaged.

    `distrust_head`: cut off damaged lines even if they are durable according to the head in
    `state/`. Only `repair` does that.
    """
    finish_group(root, source, writer, disk)
    listed = list_segments(root, source, writer)
    pending = [x.name for x in listed if x.is_open or not x.has_manifest]
    still_open = [name for name in pending if not finish_sealing(root, name, disk)]
    last = _last_sealed(root, [x.name for x in listed if x.name not in still_open])
    manifest = read_manifest(root, last) if last else None
    losses = read_losses(root, source, writer)
    seq = manifest.last_seq if manifest else 0
    prefixes, lost = _recover_all(root, still_open, seq, losses, disk, distrust_head)
    end = skip_lost(losses, (prefixes[-1].last_seq if prefixes else seq) + 1) - 1
    if not distrust_head and not lost:
        _check_end(root, source, writer, end)
    times = [parse_us(line_header(prefix.last_line).observed_at) for prefix in prefixes]
    return ResumePoint(
        last_seq=end,
        last_observed=max([manifest.last_us if manifest else 0, *times]),
        previous=last_link(root, last, losses),
        open=prefixes,
        anomalies=(*_stored_anomalies(root, source, writer), *lost),
    )


def last_link(root: Path, last: SegmentName | None, losses: Sequence[Loss]) -> str | None:
    """Returns the SHA-256 that the next manifest refers to: of the last manifest or loss."""
    digest = manifests.digest(manifest_path(root, last).read_bytes()) if last else None
    end = _last_seq(root, last) if last else 0
    return next((chain_digest(loss) for loss in reversed(losses) if loss.last_seq > end), digest)


def _last_sealed(root: Path, names: list[SegmentName]) -> SegmentName | None:
    """Returns the segment with the greatest seq. (For imports, it may not be the latest hour.)

    Reads only the first bytes of each manifest: 0.4 s for two years of hours.
    """
    return max(names, key=lambda name: _last_seq(root, name), default=None)


def _last_seq(root: Path, name: SegmentName) -> int:
    with manifest_path(root, name).open("rb", buffering=0) as file:
        seqs = manifests.seqs_in(file.read(400))
    return seqs[1] if seqs else read_manifest(root, name).last_seq


def _recover_all(
    root: Path,
    names: list[SegmentName],
    seq: int,
    losses: Sequence[Loss],
    disk: Disk,
    distrust_head: bool,
) -> tuple[tuple[ValidPrefix, ...], tuple[TailAnomaly, ...]]:
    firsts = {name: _first_valid_seq(root, name) for name in names}
    ordered = sorted(names, key=lambda name: (firsts[name] is None, firsts[name] or 0, name))
    prefixes: list[ValidPrefix] = []
    lost: list[TailAnomaly] = []
    for name in ordered:
        seq = skip_lost(losses, seq + 1) - 1
        _check_continues(root, name, firsts[name], seq)
        prefix = _recover_open(root, name, seq, disk, distrust_head)
        lost += _missing_bytes(root, prefix)
        if prefix.rows == 0:
            disk.unlink(open_path(root, name))
            disk.sync_dir(open_path(root, name).parent)
            continue
        prefixes.append(prefix)
        seq = prefix.last_seq
    return tuple(prefixes), tuple(lost)


def _first_valid_seq(root: Path, name: SegmentName) -> int | None:
    """Returns the first seq of an open segment, or None if its first line is not valid."""
    with open_path(root, name).open("rb") as file:
        seq = first_seq(file)
        return seq if seq is not None and valid_event(file.readline(), name, seq) else None


def _check_continues(root: Path, name: SegmentName, first: int | None, seq: int) -> None:
    """Raises `Corrupt` unless an open segment begins with the seq after the end of the log."""
    if first is not None and first != seq + 1:
        cause = (
            "a segment before it is missing" if first > seq else "its seqs are in the log already"
        )
        raise Corrupt(
            f"{open_path(root, name)}: expected seq {seq + 1} in its first line, found {first}: "
            f"{cause}",
            "hindlog verify",
        )


def _check_end(root: Path, source: str, writer: str, end: int) -> None:
    """Raises `Corrupt` if the log ends before the head, or before the seq sealed last.

    Continuing there would reuse seqs and names that a mirror may contain. If the head is
    missing, the lock file still contains the seq up to which the stream was sealed.
    """
    head = read_head(root, source, writer)
    sealed = sealed_seq(root, source, writer)
    if head is not None and head.last_seq > end:
        claim, segment = f"seq {head.last_seq} was durable", head.segment
        path = head_path(root, source, writer)
    elif sealed > end:
        claim, segment = f"seq {sealed} was sealed", ""
        path = lock_path(root, source, writer)
    else:
        return
    raise Corrupt(
        f"{path}: {claim}, but the log ends with seq {end}: "
        f"{segment or f'the last segment of {source}, writer {writer},'} is missing",
        "hindlog verify names the segments; restore them from a copy, or record them as lost",
    )


def _recover_open(
    root: Path, name: SegmentName, seq: int, disk: Disk, distrust: bool
) -> ValidPrefix:
    """Checks an open segment line by line and cuts off everything after the valid lines."""
    path = open_path(root, name)
    with path.open("rb") as file:
        prefix = valid_prefix(file, name, seq)
    if prefix.size < path.stat().st_size:
        if not distrust:
            _check_durable(root, prefix)
        _cut_off(root, prefix, disk)
    return prefix


def _check_durable(root: Path, prefix: ValidPrefix) -> None:
    """Raises `Corrupt` if bytes that were durable are invalid: an operator must decide."""
    path = open_path(root, prefix.name)
    head = read_head(root, prefix.name.source, prefix.name.writer)
    durable = head.durable_bytes if head and head.segment == str(prefix.name) else 0
    if prefix.size < durable <= path.stat().st_size:
        raise Corrupt(
            f"{path}: line {prefix.rows + 1} at byte {prefix.size} is not the event with seq "
            f"{prefix.last_seq + 1}, but was durable up to byte {durable}",
            f"hindlog repair {prefix.name}",
        )


def _missing_bytes(root: Path, prefix: ValidPrefix) -> list[TailAnomaly]:
    """Returns an anomaly if the file is shorter than its head in `state/` states."""
    head = read_head(root, prefix.name.source, prefix.name.writer)
    if head is None or head.segment != str(prefix.name) or head.last_seq <= prefix.last_seq:
        return []
    size = max(0, head.durable_bytes - prefix.size)
    return [TailAnomaly(str(prefix.name), prefix.size, size, LOST, None)]


def _cut_off(root: Path, prefix: ValidPrefix, disk: Disk) -> None:
    path = open_path(root, prefix.name)
    with path.open("rb") as file:
        file.seek(prefix.size)
        data = file.read()
    reason = DAMAGED if has_later_event(data, prefix.name, prefix.last_seq) else TORN
    _store_bytes(root, prefix, data, reason, disk)
    handle = disk.open_append(path)
    try:
        disk.truncate(handle, prefix.size)
        disk.fsync(handle)
    finally:
        disk.close(handle)


def _store_bytes(root: Path, prefix: ValidPrefix, data: bytes, reason: str, disk: Disk) -> None:
    """Stores the bytes durably before the file is cut. In `log/`, as they are the only copy."""
    # The name contains a digest: a crash while appending can leave two torn tails at one offset.
    suffix = f"{prefix.size}.{manifests.digest(data)[:16]}.{reason}"
    path = _torn_dir(root, prefix.name.source) / f"{str(prefix.name).replace('/', '_')}.{suffix}"
    replace_durably(disk, path, data, root)


def _torn_dir(root: Path, source: str) -> Path:
    return log_dir(root) / source / ".torn"


def _stored_anomalies(root: Path, source: str, writer: str) -> tuple[TailAnomaly, ...]:
    """Returns the torn tails that this or an earlier recovery cut off and nobody appended yet."""
    anomalies = []
    folder = _torn_dir(root, source)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        name, _, suffix = path.name.partition(".")
        offset, _, reason = suffix.partition(".")
        reason = reason.partition(".")[2]
        if f"-{writer}-" in name and reason in (TORN, DAMAGED):
            day, hour = name.split("_")[-2:]
            segment = f"{source}/{day}/{hour}"
            anomalies.append(TailAnomaly(segment, int(offset), path.stat().st_size, reason, path))
    return tuple(anomalies)
