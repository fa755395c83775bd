"""Splitting elsewhere: pages of a walk are taken apart by processes of their own.

    page ──> fewest waiting splitter ──> parts
                  │ lost, hung, or hands it back
                  └──> taken apart here, by the same function

They are started when a walk has shown that taking pages apart is what it waits for: a
short walk, and one that waits for upstream, never has any. They end with the walk.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import attrs
import msgspec

from eventlog.body.split_rules import Rule
from fetcher.source import Source
from fetcher.sources import SOURCES
from fetcher.split.parts_codec import unpack
from fetcher.split.response import Parts, Response, take_apart
from fetcher.split.worker import ANSWER, HERE, TASK, Question, put, read

SLOTS = 16
"""Pages that may be with one splitter."""
_APART = 64 * 1024 * 1024
"""How far their places in memory are from each other: more than a page or parcel takes."""
_KEEPS = {
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
    "MALLOC_TOP_PAD_": str(16 * 1024 * 1024),
    "MALLOC_MMAP_THRESHOLD_": str(64 * 1024 * 1024),
}
"""For glibc: what a page took is kept for the next, not given back and asked for again."""
_MAIN = "from fetcher.split.worker import main; main()"


@attrs.frozen
class Terms:
    """When pages of a walk are taken apart elsewhere."""

    most: int
    """Processes of a walk; 0: everything is taken apart here."""
    pays_bytes: int = 1024 * 1024
    pays_share: float = 0.2
    """A walk gets them when it took so much apart, and that took this part of its time."""
    smallest_bytes: int = 64 * 1024
    """Smaller pages are quicker done than told about."""
    largest_bytes: int = 8 * 1024 * 1024
    hung_s: float = 120.0
    """A page takes milliseconds, the worst some seconds."""


class Lost(Exception):
    """A splitter is no more."""


@attrs.define(eq=False)
class Splitter:
    """A process that takes pages apart."""

    process: subprocess.Popen[bytes]
    line: socket.socket
    memory: int
    free: list[int] = attrs.field(factory=list)
    """Where it can be given a page; nowhere until it says that it is there."""
    waiting: dict[int, asyncio.Future[bytes | None]] = attrs.field(factory=dict)
    held: bytes = b""
    """The beginning of an answer."""


@attrs.define
class Splitting:
    """The splitters of one walk. End it with `close_splitting`."""

    source: Source
    terms: Terms
    began_s: float
    """By the clock of the event loop."""
    busy_s: float = 0.0
    """Spent here on taking apart, before there were any."""
    done_bytes: int = 0
    splitters: list[Splitter] = attrs.field(factory=list)
    lost: int = 0
    """Processes that could not be started, died or hung; then no more are started."""


def terms_here() -> Terms:
    """What suits this machine: a core stays with the crawl itself."""
    return Terms(_processes_here())


def _processes_here() -> int:
    if sys.executable is None or getattr(sys, "frozen", False):
        return 0  # nothing here starts a Python
    allowed = getattr(os, "sched_getaffinity", None)
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    return min(cores - 1, 2)


def open_splitting(source: Source, terms: Terms) -> Splitting:
    """Splitters for one walk, none of them started. Only of a source that they know too."""
    known = SOURCES.get(source.name)
    is_known = known is not None and known.endpoints == source.endpoints
    terms = terms if is_known else attrs.evolve(terms, most=0)
    return Splitting(source, terms, asyncio.get_running_loop().time())


def take_here(splitting: Splitting, response: Response, rules: Sequence[Rule]) -> Parts:
    """Take a response apart in this process; start splitters where that pays."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    parts = take_apart(response, rules)
    now_s = loop.time()
    splitting.busy_s += now_s - began_s
    splitting.done_bytes += len(response.body)
    terms = splitting.terms
    is_much = splitting.done_bytes >= terms.pays_bytes
    if is_much and splitting.busy_s >= terms.pays_share * (now_s - splitting.began_s):
        start(splitting)
    return parts


def start(splitting: Splitting) -> None:
    """Start the splitters, unless they are there, or one was lost."""
    while len(splitting.splitters) < splitting.terms.most and not splitting.lost:
        try:
            splitting.splitters.append(_started(splitting.source.name))
        except OSError:
            splitting.lost += 1


def _started(source: str) -> Splitter:
    memory = _memory()
    try:
        here, there = socket.socketpair()
        with there:
            process = _run(source, there.fileno(), memory)
    except BaseException:
        os.close(memory)
        raise
    here.setblocking(False)
    splitter = Splitter(process, here, memory)
    asyncio.get_running_loop().add_reader(here, _hear, splitter)
    return splitter


