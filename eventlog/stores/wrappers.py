"""Functions from store to store: retries, a bandwidth limit, a count of requests; and a thread.

    store = retrying(counted(limited(store, pace_of(…)), count), policy, chance)

The count is inside the retries: each attempt is a request. Chance, clock and sleep are
arguments.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager
from typing import Any, TypeVar

import attrs

from eventlog.errors import Unavailable
from eventlog.stores.store import ByteRange, Conflict, Download, Store, StoredObject, Upload
from eventlog.stores.transfer import PART_BYTES, part_ranges

T = TypeVar("T")

LIST_PAGE = 1000
"""Number of objects that one request lists."""


@attrs.frozen
class RetryLimits:
    """How long a call is retried, and how long the waits between its attempts are."""

    give_up_after_s: float | None = 600.0
    """No attempt begins later than this after the first one; None: retry for ever."""
    base_s: float = 0.5
    """Upper bound of the first wait; doubled with every attempt."""
    max_wait_s: float = 30.0


def _ignore_retry(_error: Unavailable, _wait_s: float) -> None:
    """Default of `report`."""


@attrs.frozen
class _Retries:
    limits: RetryLimits
    chance: Callable[[], float]
    report: Callable[[Unavailable, float], None]
    sleep: Callable[[float], Awaitable[object]]
    clock: Callable[[], float]

    async def wait(self, error: Unavailable, attempt: int, began_s: float) -> None:
        """Waits before attempt number `attempt + 1`, or raises the error with their number."""
        limits = self.limits
        ceiling = min(limits.max_wait_s, limits.base_s * 2.0 ** min(attempt - 1, 32))
        wait_s = self.chance() * ceiling
        elapsed_s = self.clock() - began_s
        if limits.give_up_after_s is not None and elapsed_s + wait_s > limits.give_up_after_s:
            raise Unavailable(
                f"{error.what}; {attempt} attempts in {elapsed_s:.0f} s", error.hint
            ) from error
        self.report(error, wait_s)
        await self.sleep(wait_s)


def retrying(
    store: Store,
    limits: RetryLimits,
    chance: Callable[[], float],
    report: Callable[[Unavailable, float], None] = _ignore_retry,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Store:
    """Returns a store that retries what is `Unavailable`: exponential backoff with full jitter.

    `chance` returns a number in [0, 1). `report` is called before each wait, with the error and
    the seconds. A download continues behind what has arrived, a listing behind its last name.
    """
    retries = _Retries(limits, chance, report, sleep, clock)

    async def list_after(prefix: str, after: str) -> AsyncGenerator[StoredObject, None]:
        attempt, began_s = 0, clock()
        while True:
            try:
                async with aclosing(store.list_after(prefix, after)) as entries:
                    async for entry in entries:
                        yield entry
                        after, attempt, began_s = entry.name, 0, clock()
                return
            except Unavailable as error:
                attempt += 1
                await retries.wait(error, attempt, began_s)

    return attrs.evolve(
        store,
        get=_retried(store.get, retries),
        get_to_file=_retried(store.get_to_file, retries),
        put_new=_retried(store.put_new, retries),
        put_replacing=_retried(store.put_replacing, retries),
        head=_retried(store.head, retries),
        list_after=list_after,
        folders=_retried(store.folders, retries),
        delete=_retried(store.delete, retries),
    )


def _retried(call: Callable[..., Awaitable[T]], retries: _Retries) -> Callable[..., Awaitable[T]]:
    async def retried(*arguments: Any) -> T:
        attempt, began_s = 0, retries.clock()
        while True:
            try:
                return await call(*arguments)
            except Unavailable as error:
                attempt += 1
                await retries.wait(error, attempt, began_s)

    return retried


Pace = Callable[[int], float]
"""Reserves the line for a number of bytes. Returns the seconds to wait before they may pass."""


def pace_of(bytes_per_s: float, clock: Callable[[], float] = time.monotonic) -> Pace:
    """Returns a pace that all transfers share, in both directions, from any thread."""
    lock = threading.Lock()
    free_at_s = clock()

    def reserve(size: int) -> float:
        nonlocal free_at_s
        with lock:
            now_s = clock()
            begin_s = max(now_s, free_at_s)
            free_at_s = begin_s + size / bytes_per_s
            return begin_s - now_s

    return reserve


def limited(
    store: Store,
    pace: Pace,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    sleep_in_thread: Callable[[float], object] = time.sleep,
) -> Store:
    """Returns a store whose objects are sent and received at a bounded rate.

    Names, listings, headers and replaced manifests do not count. The waits are between pieces of
    an object, so TCP slows the other side down.
    """

    async def get(name: str, part: ByteRange | None) -> bytes:
        data = await store.get(name, part)
        await sleep(pace(len(data)))
        return data

    async def get_to_file(name: str, wanted: Download) -> None:
        async def received(size: int) -> None:
            await sleep(pace(size))
            await wanted.received(size)

        await store.get_to_file(name, attrs.evolve(wanted, received=received))

    async def put_new(name: str, upload: Upload) -> bool:
        def sent(size: int) -> None:
            sleep_in_thread(pace(size))
            upload.sent(size)

        return await store.put_new(name, attrs.evolve(upload, sent=sent))

    return attrs.evolve(store, get=get, get_to_file=get_to_file, put_new=put_new)


CLASS_A, CLASS_B, FREE = "class A", "class B", "free"
"""How R2 bills a request: writes and listings, reads, deletes."""


def counted(store: Store, count: Counter[str]) -> Store:
    """Returns a store that adds to `count` the requests that a bucket would bill, by class.

    Exact as long as nothing fails: parts that an interrupted upload repeats do not count.
    """

    return attrs.evolve(
        store,
        get=_counted_call(store.get, count, CLASS_B),
        get_to_file=_counted_call(store.get_to_file, count, CLASS_B),
        put_new=_counted_put(store, count),
        put_replacing=_counted_call(store.put_replacing, count, CLASS_A),
        head=_counted_call(store.head, count, CLASS_B),
        list_after=_counted_listing(store, count),
        folders=_counted_call(store.folders, count, CLASS_A),
        delete=_counted_call(store.delete, count, FREE),
    )


def _counted_call(
    call: Callable[..., Awaitable[T]], count: Counter[str], billed: str
) -> Callable[..., Awaitable[T]]:
    async def counted_call(*arguments: Any) -> T:
        count[billed] += 1
        return await call(*arguments)

    return counted_call


def _counted_put(store: Store, count: Counter[str]) -> Callable[[str, Upload], Awaitable[bool]]:
    async def put_new(name: str, upload: Upload) -> bool:
        in_parts = upload.size > PART_BYTES
        count[CLASS_B if in_parts else CLASS_A] += 1  # before parts are sent: is it there?
        try:
            is_new = await store.put_new(name, upload)
        except Conflict:
            count[CLASS_B] += not in_parts  # what has the name?
            raise
        if in_parts:
            count[CLASS_A] += (len(part_ranges(upload.size)) + 2) * is_new
        else:
            count[CLASS_B] += not is_new
        return is_new

    return put_new


def _counted_listing(
    store: Store, count: Counter[str]
) -> Callable[[str, str], AsyncGenerator[StoredObject, None]]:
    async def list_after(prefix: str, after: str) -> AsyncGenerator[StoredObject, None]:
        count[CLASS_A] += 1
        number = 0
        async with aclosing(store.list_after(prefix, after)) as entries:
            async for entry in entries:
                count[CLASS_A] += number > 0 and number % LIST_PAGE == 0
                number += 1
                yield entry

    return list_after


@attrs.frozen
class BlockingStore:
    """A store for plain functions. Its requests run in a thread with an event loop."""

    store: Store
    run: Callable[[Awaitable[Any]], Any]
    """Awaits a call in that thread and returns its result: `run(store.get(name, None))`."""


@contextmanager
def in_thread(opening: AbstractAsyncContextManager[Store]) -> Iterator[BlockingStore]:
    """Opens a store in a thread of its own, and closes it at the end.

    An interrupt, such as Ctrl-C, cancels the call that `run` waits for.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="store", daemon=True)
    thread.start()

    def run(call: Awaitable[T]) -> T:
        future = asyncio.run_coroutine_threadsafe(_result_of(call), loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    try:
        store = run(opening.__aenter__())
        try:
            yield BlockingStore(store, run)
        finally:
            run(opening.__aexit__(None, None, None))
        run(loop.shutdown_asyncgens())
        run(loop.shutdown_default_executor())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _result_of(call: Awaitable[T]) -> T:
    return await call
