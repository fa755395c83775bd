"""Group commit: many producers, one write and one fsync.

    threads, tasks ──submit──> queue ──> one thread builds ──> one writes ──> futures

While one group is being written and synced the next one gathers and is built: the busier
the producers, the larger the groups. Batches are built and numbered in the order in which
they were submitted, all in one thread. A group is written only when the one before is
durable; if that fails, it is dropped, and nothing comes after it. When nothing comes, the
thread that builds keeps the hours (heartbeat, rolling, sealing).
"""

import asyncio
import contextlib
import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import attrs

from eventlog.errors import Invalid
from eventlog.write.append import (
    Appended,
    Build,
    Composed,
    compose_behind,
    compose_each,
    keep_hours,
)
from eventlog.write.append import commit as commit_composed
from eventlog.write.stream import Stream

GROUP = 512
"""So many batches at most share one fsync; twice as many are in memory."""
IDLE_S = 5.0
"""How often a writer that has nothing to say looks at the hour."""

_Job = tuple[Build, "Future[Appended]"]


@attrs.define
class Committer:
    """The one thread that appends to a stream. Stop it with `stop_commits`."""

    stream: Stream
    jobs: "queue.SimpleQueue[_Job | None]"
    thread: threading.Thread
    failed: list[Exception]
    """What ended it: with that every later batch is refused."""


def start_commits(stream: Stream, *, idle_s: float = IDLE_S) -> Committer:
    """Hand a stream to a thread of its own; from now on nobody else may append to it."""
    jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
    failed: list[Exception] = []
    thread = threading.Thread(
        target=_run, args=(stream, jobs, failed, idle_s), name=f"commit-{stream.source}"
    )
    thread.start()
    return Committer(stream, jobs, thread, failed)


def submit(committer: Committer, build: Build) -> "Future[Appended]":
    """Queue a batch. The future is done when it is durable, or holds what went wrong.

    An error of the build itself concerns this batch alone. After an error of the disk
    or the clock nothing is appended any more.
    """
    if not committer.thread.is_alive():
        raise Invalid(f"{committer.stream.source}: the writer has stopped")
    future: Future[Appended] = Future()
    committer.jobs.put((build, future))
    return future


async def commit(committer: Committer, build: Build) -> Appended:
    """As `submit`, for tasks: returns when the batch is durable."""
    return await asyncio.wrap_future(submit(committer, build))


def stop_commits(committer: Committer) -> None:
    """Append what is queued, then end the thread. The stream is the caller's again.

    Raises what ended it earlier.
    """
    committer.jobs.put(None)
    committer.thread.join()
    if committer.failed:
        raise committer.failed[0]


def _run(
    stream: Stream,
    jobs: "queue.SimpleQueue[_Job | None]",
    failed: list[Exception],
    idle_s: float,
) -> None:
    written: Future[None] | None = None
    composed: Composed | None = None
    going = True
    with ThreadPoolExecutor(1, thread_name_prefix=f"write-{stream.source}") as writer:
        while going:
            group = _gather(jobs, idle_s)
            going = None not in group
            batches = [job for job in group if job is not None and _claimed(job)]
            try:
                if batches:
                    composed = _compose(stream, batches, composed, written, failed)
                    work = partial(_write, stream, batches, composed, failed)
                    written = None if jobs.empty() else writer.submit(work)
                    if written is None:  # with nobody waiting there is nothing to build meanwhile
                        work()
                elif going:
                    _settle(written, failed)
                    keep_hours(stream)
            except Exception as error:
                _refuse(batches, failed, error)
    for job in _rest(jobs):
        if job is not None and _claimed(job):
            job[1].set_exception(Invalid(f"{stream.source}: the writer has stopped"))


def _compose(
    stream: Stream,
    batches: list[_Job],
    behind: Composed | None,
    written: "Future[None] | None",
    failed: list[Exception],
) -> Composed:
    """The next group, built while `behind` is being written, and only if that was."""
    builds = [build for build, _ in batches]
    composed = None
    if behind and written and not written.done() and not failed:
        with stream.turn:
            composed = compose_behind(stream, builds, behind)
    _settle(written, failed)
    if composed is None:  # nothing was under way, or this begins a segment
        with stream.turn:
            composed = compose_each(stream, builds)
    return composed


def _settle(written: "Future[None] | None", failed: list[Exception]) -> None:
    """Wait until nothing is being written. Raises what ended it."""
    if written is not None:
        written.result()
    if failed:
        raise failed[0]


def _write(
    stream: Stream, batches: list[_Job], composed: Composed, failed: list[Exception]
) -> None:
    """Make a group durable, then say so to whom it concerns."""
    try:
        commit_composed(stream, composed)
    except Exception as error:
        _refuse(batches, failed, error)
        return
    for (_, future), result in zip(batches, composed.done, strict=True):
        if isinstance(result, Appended):
            future.set_result(result)
        else:
            future.set_exception(result)


def _refuse(batches: list[_Job], failed: list[Exception], error: Exception) -> None:
    """This ends it: nothing of the group counts, nor of any behind it."""
    failed.append(error)
    for _, future in batches:
        future.set_exception(failed[0])


def _gather(jobs: "queue.SimpleQueue[_Job | None]", idle_s: float) -> list[_Job | None]:
    """What is queued now; waits for the first. Nothing, when nothing came."""
    group: list[_Job | None] = []
    with contextlib.suppress(queue.Empty):
        group.append(jobs.get(timeout=idle_s))
        while len(group) < GROUP and group[-1] is not None:
            group.append(jobs.get_nowait())
    return group


def _rest(jobs: "queue.SimpleQueue[_Job | None]") -> list[_Job | None]:
    rest: list[_Job | None] = []
    with contextlib.suppress(queue.Empty):
        while True:
            rest.append(jobs.get_nowait())
    return rest


def _claimed(job: _Job) -> bool:
    """False where the producer has given up waiting: then nothing is appended for it."""
    return job[1].set_running_or_notify_cancel()