def _memory() -> int:
    """A file without a name, in memory where the system has such."""
    in_memory: Callable[[str], int] | None = getattr(os, "memfd_create", None)
    if in_memory is not None:
        return in_memory("hindlog-pages")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _run(source: str, line: int, memory: int) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join((root, *(each or str(Path.cwd()) for each in sys.path)))
    return subprocess.Popen(
        # -S: what `site` would add is in the path already, and costs a third of the start.
        [sys.executable, "-S", "-P", "-c", _MAIN, str(line), str(memory), source],
        pass_fds=(line, memory),
        env={**os.environ, **_KEEPS, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,  # what a terminal sends is for the crawl
    )


def _hear(splitter: Splitter) -> None:
    """Take the answers that have come."""
    try:
        got = splitter.line.recv(4096)
    except BlockingIOError:
        return
    except OSError:
        got = b""
    if not got:
        _let_go(splitter)
        return
    held = splitter.held + got
    whole = len(held) // ANSWER.size * ANSWER.size
    splitter.held = held[whole:]
    for at, size in ANSWER.iter_unpack(held[:whole]):
        if at == HERE:
            splitter.free += [slot * _APART for slot in range(SLOTS)]
            continue
        parcel = read(splitter.memory, size, at) if size else None
        splitter.free.append(at)
        done = splitter.waiting.pop(at)
        if not done.done():
            done.set_result(parcel)


def _let_go(splitter: Splitter) -> None:
    """Kill it, and say so to whoever waits for it. Harmless when repeated."""
    if splitter.line.fileno() < 0:
        return
    asyncio.get_running_loop().remove_reader(splitter.line)
    splitter.line.close()
    splitter.process.kill()
    splitter.process.wait()
    os.close(splitter.memory)
    splitter.free.clear()
    for done in splitter.waiting.values():
        if not done.done():
            done.set_exception(Lost())
    splitter.waiting.clear()


def can_hand_on(splitting: Splitting, response: Response) -> bool:
    """Whether a splitter can have this response."""
    terms = splitting.terms
    is_fit = terms.smallest_bytes <= len(response.body) <= terms.largest_bytes
    return is_fit and any(each.free for each in splitting.splitters)


def hand_on(
    splitting: Splitting, response: Response, rules: Sequence[Rule]
) -> Coroutine[Any, Any, Parts] | None:
    """Give a response to the splitter with the fewest; None where it turns out to be gone.

    What is given back must be awaited. Raises there as `take_apart` does.
    """
    splitter = max(splitting.splitters, key=lambda each: len(each.free))
    try:
        done = _send(splitter, response)
    except OSError:  # it is gone, or there is no room for a page
        _lose(splitting, splitter)
        return None
    return _taken(splitting, splitter, done, response, rules)


def _send(splitter: Splitter, response: Response) -> asyncio.Future[bytes | None]:
    told = Question(response.endpoint, dict(response.params), response.status)
    question = msgspec.msgpack.encode(told)
    at = splitter.free.pop()
    done: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
    splitter.waiting[at] = done
    put(splitter.memory, at, question)
    put(splitter.memory, at + len(question), response.body)
    splitter.line.send(TASK.pack(at, len(question), len(response.body)))
    return done


async def _taken(
    splitting: Splitting,
    splitter: Splitter,
    done: asyncio.Future[bytes | None],
    response: Response,
    rules: Sequence[Rule],
) -> Parts:
    try:
        async with asyncio.timeout(splitting.terms.hung_s):
            # not wait_for: in Python 3.11 it forgets that it was cancelled where this is done
            parcel = await done
    except (Lost, TimeoutError):
        _lose(splitting, splitter)
        parcel = None
    if parcel is None:
        return take_apart(response, rules)
    return unpack(parcel, response.body, rules)


def _lose(splitting: Splitting, splitter: Splitter) -> None:
    _let_go(splitter)
    if splitter in splitting.splitters:
        splitting.splitters.remove(splitter)
        splitting.lost += 1


def close_splitting(splitting: Splitting) -> None:
    """End the splitters; nothing is waited for."""
    splitting.lost += sum(each.line.fileno() < 0 for each in splitting.splitters)
    for splitter in splitting.splitters:
        with contextlib.suppress(OSError):
            _let_go(splitter)
    splitting.splitters.clear()
