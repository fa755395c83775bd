"""Pushes in a thread while another command runs, such as `fetch run`, which knows nothing of it.

The thread has its own event loop: a slow disk or a busy push does not delay the requests of a
crawl. No failure of the mirror reaches the command.
"""

import asyncio
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial

import attrs

from cli.mirror.bucket import Retries, bucket_address, format_size
from cli.mirror.push.pushing import PushJob, opened_push
from cli.mirror.push.watching import ALL, Backlog, Failures, Watch, keep_pushing
from cli.output.counts import count_of
from cli.process.signals import record_signals

RETRY_S = 10.0
"""How long one request is retried before the whole push is: short, since the end waits for it."""
LAST_PUSH_S = 60.0
"""Longest duration of the push at the end."""
STOP_S = 5.0
"""How long an interrupted push may take to end; what it reads from disk cannot be interrupted."""


def watch_of(job: PushJob, say: Callable[[str], None], survived: Failures) -> Watch:
    """Returns how the archive of a job is pushed again and again."""
    retries = Retries(RETRY_S, lambda _error, _wait_s: None)
    return Watch(
        opening=lambda: opened_push(job, retries),
        backlog=lambda: asyncio.to_thread(_backlog, job),
        say=say,
        survived=survived,
    )


def _backlog(job: PushJob) -> Backlog:
    from eventlog.mirror.plan.lag import mirror_lag

    lag = mirror_lag(job.root, bucket_address(job.mirror))
    return lag.segments, lag.size


@attrs.frozen
class _Loop:
    """The event loop of the thread, and what ends it."""

    loop: asyncio.AbstractEventLoop
    task: "asyncio.Task[object] | None"
    finishing: asyncio.Event

    def call(self, action: Callable[[], object]) -> None:
        """Calls a function in the loop, unless it has ended. Signal handlers may use it."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(action)


@contextmanager
def pushing_beside(job: PushJob, say: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Pushes while the block runs, and once more after it, which takes at most a minute.

    Yields a function that interrupts the push for good: a signal handler calls it. `say` takes
    lines for the user, also in the thread. An error of the block interrupts the push, too.
    """
    running: Future[_Loop] = Future()
    thread = threading.Thread(target=_run, args=(job, say, running), name="mirror", daemon=True)
    thread.start()
    loop = running.result()
    task = loop.task
    assert task is not None
    interrupt = partial(loop.call, task.cancel)
    try:
        yield interrupt
        loop.call(loop.finishing.set)
        record_signals(interrupt)
        thread.join(LAST_PUSH_S)
    finally:
        interrupt()
        thread.join(STOP_S)
    _report_left(job, say)


def _run(job: PushJob, say: Callable[[str], None], running: "Future[_Loop]") -> None:
    """Runs in the thread."""

    async def push() -> None:
        finishing = asyncio.Event()
        running.set_result(_Loop(asyncio.get_running_loop(), asyncio.current_task(), finishing))
        await keep_pushing(watch_of(job, say, ALL), finishing)

    try:
        with suppress(asyncio.CancelledError):
            asyncio.run(push())
    except Exception as error:
        trace = "".join(traceback.format_exception(error)).rstrip()
        say(f"{trace}\nmirror: not pushed from now on: this is a bug in hindlog")


def _report_left(job: PushJob, say: Callable[[str], None]) -> None:
    with suppress(*ALL):
        segments, size = _backlog(job)
        if segments:
            left = f"{count_of(segments, 'segment')}, {format_size(size)}, not in the mirror yet"
            say(f"mirror: {left}; the next fetch run continues, or hindlog sync push")
