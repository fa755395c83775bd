"""Group commit: many producers, one write and one fsync.

    threads, tasks ──submit──> queue ──> one thread: append_each ──> futures

While one group is being synced the next one gathers: the busier the producers, the
larger the groups. Batches are built and numbered in the order in which they were
submitted, all in the one thread. When nothing comes, the same thread keeps the hours
(heartbeat, rolling, sealing).
"""

import asyncio
import contextlib
import queue
import threading
from concurrent.futures import Future

import attrs

from eventlog.appending import Appended, Build, append_each, keep_hours
from eventlog.errors import Invalid
from eventlog.stream import Stream

GROUP = 1024
"""So many batches at most share one fsync."""
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
    going = True
    while going:
        group = _gather(jobs, idle_s)
        going = None not in group
        batches = [job for job in group if job is not None and _claimed(job)]
        try:
            if failed:
                raise failed[0]
            if batches:
                _commit(stream, batches)
            elif going:
                keep_hours(stream)
        except Exception as error:
            failed[1:] = []
            failed[:] = failed or [error]
            for _, future in batches:
                future.set_exception(error)
    for job in _rest(jobs):
        if job is not None and _claimed(job):
            job[1].set_exception(Invalid(f"{stream.source}: the writer has stopped"))


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


def _commit(stream: Stream, batches: list[_Job]) -> None:
    done = append_each(stream, [build for build, _ in batches])
    for (_, future), result in zip(batches, done, strict=True):
        if isinstance(result, Appended):
            future.set_result(result)
        else:
            future.set_exception(result)
