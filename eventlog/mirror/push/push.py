"""Pushes a folder to its bucket.

    for up to 256 segments: check ──> journal ──> assets, segments, manifests ──> record
                            the next ones meanwhile
                                                                    roll-ups, when due

The process may be killed at any step, and `state/` may be deleted: the next push continues, and
sends nothing again that was committed. What was put and not committed is found there.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
import msgspec

from eventlog.clock import Clock, format_us, now_us
from eventlog.files.disk import REAL, Disk, full_disk_named
from eventlog.mirror.bucket.chain import StreamHead
from eventlog.mirror.bucket.record import RECORD_VERSION, CommitRecord
from eventlog.mirror.history.other_folders import last_foreign_records
from eventlog.mirror.history.read_log import ReadRecord
from eventlog.mirror.history.update_ledger import require_ours, update_ledger
from eventlog.mirror.local.identity import claim_bucket, read_archive_id
from eventlog.mirror.local.journal import load_pending, lock_mirror, remove_pending, save_pending
from eventlog.mirror.local.ledger import Ledger, load_ledger, save_ledger, with_forked
from eventlog.mirror.local.pusher import Pusher
from eventlog.mirror.plan.push_plan import (
    StoppedStream,
    Unpushed,
    forked_stream,
    forked_streams,
)
from eventlog.mirror.plan.unpushed import find_unpushed, last_sealed_links
from eventlog.mirror.push.batch import (
    conflict_of,
    due_links,
    in_pending_order,
    name_other_folder,
    without_conflicts,
)
from eventlog.mirror.push.commit import adopt_records, check_last_record, put_record, put_rollups
from eventlog.mirror.push.prefetch import BatchReader
from eventlog.mirror.push.prepare import PreparedLink
from eventlog.mirror.push.upload import Sending, upload_links
from eventlog.progress import ReportProgress, no_progress
from eventlog.read.cursor import StreamKey
from eventlog.stores.store import Store


@attrs.frozen
class PushResult:
    """What a push did, and what it could not do."""

    segments: int
    """Links that were committed."""
    objects: int
    size: int
    """Bytes of the objects that were not in the bucket before."""
    stopped: tuple[StoppedStream, ...]
    """Streams of which something is not pushed."""

    @property
    def has_conflict(self) -> bool:
        """Whether the bucket has other bytes than this folder."""
        return any(stream.is_conflict for stream in self.stopped)


Due = tuple[Unpushed, ...]
"""Links that are to be pushed next, in order."""


@attrs.frozen
class _Run:
    """One push."""

    root: Path
    store: Store
    pusher: Pusher
    transfers: int
    clock: Clock
    disk: Disk
    report: ReportProgress


@attrs.define
class _Progress:
    """What a push did so far."""

    ledger: Ledger
    ask_first: bool
    """Whether the next objects may be in the bucket already, from an interrupted push."""
    segments: int = 0
    objects: int = 0
    size: int = 0
    stopped: dict[StreamKey, StoppedStream] = attrs.field(factory=dict)


async def push(
    root: Path,
    store: Store,
    pusher: Pusher,
    *,
    join: bool = False,
    transfers: int = 4,
    report: ReportProgress = no_progress,
    clock: Clock = now_us,
    disk: Disk = REAL,
) -> PushResult:
    """Pushes everything that was sealed. Nothing to do: one request, for the last record.

    Raises `Locked` if another process pushes from here, or another folder as the same pusher;
    `Invalid` if the bucket belongs to another archive; `Corrupt` if records were changed; and
    what the store raises.
    """
    run = _Run(root, store, pusher, transfers, clock, disk, report)
    with full_disk_named(root), lock_mirror(root):
        progress = await _begin(run, join)
        plan = find_unpushed(root, progress.ledger.heads)
        if plan.links:
            await check_last_record(store, progress.ledger)
            if any(link.name.writer not in pusher.writers for link in plan.links):
                progress.ledger = await _update_ledger(run, progress.ledger)
                plan = find_unpushed(root, progress.ledger.heads)
        stopped = (*plan.stopped, *forked_streams(progress.ledger.forked))
        progress.stopped.update({stream.key: stream for stream in stopped})
        await _push_links(run, progress, plan.links)
        progress.ledger = await put_rollups(root, store, progress.ledger)
        _finish(run, progress)
        stopped = await _name_other_folders(run, progress)
    return PushResult(progress.segments, progress.objects, progress.size, stopped)


async def _begin(run: _Run, join: bool) -> _Progress:
    """Returns the ledger, with the records that an earlier process of ours put last."""
    ledger = load_ledger(run.root)
    archive = read_archive_id(run.root)
    known = (run.store.address, archive, run.pusher.id)
    if ledger and (ledger.address, ledger.archive, ledger.pusher) == known:
        # without a finished push, an earlier one may have been interrupted before `state/` was lost
        ask_first = load_pending(run.root) is not None or ledger.pushed_at is None
        if ledger.own.next and not ask_first and not find_unpushed(run.root, ledger.heads).links:
            # one request: whether what was pushed is still there, not whether our number is free
            await check_last_record(run.store, ledger)
        else:
            ledger = await adopt_records(run.root, run.pusher.host, run.store, ledger)
        return _Progress(ledger, ask_first)
    created = format_us(run.clock())
    claim = await claim_bucket(run.root, run.store, created, join=join)
    ledger = await _update_ledger(run, Ledger(run.store.address, claim.archive, run.pusher.id))
    return _Progress(ledger, ask_first=not claim.is_new)


async def _update_ledger(run: _Run, ledger: Ledger) -> Ledger:
    """Returns the ledger with the records of all pushers.

    Ours must name files of this folder. Streams that continue others differently are forked.
    """
    last = last_sealed_links(run.root)
    forked: dict[StreamKey, str] = {}

    def visit(read: ReadRecord) -> None:
        if read.record.pusher == run.pusher.id:
            require_ours(run.root, run.pusher.host, read)
            return
        for facts in read.facts:
            stream = forked_stream(last.get(facts.key), facts)
            if stream is not None:
                forked[stream.key] = stream.reason

    ledger = await update_ledger(run.store, ledger, visit)
    known = {stream.key: stream.reason for stream in forked_streams(ledger.forked)}
    ledger = with_forked(ledger, known | forked)
    save_ledger(run.root, ledger)
    return ledger


def _finish(run: _Run, progress: _Progress) -> None:
    remove_pending(run.root)
    if not progress.stopped:
        now = format_us(run.clock())
        progress.ledger = msgspec.structs.replace(progress.ledger, pushed_at=now)
    save_ledger(run.root, progress.ledger)


async def _name_other_folders(run: _Run, progress: _Progress) -> tuple[StoppedStream, ...]:
    """Returns the streams that were left out, in order; conflicts name the other folder."""
    conflicts = {key for key, stream in progress.stopped.items() if stream.is_conflict}
    archive = progress.ledger.archive
    records = await last_foreign_records(run.store, archive, run.pusher, conflicts)
    return tuple(
        name_other_folder(progress.stopped[key], records.get(key))
        for key in sorted(progress.stopped)
    )


async def _push_links(run: _Run, progress: _Progress, links: Sequence[Unpushed]) -> None:
    """Pushes these links, and commits them with as few records as they fit into."""
    reader, start = BatchReader(run.root), 0
    try:
        while True:
            start, due = _due(links, start, progress, progress.ledger.heads)
            if not due:
                return

            def following(heads: Mapping[StreamKey, StreamHead], at: int = start) -> Due:
                return _due(links, at, progress, heads)[1]

            await _push_batch(run, progress, due, reader, following)
            run.report("segments pushed", progress.segments, len(links))
    finally:
        reader.cancel()


def _due(
    links: Sequence[Unpushed],
    start: int,
    progress: _Progress,
    heads: Mapping[StreamKey, StreamHead],
) -> tuple[int, Due]:
    """Returns the next links that are beyond these heads, and not of a stopped stream."""

    def is_due(link: Unpushed) -> bool:
        head = heads.get(link.key)
        return link.key not in progress.stopped and (head is None or link.last_seq > head.last_seq)

    return due_links(links, start, is_due)


async def _push_batch(
    run: _Run,
    progress: _Progress,
    links: Due,
    reader: BatchReader,
    following: Callable[[Mapping[StreamKey, StreamHead]], Due],
) -> None:
    """Commits the first of these links with one record, or stops their streams.

    `following`: the links of the batch after it, from the heads that it will have.
    """
    ledger = progress.ledger
    pending = load_pending(run.root)
    batch = await reader.read(in_pending_order(links, pending, ledger), ledger.heads)
    progress.stopped.update({stream.key: stream for stream in batch.stopped})
    if not batch.links:
        return
    record = _record_of(run, ledger, batch.links, pending)
    save_pending(run.root, record, run.disk)
    heads = ledger.heads | {link.facts.key: link.facts.head for link in batch.links}
    reader.prefetch(following(heads), heads)
    sending = Sending(run.store, run.transfers, progress.ask_first)
    sent = await upload_links(run.root, sending, batch.links)
    progress.objects += sent.objects
    progress.size += sent.size
    progress.ask_first = False
    committed = batch.links
    if sent.conflicts:
        committed = without_conflicts(batch.links, sent.conflicts)
        progress.stopped.update({s.key: s for s in map(conflict_of, sent.conflicts)})
        record = _record_of(run, ledger, committed, None)
        save_pending(run.root, record, run.disk)
    if committed:
        host = run.pusher.host
        progress.ledger = await put_record(run.root, host, run.store, ledger, record)
        progress.segments += len(committed)


def _record_of(
    run: _Run, ledger: Ledger, links: Sequence[PreparedLink], pending: CommitRecord | None
) -> CommitRecord:
    """Returns the next record; the pending one if it has the same content."""
    record = CommitRecord(
        v=RECORD_VERSION,
        archive=ledger.archive,
        pusher=run.pusher.id,
        number=ledger.own.next,
        previous=ledger.own.sha256,
        at=format_us(run.clock()),
        host=run.pusher.host,
        links=tuple(prepared.link for prepared in links),
        assets=tuple(sorted({asset for prepared in links for asset in prepared.assets})),
    )
    if pending and msgspec.structs.replace(record, at=pending.at, host=pending.host) == pending:
        return pending
    return record
