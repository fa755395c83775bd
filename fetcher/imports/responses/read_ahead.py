"""Reads recorded responses ahead of their import, in a process of its own.

    recordings ── large documents ──> reader process ──> known responses, already split
        └──────── all others ──────────────────────────> read by the import itself

The order of the recordings stays. The reader is started after some megabytes of large documents,
so an import of small files never has one. If it dies, or cannot read a document, the import reads
it by the same functions. It ends with the import, however that ends.
"""

import os
import select
import socket
import subprocess
from collections import deque
from collections.abc import Generator, Iterable

import attrs

from fetcher.imports.recordings import RecordedResponse
from fetcher.imports.responses.known_responses import KnownResponse
from fetcher.imports.responses.reader_process import decode_response
from fetcher.source import Source
from fetcher.sources import SOURCES
from fetcher.split.pool import default_pool_policy
from fetcher.split.process import create_shared_file, start_process
from fetcher.split.worker import REPLY_FORMAT, REQUEST_FORMAT, read_at, write_at

_MAIN = "from fetcher.imports.responses.reader_process import run_reader; run_reader()"
_SLOT_BYTES = 64 * 1024 * 1024
"""Distance of two documents in the shared file: larger than any, and than its parts."""


@attrs.frozen
class ReadAheadPolicy:
    """Which documents are read in another process, and when it is started."""

    is_enabled: bool = True
    min_total_bytes: int = 4 * 1024 * 1024
    """Bytes of large documents that are read in this process first."""
    min_body_bytes: int = 64 * 1024
    """Smaller documents are read faster than they are handed over."""
    max_body_bytes: int = 8 * 1024 * 1024
    max_waiting: int = 3
    """Documents that may be read ahead."""
    timeout_s: float = 120.0
    """A normal document takes milliseconds, the worst one some seconds."""


@attrs.define
class _Reader:
    process: subprocess.Popen[bytes]
    connection: socket.socket
    shared_file: int
    """File descriptor."""
    is_ready: bool = False
    sent_count: int = 0


@attrs.define
class _ReadAhead:
    source: Source
    policy: ReadAheadPolicy
    reader: _Reader | None = None
    large_bytes: int = 0
    """Bytes of the large documents so far."""
    waiting: deque[tuple[RecordedResponse, bool]] = attrs.field(factory=deque)
    """Recordings that are not imported yet, and whether the reader has them."""


READ_AHEAD = ReadAheadPolicy()


def choose_read_ahead(
    source: Source, policy: ReadAheadPolicy, *, is_named: bool
) -> ReadAheadPolicy:
    """Disables reading ahead where it cannot help: on one core, for a source that is not
    registered, and where the user has named the requests (`is_named`)."""
    registered = SOURCES.get(source.name)
    is_known = registered is not None and registered.endpoints == source.endpoints
    is_possible = is_known and not is_named and default_pool_policy().max_processes > 0
    return attrs.evolve(policy, is_enabled=policy.is_enabled and is_possible)


def read_ahead(
    source: Source, recordings: Iterable[RecordedResponse], policy: ReadAheadPolicy
) -> Generator[tuple[RecordedResponse, KnownResponse | None], None, None]:
    """Yields every recording, with its response if the reader has read it. Close it.

    Raises what `recordings` raises, after the recordings before it.
    """
    state = _ReadAhead(source, policy)
    unread = iter(recordings)
    failure: Exception | None = None
    try:
        while failure is None:
            try:
                recorded = next(unread)
            except StopIteration:
                break
            except Exception as error:
                failure = error
                break
            state.waiting.append((recorded, _send(state, recorded)))
            while state.waiting and len(state.waiting) > _most_waiting(state):
                yield _receive(state)
        while state.waiting:
            yield _receive(state)
        if failure is not None:
            raise failure
    finally:
        _end_reader(state)


def _most_waiting(state: _ReadAhead) -> int:
    return state.policy.max_waiting if state.waiting[0][1] else 0


def _send(state: _ReadAhead, recorded: RecordedResponse) -> bool:
    """Gives a large document to the reader. Returns False if there is none that can take it."""
    policy, size = state.policy, len(recorded.body)
    is_large = policy.min_body_bytes <= size <= policy.max_body_bytes
    is_document = recorded.endpoint is None and recorded.first_line is None
    if not policy.is_enabled or not is_large or not is_document:
        return False
    state.large_bytes += size
    if state.reader is None and state.large_bytes > policy.min_total_bytes:
        _start_reader(state)
    reader = state.reader
    if reader is None or not _is_ready(state, reader):
        return False
    offset = reader.sent_count % (policy.max_waiting + 1) * _SLOT_BYTES
    try:
        write_at(reader.shared_file, offset, recorded.body)
        reader.connection.sendall(REQUEST_FORMAT.pack(offset, 0, size))
    except OSError:
        _give_up(state)
        return False
    reader.sent_count += 1
    return True


def _is_ready(state: _ReadAhead, reader: _Reader) -> bool:
    if not reader.is_ready and _has_answered(reader):
        reader.is_ready = _receive_reply(state, reader) is not None
    return reader.is_ready


def _has_answered(reader: _Reader, wait_ms: int = 0) -> bool:
    """Whether a reply can be read, or the reader has ended, within this time."""
    poll = select.poll()  # `select.select` refuses descriptors above 1,023
    poll.register(reader.connection, select.POLLIN)
    return bool(poll.poll(wait_ms))


def _receive(state: _ReadAhead) -> tuple[RecordedResponse, KnownResponse | None]:
    """Removes the first of the waiting recordings; waits until the reader has read it."""
    recorded, is_sent = state.waiting.popleft()
    reply = _receive_reply(state, state.reader) if is_sent and state.reader else None
    if reply is None or state.reader is None or not reply[1]:
        return recorded, None
    encoded = read_at(state.reader.shared_file, reply[1], reply[0])
    known = decode_response(state.source, encoded, recorded.body)
    if known.parts is not None:
        recorded = attrs.evolve(recorded, known_sha256=known.parts.sha256)
    return recorded, known


def _receive_reply(state: _ReadAhead, reader: _Reader) -> tuple[int, int] | None:
    """Returns the next reply; None if the reader has ended or does not answer."""
    data = b""
    try:
        while len(data) < REPLY_FORMAT.size:
            received = reader.connection.recv(REPLY_FORMAT.size - len(data))
            if not received:
                raise ConnectionError
            data += received
    except OSError:
        _give_up(state)
        return None
    offset, size = REPLY_FORMAT.unpack(data)
    return offset, size


def _start_reader(state: _ReadAhead) -> None:
    shared_file = create_shared_file()
    own_end, reader_end = socket.socketpair()
    try:
        with reader_end:
            process = start_process(_MAIN, state.source.name, reader_end.fileno(), shared_file)
    except OSError:
        own_end.close()
        os.close(shared_file)
        _give_up(state)
        return
    own_end.settimeout(state.policy.timeout_s)
    state.reader = _Reader(process, own_end, shared_file)


def _give_up(state: _ReadAhead) -> None:
    """Ends the reader, so that this process reads everything itself from now on."""
    _end_reader(state)
    state.policy = attrs.evolve(state.policy, is_enabled=False)


def _end_reader(state: _ReadAhead) -> None:
    reader, state.reader = state.reader, None
    if reader is not None:
        reader.connection.close()
        reader.process.kill()
        reader.process.wait()
        os.close(reader.shared_file)
