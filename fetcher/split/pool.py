"""Pool of splitter processes for one pagination.

    page ──> the least busy splitter ──> parts
                  │ died, timed out, or could not split it
                  └──> split in this process, by the same function

The processes are started only after the pagination has shown that splitting takes a
relevant share of its time; short ones, and those that wait for upstream, never have any.
They end with the pagination.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

import attrs
import msgspec

from eventlog.body.split_rules import Rule
from fetcher.source import Source
from fetcher.sources import SOURCES
from fetcher.split.parts_codec import decode_parts
from fetcher.split.process import create_shared_file, start_process
from fetcher.split.response import Response, SplitResponse, split_response
from fetcher.split.worker import (
    READY,
    REPLY_FORMAT,
    REQUEST_FORMAT,
    PageHeader,
    read_at,
    write_at,
)

SLOTS = 16
"""Pages that one splitter can have at the same time."""
_SLOT_BYTES = 64 * 1024 * 1024
"""Distance of two slots in the shared file: larger than any page and its parts."""
_MAIN = "from fetcher.split.worker import run_splitter; run_splitter()"


@attrs.frozen
class PoolPolicy:
    """When pages of a pagination are split in separate processes."""

    max_processes: int
    """Processes per pagination; 0: everything is split in this process."""
    min_split_bytes: int = 1024 * 1024
    """Bytes that must have been split in this process before splitters are started."""
    min_split_share: float = 0.2
    """Share of the pagination's time that splitting must have taken."""
    min_page_bytes: int = 64 * 1024
    """Smaller pages are split faster than they are handed over."""
    max_page_bytes: int = 8 * 1024 * 1024
    timeout_s: float = 120.0
    """A normal page takes milliseconds, the worst one some seconds."""


class SplitterDied(Exception):
    """The splitter that had a page has ended."""


@attrs.define(eq=False)
class SplitterProcess:
    """One splitter process."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    shared_file: int
    """File descriptor."""
    free_slots: list[int] = attrs.field(factory=list)
    """Offsets of free slots; empty until the splitter reports that it is ready."""
    pending: dict[int, asyncio.Future[bytes | None]] = attrs.field(factory=dict)
    """Results that are expected, by the offset of their slot."""
    partial_reply: bytes = b""
    """Beginning of a reply that has not arrived completely."""


@attrs.define
class SplitterPool:
    """The splitters of one pagination. Close it with `close_pool`."""

    source: Source
    policy: PoolPolicy
    began_s: float
    """Start of the pagination, by the clock of the event loop."""
    busy_s: float = 0.0
    """Time spent on splitting in this process."""
    done_bytes: int = 0
    """Bytes split in this process."""
    splitters: list[SplitterProcess] = attrs.field(factory=list)
    lost: int = 0
    """Processes that could not be started, died or timed out; if any, no more are started."""


def default_pool_policy() -> PoolPolicy:
    """Returns the policy for this machine: at most two processes, one core left free."""
    return PoolPolicy(_max_processes())


def _max_processes() -> int:
    if sys.executable is None or getattr(sys, "frozen", False):
        return 0  # there is no Python interpreter to start
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(cores - 1, 2)


def open_pool(source: Source, policy: PoolPolicy) -> SplitterPool:
    """Returns a pool without processes. A source that is not in `SOURCES` never gets any."""
    registered = SOURCES.get(source.name)
    is_known = registered is not None and registered.endpoints == source.endpoints
    policy = policy if is_known else attrs.evolve(policy, max_processes=0)
    return SplitterPool(source, policy, asyncio.get_running_loop().time())


def split_here(pool: SplitterPool, response: Response, rules: Sequence[Rule]) -> SplitResponse:
    """Splits a response in this process; starts splitters if that is worthwhile by now."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    parts = split_response(response, rules)
    now_s = loop.time()
    pool.busy_s += now_s - began_s
    pool.done_bytes += len(response.body)
    policy = pool.policy
    is_large = pool.done_bytes >= policy.min_split_bytes
    if is_large and pool.busy_s >= policy.min_split_share * (now_s - pool.began_s):
        start_splitters(pool)
    return parts


def start_splitters(pool: SplitterPool) -> None:
    """Starts the missing splitters, unless one was lost. Idempotent."""
    while len(pool.splitters) < pool.policy.max_processes and not pool.lost:
        try:
            pool.splitters.append(_start_splitter(pool.source.name))
        except OSError:
            pool.lost += 1


