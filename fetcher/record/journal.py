"""The journal: one stream with its index, written by many.

Batches that wait while one is being written go together in the next write: one fsync
for all of them. Whoever awaits `append_batch` gets back when its batch is durable.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import attrs

from eventlog.clock import Clock, now_us
from eventlog.files.assets import put_asset
from eventlog.files.disk import REAL, check_free_space
from eventlog.format.event import Draft, EntityBatch
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
    add_pending,
    close_stored_bodies,
    commit_pending,
    discard_pending,
    find_stored,
    load_stored,
    open_stored_bodies,
)


@attrs.define
class Journal:
    """Close it with `close_journal`."""

    stream: Stream
    stored_bodies: StoredBodies
    lock: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    waiting: list[tuple[BuildBatch, asyncio.Future[None]]] = attrs.field(factory=list)
    listeners: list[Callable[[Appended], None]] = attrs.field(factory=list)
    """Told of every batch of `append_batch` that is durable, in the event loop."""

    @property
    def put(self) -> PutAsset:
        """Keeps bytes that are too large for a line."""
        return partial(put_asset, self.stream.root, disk=self.stream.disk)


def open_journal(
    root: Path,
    source: str,
    writer: str,
    *,
    clock: Clock = now_us,
    segment_bytes: int = SEGMENT_BYTES,
    patient: bool = False,
) -> Journal:
    """Take a stream and bring its index up to date.

    Raises as `open_stream` does, and `LocalResource` where the disk is nearly full.
    """
    stream = open_stream(
        root, source, writer, clock=clock, segment_bytes=segment_bytes, patient=patient
    )
    try:
        check_free_space(REAL, root)  # before the index, which may be large
        return Journal(stream, open_stored_bodies(root, source, writer))
    except BaseException:
        close_stream(stream)
        raise


def close_journal(journal: Journal, *, seal_open: bool = False) -> None:
    """Keep the index and let go of the stream."""
    try:
        close_stored_bodies(journal.stored_bodies)
    finally:
        close_stream(journal.stream, seal_open=seal_open)


def append_batches(
    journal: Journal, builds: Sequence[BuildBatch], observed_at: int | None = None
) -> list[Appended]:
    """Append batches, durable when this returns, and remember what they hold."""
    composed = _compose(journal, builds, observed_at)
    try:
        done = write_composed(journal.stream, composed)
    except BaseException:
        discard_pending(journal.stored_bodies)
        raise
    commit_pending(journal.stored_bodies, done[-1].last.seq, done[-1].sha256)
    return done


def _compose(
    journal: Journal, builds: Sequence[BuildBatch], observed_at: int | None = None
) -> ComposedBatch:
    try:
        return compose(journal.stream, builds, observed_at)
    except BaseException:
        discard_pending(journal.stored_bodies)
        raise


async def append_batch(journal: Journal, build: BuildBatch) -> None:
    """Append one batch, together with those of others that wait."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    journal.waiting.append((build, done))
    async with journal.lock:
        batch, journal.waiting = journal.waiting, []
        if batch:
            await _write(journal, batch)
    await done


async def _write(
    journal: Journal, group: Sequence[tuple[BuildBatch, asyncio.Future[None]]]
) -> None:
    """Write a group of batches and resolve their futures.

    An error of one build concerns its own batch only: where a group cannot be built, its first
    batch is written alone, and the rest waits for the next caller of `record`, which is one of
    those that await it. Batches are built in this thread and written in another one.
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
    """Make composed batches durable. A cancelled caller leaves only after the write."""
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
            _learn(journal, work.result() if error is None else [])
        except Exception as problem:
            error = problem
        _resolve(group, error)


def _resolve(
    group: Sequence[tuple[BuildBatch, asyncio.Future[None]]], error: BaseException | None
) -> None:
    """Tell whoever awaits a batch how it ended."""
    for _, done in group:
        if not done.done():
            done.set_exception(error) if error else done.set_result(None)


def _learn(journal: Journal, written: Sequence[Appended]) -> None:
    """Remember what is durable now; forget what is not."""
    if not written:
        discard_pending(journal.stored_bodies)
        return
    commit_pending(journal.stored_bodies, written[-1].last.seq, written[-1].sha256)
    for each in written:
        for hear in journal.listeners:
            hear(each)


def page_batch(
    journal: Journal,
    response: Response,
    place: PageContext,
    parts: SplitResponse,
    then: Callable[[PageEvents], None],
) -> BuildBatch:
    """A batch that holds one response; `then` gets what came of it."""

    def build(first_seq: int, observed_at: int) -> Sequence[Draft | EntityBatch]:
        known = journal.stored_bodies
        load_stored(known, body_keys(parts))
        observed = build_page_events(
            response,
            place,
            parts,
            first_seq=first_seq,
            observed_at=observed_at,
            known=partial(find_stored, known),
            put=journal.put,
        )
        for key, what in observed.new_bodies.items():
            add_pending(known, key, what)
        then(observed)
        return observed.events

    return build


def batch_of(*drafts: Draft) -> BuildBatch:
    """A batch of events that need no position."""
    return lambda first_seq, observed_at: drafts
