"""A splitter: a process of its own that takes pages apart for a crawl.

    main ── where a page lies ──> splitter        over a socket, a few bytes a page
         <── where its parcel lies ──             page and parcel in a file in memory

It knows no network and no disk, imports what splitting needs and nothing else, and ends
when its end of the socket does: so none outlives the crawl, however that ended. Signals
are the crawl's own business. What it cannot take apart it hands back untouched.
"""

import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator

import msgspec

from fetcher.sources import SOURCES
from fetcher.split.parts_codec import pack
from fetcher.split.response import Response, take_apart, uncollected, with_hashes

TASK = struct.Struct("<QQQ")
"""Where a page lies, how long the question before it is, and how long its body."""
ANSWER = struct.Struct("<QQ")
"""Where the page lay, and how long the parcel is that lies there now; 0: handed back."""
HERE = 2**64 - 1
"""The place in the first answer, which says that pages can come."""


class Question(msgspec.Struct, array_like=True):
    """What a page answers."""

    endpoint: str
    params: dict[str, str]
    status: int


_QUESTION = msgspec.msgpack.Decoder(Question)


def main() -> None:
    """Serve until the crawl closes the socket. Arguments: socket, memory, source."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(each, signal.SIG_IGN)
    line, memory, source = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), sys.argv[3]
    try:
        line.sendall(ANSWER.pack(HERE, 0))
        for at, asked, size in _tasks(line):
            parcel = parcel_of(source, read(memory, asked, at), read(memory, size, at + asked))
            if parcel is not None:
                put(memory, at, parcel)
            line.sendall(ANSWER.pack(at, len(parcel or b"")))
    except ConnectionError:
        return


def parcel_of(source: str, asked: bytes, body: bytes) -> bytes | None:
    """The parts of a page, packed; None where the crawl has to see for itself."""
    question = _QUESTION.decode(asked)
    response = Response(
        url="",
        endpoint=question.endpoint,
        params=question.params,
        status=question.status,
        body=body,
    )
    rules = SOURCES[source].endpoint(question.endpoint).rules(question.params)
    try:
        with uncollected():
            return pack(with_hashes(take_apart(response, rules)))
    except Exception:  # what it was, the crawl finds out by the same function
        return None


def _tasks(line: socket.socket) -> Iterator[tuple[int, int, int]]:
    held = b""
    while got := line.recv(4096):
        held += got
        whole = len(held) // TASK.size * TASK.size
        yield from TASK.iter_unpack(held[:whole])
        held = held[whole:]


def read(memory: int, size: int, at: int) -> bytes:
    """So many bytes from there; fewer only where the file ends."""
    data = os.pread(memory, size, at)
    while len(data) < size and (more := os.pread(memory, size - len(data), at + len(data))):
        data += more
    return data


def put(memory: int, at: int, data: bytes) -> None:
    """Put all of these bytes there."""
    view = memoryview(data)
    while view:
        done = os.pwrite(memory, view, at)
        view, at = view[done:], at + done
