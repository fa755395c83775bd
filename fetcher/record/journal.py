"""Journal: one stream with its index of stored bodies; group commit for many producers.

Batches that arrive during a write are written together by the next one, with one fsync.
`append_batch` returns when its batch is durable. An import appends to a group of segments
instead, and everything of the group becomes durable together (`eventlog/write/group.py`).
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import attrs

from eventlog.clock import Clock, now_us
from eventlog.files.assets import put_asset
from eventlog.files.disk import REAL, Disk, check_free_space
from eventlog.format.event import Draft, EntityBatch
from eventlog.write.group import (
    GroupLimits,
    SegmentGroup,
    append_to_group,
    close_group,
    commit_group,
    is_group_full,
    open_group,
)
from eventlog.write.writer import (
    SEGMENT_BYTES,
    Appended,
    BuildBatch,
    ComposedBatch,
    Stream,
    close_stream,
    compose,
    open_stream,
    write_composed,
)
from fetcher.record.page_events import PageEvents, PutAsset, build_page_events
from fetcher.split.response import PageContext, Response, SplitResponse, body_keys
from fetcher.state.stored_bodies import (
    StoredBodies,
    accept_pending,
    add_pending,
    close_stored_bodies,
    commit_pending,
    discard_pending,
    find_stored,
    flush,
    load_stored,
    open_stored_bodies,
)


@attrs.define
class Journal:
    """A stream that is open for writing, and its index. Close it with `close_journal`."""

    stream: Stream
    stored_bodies: StoredBodies
    lock: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    """Locked during a write."""
    waiting: list[tuple[BuildBatch, asyncio.Future[None]]] = attrs.field(factory=list)
    """Batches for the next write."""
    group: SegmentGroup | None = None
    """Group that `append_batches` adds to, in an import; None: it appends durably."""
    listeners: list[Callable[[Appended], None]] = attrs.field(factory=list)
    """Called in the event loop with every durable batch of `append_batch`."""

    @property
    def put(self) -> PutAsset:
        """Function that stores bytes which are too large for a line."""
        return partial(put_asset, self.stream.root, disk=self.stream.disk)


def open_journal(
    root: Path,
    source: str,
    writer: str,
    *,
    clock: Clock = now_us,
    segment_bytes: int = SEGMENT_BYTES,
    patient: bool = False,
    groups: GroupLimits | None = None,
    disk: Disk = REAL,
) -> Journal:
    """Opens a stream and catches its index up. `groups`: for an import, see `append_batches`.

    Raises as `open_stream` does, and `LocalResource` if the disk is nearly full.
    """
    stream = open_stream(
        root,
        source,
        writer,
        clock=clock,
        disk=disk,
        segment_bytes=segment_bytes,
        patient=patient,
    )
    try:
        check_free_space(disk, root)  # before the index, which may be large
        journal = Journal(stream, open_stored_bodies(root, source, writer))
        journal.group = open_group(stream, groups) if groups else None
        return journal
    except BaseException:
        close_stream(stream)
        raise


def close_journal(journal: Journal, *, seal_open: bool = False) -> None:
    """Commits the group of an import, writes the index and closes the stream.

    `seal_open`: seals the open segment first.
    """
    try:
        if journal.group is not None:
            close_group(journal.group)
    finally:
        try:
            close_stored_bodies(journal.stored_bodies, write=not journal.stream.broken)
        finally:
            close_stream(journal.stream, seal_open=seal_open)


def append_batches(
    journal: Journal, builds: Sequence[BuildBatch], observed_at: int | None = None
) -> list[Appended]:
    """Appends batches and adds their bodies to the index.

    They are durable on return; in an import after the group is committed, which happens here
    when it is full, and in `close_journal`.
    """
    if journal.group is not None:
        return _append_to_group(journal, journal.group, builds, observed_at)
    composed = _compose(journal, builds, observed_at)
    try:
        appended = write_composed(journal.stream, composed)
    except BaseException:
        discard_pending(journal.stored_bodies)
        raise
    commit_pending(journal.stored_bodies, appended[-1].last.seq, appended[-1].sha256)
    return appended


def _append_to_group(
    journal: Journal,
    group: SegmentGroup,
    builds: Sequence[BuildBatch],
    observed_at: int | None,
) -> list[Appended]:
    at = journal.stream.clock() if observed_at is None else observed_at
    if is_group_full(group, at):
        commit_group(group)
        flush(journal.stored_bodies)
    try:
        appended = append_to_group(group, builds, at)
    except BaseException:
        discard_pending(journal.stored_bodies)
        raise
    accept_pending(journal.stored_bodies, appended[-1].last.seq, appended[-1].sha256)
    return appended


def _compose(
    journal: Journal, builds: Sequence[BuildBatch], observed_at: int | None = None
) -> ComposedBatch:
    try:
        return compose(journal.stream, builds, observed_at)
    except BaseException:
        discard_pending(journal.stored_bodies)
        raise


async def append_batch(journal: Journal, build: BuildBatch) -> None:
    """Appends one batch, durable on return, in one write with other waiting batches."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    journal.waiting.append((build, done))
    async with journal.lock:
        while not done.done():  # until then the batch is among those that wait
            group, journal.waiting = journal.waiting, []
            await _write(journal, group)
    await done


