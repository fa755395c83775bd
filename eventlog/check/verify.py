"""Verifies a log: reads everything and checks it against manifests, checksums and chains.

Changes nothing, and may run while writers write: a segment that is sealed meanwhile is no
damage.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import attrs

from eventlog.check.segment_damage import (
    AbsentTest,
    Damage,
    absent_in_mirror,
    open_damage,
    sealed_damage,
)
from eventlog.check.seq_gaps import SeqGap, find_seq_gaps, loss_name
from eventlog.errors import Corrupt
from eventlog.files.heads import Head, head_written_at, read_head
from eventlog.files.listing import (
    SegmentFiles,
    known_streams,
    list_folders,
    list_losses,
    list_segments,
    read_manifest,
)
from eventlog.files.lost_segments import Loss, chain_digest, read_loss
from eventlog.files.stream_lock import is_locked, sealed_seq
from eventlog.format import manifest as manifests
from eventlog.format.manifest import Manifest
from eventlog.format.paths import (
    LOSS,
    OPEN,
    SegmentName,
    log_dir,
    manifest_path,
    open_path,
    parse_segment,
    sealed_path,
)
from eventlog.progress import ReportOne, ReportProgress, count_steps, no_progress
from eventlog.read.event_filter import Select, wants_segment
from eventlog.read.seq_ranges import KnownSeqs, segment_seqs

_MAX_RELISTINGS = 3
"""Number of times a stream is listed again before a missing file counts as damage."""
_RELIST_AFTER_S = 0.03
_MANIFESTS, _SEGMENTS = "manifests checked", "segments checked"

__all__ = ["Damage", "VerifyResult", "verify"]


@attrs.frozen
class VerifyResult:
    """Number of segments, events and bytes that were read, and the damage in them."""

    segments: int
    rows: int
    raw_bytes: int
    damages: tuple[Damage, ...]
    absent: int = 0
    """Number of segments whose manifest is here and whose file is in the mirror only."""


def verify(
    root: Path,
    select: Select | None = None,
    sample: float = 1.0,
    is_absent: AbsentTest | None = None,
    report: ReportProgress = no_progress,
) -> VerifyResult:
    """Verifies the log. `select`: segments to read; `sample`: share of the sealed ones, 0 to 1.

    All names, manifests and chains are checked in any case. `is_absent` decides whether a missing
    file is in the mirror; then it is no damage. Without it, the mirror that readers use decides.
    """
    is_absent = is_absent or absent_in_mirror(root)
    damages = list(_foreign_files(root))
    segments = rows = raw_bytes = absent = 0
    report_one = count_steps(report, {} if report is no_progress else _totals(root, select))
    for key in known_streams(root):
        stream = _check_stream(root, key, select, sample, is_absent, report_one)
        absent += stream.absent
        segments, rows = segments + stream.segments, rows + stream.rows
        raw_bytes += stream.raw_bytes
        damages += stream.damages
    return VerifyResult(segments, rows, raw_bytes, tuple(damages), absent)


def _totals(root: Path, select: Select | None) -> dict[str, int]:
    """Returns how many manifests and segments are to be checked."""
    streams = (list_segments(root, *key) for key in known_streams(root))
    names = [each.name for files in streams for each in files]
    chosen = sum(select is None or wants_segment(select, name) for name in names)
    return {_MANIFESTS: len(names), _SEGMENTS: chosen}


@attrs.frozen
class _Listed:
    """A stream according to one listing."""

    known: list[Manifest]
    unsealed: list[SegmentName]
    damages: list[Damage]
    absent: set[str]
    """Segments whose file is in the mirror only."""
    head: Head | None


def _check_stream(
    root: Path,
    key: tuple[str, str],
    select: Select | None,
    sample: float,
    is_absent: AbsentTest,
    report_one: ReportOne,
) -> VerifyResult:
    listed = _list_stream(root, key, is_absent, report_one)
    for _ in range(_MAX_RELISTINGS):  # segments come and go while a folder is listed
        if not listed.damages:
            break
        is_written = is_locked(root, *key)
        time.sleep(_RELIST_AFTER_S if is_written else 0)
        listed = _list_stream(root, key, is_absent, report_one)
        if not is_written:
            break
    known = [x for x in listed.known if x.segment not in listed.absent]
    known = [x for x in known if select is None or wants_segment(select, x.name)]
    unsealed = [x for x in listed.unsealed if select is None or wants_segment(select, x)]
    damages = list(listed.damages)
    rows = raw_bytes = 0
    for number, manifest in enumerate(known):
        if int(number * sample) != int((number + 1) * sample):
            damages += sealed_damage(root, manifest, is_absent)
        rows, raw_bytes = rows + manifest.rows, raw_bytes + manifest.raw.bytes
        report_one(_SEGMENTS)
    for name in unsealed:
        lines, size, open_damages = open_damage(root, name, listed.head)
        damages += open_damages
        rows, raw_bytes = rows + lines, raw_bytes + size
        report_one(_SEGMENTS)
    segments = len(known) + len(unsealed)
    return VerifyResult(segments, rows, raw_bytes, tuple(damages), len(listed.absent))


def _list_stream(
    root: Path, key: tuple[str, str], is_absent: AbsentTest, report_one: ReportOne
) -> _Listed:
    """Lists a stream and checks its names, manifests and chain."""
    # Both are read before the listing, which must therefore contain what they name.
    head, sealed = read_head(root, *key), sealed_seq(root, *key)
    known, unsealed, damages = _check_names(root, list_segments(root, *key), report_one)
    missing = [x for x in known if not sealed_path(root, x.name).exists()]
    absent = {manifest.segment for manifest in missing if is_absent(manifest)}
    damages += [_missing_file(x) for x in missing if x.segment not in absent]
    losses, unread = _check_losses(root, key)
    damages += unread
    damages += _check_chain(root, known, losses)
    seqs = _known_seqs(root, [*known, *losses], unsealed)
    damages += _check_overlaps(seqs)
    noted = head.last_seq if head and head.segment not in map(str, unsealed) else 0
    damages += _check_gaps(root, key, seqs, max(noted, sealed), head)
    return _Listed(known, unsealed, damages, absent, head)


def _foreign_files(root: Path) -> Iterator[Damage]:
    """Yields files in the log that hindlog did not write."""
    log = log_dir(root)
    for folder in list_folders(root):
        for path in sorted((log / folder).rglob("*")):
            name = path.relative_to(log)
            hidden = any(part.startswith(".") for part in name.parts)
            if not hidden and not path.is_dir() and parse_segment(name.as_posix()) is None:
                yield Damage(name.as_posix(), "not a file of a segment")


def _check_names(
    root: Path, files: list[SegmentFiles], report_one: ReportOne
) -> tuple[list[Manifest], list[SegmentName], list[Damage]]:
    """Returns the manifests in seq order, the open segments, and damage by missing files.

    A listing is no snapshot, so each name is checked again.
    """
    known: list[Manifest] = []
    unsealed: list[SegmentName] = []
    damages: list[Damage] = []
    for name in (listed.name for listed in files):
        report_one(_MANIFESTS)
        if not manifest_path(root, name).exists() and open_path(root, name).exists():
            unsealed.append(name)
        elif manifest_path(root, name).exists():
            try:
                known.append(read_manifest(root, name))
            except Corrupt as error:
                damages.append(Damage(f"{name}.manifest.json", error.what))
        elif sealed_path(root, name).exists():
            damages.append(Damage(f"{name}.ndjson.zst", "sealed, but its manifest is missing"))
    return sorted(known, key=lambda manifest: manifest.first_seq), unsealed, damages


def _missing_file(manifest: Manifest) -> Damage:
    message = f"its segment, {manifest.segment}.ndjson.zst, is missing"
    return Damage(f"{manifest.segment}.manifest.json", message)


def _check_losses(root: Path, key: tuple[str, str]) -> tuple[list[Loss], list[Damage]]:
    """Returns the accepted losses, in seq order, and damage of unreadable records."""
    losses: list[Loss] = []
    damages: list[Damage] = []
    for name in list_losses(root, *key):
        try:
            losses.append(read_loss(root, name))
        except Corrupt as error:
            damages.append(Damage(f"{name}{LOSS}", error.what))
    return sorted(losses, key=lambda loss: loss.first_seq), damages


def _check_chain(root: Path, known: list[Manifest], losses: list[Loss]) -> Iterator[Damage]:
    """Yields damage of the chain: wrong links, and seqs that exist twice."""
    links: list[Manifest | Loss] = [*known, *losses]
    for before, after in pairwise(sorted(links, key=lambda link: link.first_seq)):
        expected = before.last_seq + 1
        if after.first_seq < expected:
            message = f"expected seq {expected} (after {before.segment}), found {after.first_seq}"
            yield Damage(after.segment, message)
        elif after.first_seq == expected and after.previous != (actual := _link(root, before)):
            claim = f"refers to a previous manifest with SHA-256 {str(after.previous)[:16]}…"
            earlier, later = f"{before.segment}.manifest.json", f"{after.segment}.manifest.json"
            yield Damage(earlier, f"{after.segment} {claim}, but this one has {actual[:16]}…")
            yield Damage(later, f"{claim}, but that of {before.segment} has {actual[:16]}…")


def _link(root: Path, link: Manifest | Loss) -> str:
    """Returns the SHA-256 that the next manifest must contain."""
    if isinstance(link, Loss):
        return chain_digest(link)
    return manifests.digest(manifest_path(root, link.name).read_bytes())


def _known_seqs(
    root: Path, links: Sequence[Manifest | Loss], unsealed: Sequence[SegmentName]
) -> list[KnownSeqs]:
    """Returns the seqs that exist or whose loss was accepted.

    `unsealed`: segments that were open when they were listed. If one was sealed meanwhile, its
    seqs are those of its manifest.
    """
    known = [KnownSeqs(link.name, link.first_seq, link.last_seq) for link in links]
    for name in unsealed:
        with suppress(Corrupt):  # the next listing finds that manifest
            seqs = segment_seqs(root, name)
            known += [seqs] if seqs else []
    return known


def _check_overlaps(known: Sequence[KnownSeqs]) -> Iterator[Damage]:
    """Yields open segments whose first seq is in another segment, too."""
    for before, after in pairwise(sorted(known, key=lambda seqs: seqs.first_seq)):
        if after.is_open and after.first_seq <= before.last_seq:
            what = f"expected seq {before.last_seq + 1}, found {after.first_seq}"
            message = f"{what}: another segment contains it already"
            yield Damage(f"{after.name}{OPEN}", message, line=1, byte=0)


def _check_gaps(
    root: Path,
    key: tuple[str, str],
    known: Sequence[KnownSeqs],
    durable_seq: int,
    head: Head | None,
) -> Iterator[Damage]:
    """Yields damage unless the seqs are contiguous from 1 to `durable_seq`."""
    taken = {seqs.name for seqs in known}
    for gap in find_seq_gaps(known, durable_seq):
        name = loss_name(gap, key, taken, head, head_written_at(root, *key))
        damage = _gap_damage(gap, name)
        hint = "if a mirror has it: hindlog sync pull; if no copy is left: hindlog repair"
        yield attrs.evolve(damage, what=f"{damage.what}; {hint} --accept-loss {name}")


def _gap_damage(gap: SeqGap, name: SegmentName) -> Damage:
    first, before, after = gap.first_seq, gap.before, gap.after
    if after is None:
        message = f"seq {gap.last_seq} was durable, but the log ends with seq {first - 1}"
        return Damage(str(name), message)
    if before is None:
        message = f"begins with seq {after.first_seq}: the segments before it are missing"
        return Damage(str(after.name), message)
    difference = f"expected seq {first} (after {before.name}), found {after.first_seq}"
    if not after.is_open:
        return Damage(str(after.name), difference)
    return Damage(
        f"{after.name}{OPEN}", f"{difference}: a sealed segment is missing", line=1, byte=0
    )