def _start_splitter(source: str) -> SplitterProcess:
    shared_file = create_shared_file()
    try:
        own_end, splitter_end = socket.socketpair()
        with splitter_end:
            process = start_process(_MAIN, source, splitter_end.fileno(), shared_file)
    except BaseException:
        os.close(shared_file)
        raise
    own_end.setblocking(False)
    splitter = SplitterProcess(process, own_end, shared_file)
    asyncio.get_running_loop().add_reader(own_end, _receive_replies, splitter)
    return splitter


def _receive_replies(splitter: SplitterProcess) -> None:
    """Reads the replies that have arrived and completes the futures that wait for them."""
    try:
        received = splitter.connection.recv(4096)
    except BlockingIOError:
        return
    except OSError:
        received = b""
    if not received:
        _kill(splitter)
        return
    buffer = splitter.partial_reply + received
    complete = len(buffer) // REPLY_FORMAT.size * REPLY_FORMAT.size
    splitter.partial_reply = buffer[complete:]
    for offset, size in REPLY_FORMAT.iter_unpack(buffer[:complete]):
        if offset == READY:
            splitter.free_slots += [slot * _SLOT_BYTES for slot in range(SLOTS)]
            continue
        encoded = read_at(splitter.shared_file, size, offset) if size else None
        splitter.free_slots.append(offset)
        future = splitter.pending.pop(offset)
        if not future.done():
            future.set_result(encoded)


def _kill(splitter: SplitterProcess) -> None:
    """Kills the process; everyone who waits for it gets `SplitterDied`. Idempotent."""
    if splitter.connection.fileno() < 0:
        return
    asyncio.get_running_loop().remove_reader(splitter.connection)
    splitter.connection.close()
    splitter.process.kill()
    splitter.process.wait()
    os.close(splitter.shared_file)
    splitter.free_slots.clear()
    for future in splitter.pending.values():
        if not future.done():
            future.set_exception(SplitterDied())
    splitter.pending.clear()


def can_offload(pool: SplitterPool, response: Response) -> bool:
    """Whether a splitter has a free slot and the response has a suitable size."""
    policy = pool.policy
    is_suitable = policy.min_page_bytes <= len(response.body) <= policy.max_page_bytes
    return is_suitable and any(splitter.free_slots for splitter in pool.splitters)


def offload(
    pool: SplitterPool, response: Response, rules: Sequence[Rule]
) -> Coroutine[Any, Any, SplitResponse] | None:
    """Hands a response to the splitter with the most free slots; None if it has died.

    The returned coroutine must be awaited; it raises as `split_response` does.
    """
    splitter = max(pool.splitters, key=lambda candidate: len(candidate.free_slots))
    try:
        future = _send(splitter, response)
    except OSError:  # the process has died, or there is no memory for the page
        _discard(pool, splitter)
        return None
    return _await_parts(pool, splitter, future, response, rules)


def _send(splitter: SplitterProcess, response: Response) -> asyncio.Future[bytes | None]:
    header = PageHeader(response.endpoint, dict(response.params), response.status)
    encoded_header = msgspec.msgpack.encode(header)
    offset = splitter.free_slots.pop()
    future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
    splitter.pending[offset] = future
    write_at(splitter.shared_file, offset, encoded_header)
    write_at(splitter.shared_file, offset + len(encoded_header), response.body)
    splitter.connection.send(REQUEST_FORMAT.pack(offset, len(encoded_header), len(response.body)))
    return future


async def _await_parts(
    pool: SplitterPool,
    splitter: SplitterProcess,
    future: asyncio.Future[bytes | None],
    response: Response,
    rules: Sequence[Rule],
) -> SplitResponse:
    try:
        async with asyncio.timeout(pool.policy.timeout_s):
            # not wait_for: in Python 3.11 it swallows a cancellation if the future is done
            encoded = await future
    except (SplitterDied, TimeoutError):
        _discard(pool, splitter)
        encoded = None
    if encoded is None:
        return split_response(response, rules)
    return decode_parts(encoded, response.body, rules)


def _discard(pool: SplitterPool, splitter: SplitterProcess) -> None:
    _kill(splitter)
    if splitter in pool.splitters:
        pool.splitters.remove(splitter)
        pool.lost += 1


def close_pool(pool: SplitterPool) -> None:
    """Kills the splitters without waiting for their results."""
    pool.lost += sum(splitter.connection.fileno() < 0 for splitter in pool.splitters)
    for splitter in pool.splitters:
        with contextlib.suppress(OSError):
            _kill(splitter)
    pool.splitters.clear()