async def _write(
    journal: Journal, group: Sequence[tuple[BuildBatch, asyncio.Future[None]]]
) -> None:
    """Writes a group of batches and resolves their futures.

    An error of one build affects its own batch only: if a group cannot be built, its first
    batch is written alone and the others wait again. Batches are built in this thread and
    written in another one.
    """
    try:
        composed = _compose(journal, [build for build, _ in group])
    except Exception as error:
        if len(group) == 1:
            _resolve(group, error)
        else:
            journal.waiting[:0] = group[1:]
            await _write(journal, group[:1])
        return
    await _commit(journal, composed, group)


async def _commit(
    journal: Journal,
    composed: ComposedBatch,
    group: Sequence[tuple[BuildBatch, asyncio.Future[None]]],
) -> None:
    """Makes composed batches durable. If the caller is cancelled, it still waits for the write."""
    work = asyncio.get_running_loop().run_in_executor(
        None, write_composed, journal.stream, composed
    )
    try:
        await asyncio.wait([work])
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
    finally:
        error = work.exception()
        try:
            _update_index(journal, work.result() if error is None else [])
        except Exception as problem:
            error = problem
        _resolve(group, error)


def _resolve(
    group: Sequence[tuple[BuildBatch, asyncio.Future[None]]], error: BaseException | None
) -> None:
    """Resolves the futures of a group: with the error, if there is one."""
    for _, done in group:
        if not done.done():
            done.set_exception(error) if error else done.set_result(None)


def _update_index(journal: Journal, appended: Sequence[Appended]) -> None:
    """Commits the pending bodies of durable batches and calls the listeners; discards the
    pending bodies if nothing was written."""
    if not appended:
        discard_pending(journal.stored_bodies)
        return
    commit_pending(journal.stored_bodies, appended[-1].last.seq, appended[-1].sha256)
    for batch in appended:
        for listener in journal.listeners:
            listener(batch)


def page_batch(
    journal: Journal,
    response: Response,
    place: PageContext,
    parts: SplitResponse,
    then: Callable[[PageEvents], None],
) -> BuildBatch:
    """Returns the builder of a batch with one response; `then` is called with its events."""

    def build(first_seq: int, observed_at: int) -> Sequence[Draft | EntityBatch]:
        stored_bodies = journal.stored_bodies
        load_stored(stored_bodies, body_keys(parts))
        page_events = build_page_events(
            response,
            place,
            parts,
            first_seq=first_seq,
            observed_at=observed_at,
            known=partial(find_stored, stored_bodies),
            put=journal.put,
        )
        for key, stored in page_events.new_bodies.items():
            add_pending(stored_bodies, key, stored)
        then(page_events)
        return page_events.events

    return build


def batch_of(*drafts: Draft) -> BuildBatch:
    """Returns the builder of a batch of events that do not depend on their position."""
    return lambda first_seq, observed_at: drafts
