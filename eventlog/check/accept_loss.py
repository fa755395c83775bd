"""Marks a segment as permanently lost, on an operator's decision, so its stream can continue.

Nothing is deleted or rewritten. A record takes the place of the lost manifest
(`lost_segments.py`), and an anomaly in the stream announces the loss to readers of the log.
A segment that is intact, or that can be repaired from the files beside it, is kept.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import attrs

from eventlog.check.repair import (
    RepairResult,
    check_assets,
    consistent_manifest,
    repair_sealed,
)
from eventlog.check.seq_gaps import SeqGap, find_seq_gaps, loss_name
from eventlog.clock import Clock, format_us, now_us, parse_us
from eventlog.errors import Corrupt, Invalid
from eventlog.files.heads import head_written_at, read_head
from eventlog.files.listing import list_segments, read_manifest
from eventlog.files.lost_segments import (
    LOSS_FORMAT,
    Loss,
    chain_digest,
    encode_loss,
    read_loss,
    read_losses,
    write_loss,
)
from eventlog.files.stream_lock import lock_stream, sealed_seq
from eventlog.files.writer_ids import machine_name, machines_of
from eventlog.format import manifest as manifests
from eventlog.format.event import ANOMALY, Draft
from eventlog.format.event_codec import decode
from eventlog.format.manifest import Manifest
from eventlog.format.paths import (
    SegmentName,
    loss_path,
    manifest_path,
    sealed_path,
)
from eventlog.read.event_filter import Select, compile_select, wants_segment
from eventlog.read.reader import segment_records
from eventlog.read.seq_ranges import KnownSeqs, segment_seqs
from eventlog.write.append import append
from eventlog.write.recover import LOST
from eventlog.write.seal import finish_sealing, seal
from eventlog.write.writer import SEGMENT_BYTES, close_stream, open_stream

RefuseLoss = Callable[[SegmentName, int, int], None]
"""Raises an error if the events of a segment, from a first to a last seq, exist elsewhere."""


def _refuse_nothing(_name: SegmentName, _first_seq: int, _last_seq: int) -> None:
    """Default: nothing exists elsewhere."""


def accept_loss(
    root: Path,
    name: SegmentName,
    *,
    clock: Clock = now_us,
    segment_bytes: int = SEGMENT_BYTES,
    refuse: RefuseLoss = _refuse_nothing,
) -> RepairResult:
    """Marks a segment as permanently lost, so that its stream can continue. Idempotent.

    `name`: the lost segment, or the name that `verify` reports for a gap. Repairs the segment
    instead, if possible. Raises `Invalid` if nothing is lost under that name, `Locked` if the
    stream is being written, `Corrupt` if only an asset of the segment is lost; and what `refuse`
    raises, before anything is recorded.
    """
    _check_ours(root, name)
    if not loss_path(root, name).exists():
        lock = lock_stream(root, name.source, name.writer, format_us(clock()))
        try:
            repaired = _repair_if_possible(root, name)
            if repaired is not None:
                check_assets(root, name, repaired)
                return repaired
            gap = _gap_of(root, name)
            refuse(name, gap.first_seq, gap.last_seq)
            _seal_before(root, name, gap.first_seq)
            write_loss(root, _loss(root, name, gap, format_us(clock())))
        finally:
            os.close(lock)
    loss = read_loss(root, name)
    _announce(root, loss, clock, segment_bytes)
    what = f"recorded as lost: seq {loss.first_seq} to {loss.last_seq}"
    return RepairResult(str(name), what)


def _check_ours(root: Path, name: SegmentName) -> None:
    """Raises `Invalid` if another machine owns the writer: its copy may be intact."""
    owners = machines_of(root, name.writer)
    if owners and machine_name(os.environ) not in owners:
        raise Invalid(
            f"{name}: writer {name.writer} belongs to machine {owners[0]}",
            "take a copy from there, or run this command there",
        )


def known_seqs(
    root: Path, source: str, writer: str, without: SegmentName | None = None
) -> list[KnownSeqs]:
    """Returns the seqs of a stream that exist or whose loss was accepted, in seq order.

    Omits segments with an unreadable manifest, and the segment `without`.
    """
    known = [KnownSeqs(x.name, x.first_seq, x.last_seq) for x in read_losses(root, source, writer)]
    for files in list_segments(root, source, writer):
        with suppress(Corrupt):
            seqs = segment_seqs(root, files.name) if files.name != without else None
            known += [seqs] if seqs else []
    return sorted(known, key=lambda seqs: seqs.first_seq)


def _repair_if_possible(root: Path, name: SegmentName) -> RepairResult | None:
    """Repairs the segment if possible. Returns None if it is lost."""
    listed = [x for x in list_segments(root, name.source, name.writer) if x.name == name]
    if not listed:
        return None
    if listed[0].is_open and not listed[0].has_manifest:
        raise Invalid(f"{name}: is open, and not lost", f"hindlog repair {name}")
    try:
        return repair_sealed(root, name, None)
    except Corrupt:
        return None


def _gap_of(root: Path, name: SegmentName) -> SeqGap:
    """Returns the seqs that a lost segment contained."""
    key = (name.source, name.writer)
    known = known_seqs(root, *key, without=name)
    head = read_head(root, *key)
    noted = max(head.last_seq if head else 0, sealed_seq(root, *key))
    durable = max(noted, _minimum_last_seq(root, name, known))
    gaps = list(find_seq_gaps(known, durable))
    manifest = _own_manifest(root, name)
    for gap in gaps:
        if manifest and gap.first_seq <= manifest.first_seq <= gap.last_seq:
            return attrs.evolve(gap, first_seq=manifest.first_seq, last_seq=manifest.last_seq)
    taken = {seqs.name for seqs in known}
    named = [x for x in gaps if loss_name(x, key, taken, head, head_written_at(root, *key)) == name]
    chosen = named or [x for x in gaps if name not in taken and _lies_between(x, name)]
    if len(chosen) != 1:
        raise Invalid(f"{name}: expected one gap in its stream there, found {len(chosen)}", _HINT)
    return chosen[0]


_HINT = "hindlog verify names the missing segments"


def _own_manifest(root: Path, name: SegmentName) -> Manifest | None:
    """Returns the manifest of a lost segment, if it exists and the chain confirms it."""
    path = manifest_path(root, name)
    return consistent_manifest(root, name, path.read_bytes()) if path.exists() else None


def _minimum_last_seq(root: Path, name: SegmentName, known: list[KnownSeqs]) -> int:
    """Returns a lower bound of the last seq of a lost last segment; 0 if no file of it exists."""
    if not (manifest_path(root, name).exists() or sealed_path(root, name).exists()):
        return 0
    expected = known[-1].last_seq + 1 if known else 1
    path = manifest_path(root, name)
    seqs = manifests.seqs_in(path.read_bytes()) if path.exists() else None
    return max(expected, seqs[1]) if seqs and seqs[0] == expected else expected


def _lies_between(gap: SeqGap, name: SegmentName) -> bool:
    return (gap.before is None or gap.before.name < name) and (
        gap.after is None or name < gap.after.name
    )


def _seal_before(root: Path, name: SegmentName, first: int) -> None:
    """Seals open segments before a gap, so that the record can refer to their manifest."""
    for seqs in known_seqs(root, name.source, name.writer):
        if seqs.is_open and seqs.first_seq < first and not finish_sealing(root, seqs.name):
            seal(root, seqs.name, _link_before(root, seqs.name, seqs.first_seq))


def _link_before(root: Path, name: SegmentName, first: int) -> str | None:
    """Returns the SHA-256 to which a manifest that begins with seq `first` refers."""
    for loss in read_losses(root, name.source, name.writer):
        if loss.last_seq == first - 1:
            return chain_digest(loss)
    for seqs in known_seqs(root, name.source, name.writer):
        if seqs.last_seq == first - 1 and not seqs.is_open:
            return _digest(root, seqs.name)
    return None


def _loss(root: Path, name: SegmentName, gap: SeqGap, now: str) -> Loss:
    own = _own_manifest(root, name)
    after = gap.after.name if gap.after and not gap.after.is_open else None
    link = _digest(root, name) if own else _named_by(root, after)
    previous = own.previous if own else _link_before(root, name, gap.first_seq)
    return Loss(LOSS_FORMAT, str(name), gap.first_seq, gap.last_seq, now, link, previous)


def _digest(root: Path, name: SegmentName) -> str:
    return manifests.digest(manifest_path(root, name).read_bytes())


def _named_by(root: Path, after: SegmentName | None) -> str | None:
    """Returns the SHA-256 of the lost manifest, as the next manifest or loss states it."""
    if after is None or not manifest_path(root, after).exists():
        return read_loss(root, after).previous if after else None
    return read_manifest(root, after).previous


def _announce(root: Path, loss: Loss, clock: Clock, segment_bytes: int) -> None:
    """Appends the anomaly that announces a loss, unless the stream contains it already."""
    name = loss.name
    members = {
        "reason": LOST,
        "segment": loss.segment,
        "first_seq": loss.first_seq,
        "last_seq": loss.last_seq,
        "sha256": manifests.digest(encode_loss(loss)),
    }
    stream = open_stream(
        root, name.source, name.writer, clock=clock, segment_bytes=segment_bytes, patient=True
    )
    try:
        if not _is_announced(root, loss, members["sha256"]):
            at = max(stream.last_observed, clock())
            draft = Draft(kind=ANOMALY, members=members)
            append(stream, [lambda _seq, _at: [draft]], observed_at=at)
    finally:
        close_stream(stream)


def _is_announced(root: Path, loss: Loss, sha256: object) -> bool:
    compiled = compile_select(
        Select(
            sources=frozenset({loss.name.source}),
            kinds=frozenset({ANOMALY}),
            since=parse_us(loss.accepted_at),
        )
    )
    return any(
        decode(record.line).sha256 == sha256
        for files in list_segments(root, loss.name.source, loss.name.writer)
        if wants_segment(compiled.select, files.name)
        for record in segment_records(root, files.name, compiled)
    )
