"""Splitter process: splits pages for a crawl in a separate process.

    crawl ── offset of a page ──────────────> splitter   over a socket, a few bytes per page
          <── length of the encoded parts ───            pages and parts in a shared file

The splitter uses neither network nor disk and imports only what splitting needs. It ends
when its end of the socket is closed, so it never outlives the crawl. It ignores signals;
the crawl handles them. If it cannot split a page, it returns an empty result.
"""

import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator

import msgspec

from fetcher.sources import SOURCES
from fetcher.split.parts_codec import encode_parts
from fetcher.split.response import Response, gc_paused, split_response, with_value_hashes

REQUEST_FORMAT = struct.Struct("<QQQ")
"""Offset in the shared file, length of the page header, length of the body after it."""
REPLY_FORMAT = struct.Struct("<QQ")
"""Offset of the page, and length of the encoded parts that replace it; 0: not split."""
READY = 2**64 - 1
"""Offset in the first reply; it means that the splitter accepts pages."""


class PageHeader(msgspec.Struct, array_like=True):
    """Request that a page answers."""

    endpoint: str
    params: dict[str, str]
    status: int


_HEADER_DECODER = msgspec.msgpack.Decoder(PageHeader)


def run_splitter() -> None:
    """Splits the pages of a crawl until it closes the socket.

    Arguments: file descriptors of the socket and of the shared file, name of the source.
    """
    ignore_signals()
    crawl = socket.socket(fileno=int(sys.argv[1]))
    shared_file, source = int(sys.argv[2]), sys.argv[3]
    try:
        crawl.sendall(REPLY_FORMAT.pack(READY, 0))
        for offset, header_size, body_size in receive_requests(crawl):
            header = read_at(shared_file, header_size, offset)
            body = read_at(shared_file, body_size, offset + header_size)
            encoded = split_and_encode(source, header, body)
            if encoded is not None:
                write_at(shared_file, offset, encoded)
            crawl.sendall(REPLY_FORMAT.pack(offset, len(encoded or b"")))
    except ConnectionError:
        return


def ignore_signals() -> None:
    """Ignores the signals that end the process which started this one, and then this one."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


def split_and_encode(source: str, encoded_header: bytes, body: bytes) -> bytes | None:
    """Returns the encoded parts of a page; None if the crawl has to split it itself."""
    header = _HEADER_DECODER.decode(encoded_header)
    response = Response(
        url="",
        endpoint=header.endpoint,
        params=header.params,
        status=header.status,
        body=body,
    )
    rules = SOURCES[source].endpoint(header.endpoint).rules(header.params)
    try:
        with gc_paused():
            return encode_parts(with_value_hashes(split_response(response, rules)))
    except Exception:  # the crawl gets the same error from the same function
        return None


def receive_requests(connection: socket.socket) -> Iterator[tuple[int, int, int]]:
    """Yields the requests until the other end of the connection is closed."""
    buffer = b""
    while received := connection.recv(4096):
        buffer += received
        complete = len(buffer) // REQUEST_FORMAT.size * REQUEST_FORMAT.size
        yield from REQUEST_FORMAT.iter_unpack(buffer[:complete])
        buffer = buffer[complete:]


def read_at(file: int, size: int, offset: int) -> bytes:
    """Reads `size` bytes at an offset; fewer only at the end of the file."""
    data = os.pread(file, size, offset)
    while len(data) < size and (more := os.pread(file, size - len(data), offset + len(data))):
        data += more
    return data


def write_at(file: int, offset: int, data: bytes) -> None:
    """Writes all bytes at an offset."""
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written
