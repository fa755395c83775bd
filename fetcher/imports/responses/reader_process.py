"""Reader process: recognises and splits recorded responses for an import, in order.

    import ── offset of a document ──> reader     as in `fetcher/split/worker.py`
           <── length of the result ──

It ends when its end of the socket is closed, so it never outlives the import. An empty
result means that the import has to read the document itself.
"""

import socket
import sys

import attrs
import msgspec

from eventlog.body.split_again import NOT_PARSED
from eventlog.body.value_hash import parsed_value_hash
from eventlog.format.manifest import digest
from fetcher.imports.responses.bare_json import BareResponse, wrap_document
from fetcher.imports.responses.bare_responses import RecordingContent
from fetcher.imports.responses.known_responses import (
    KnownResponse,
    recognise_responses,
    split_known,
)
from fetcher.source import Params, Source
from fetcher.sources import SOURCES
from fetcher.split.last_pages import LastPages
from fetcher.split.parts_codec import decode_parts, encode_parts
from fetcher.split.response import SplitResponse
from fetcher.split.worker import (
    READY,
    REPLY_FORMAT,
    ignore_signals,
    read_at,
    receive_requests,
    write_at,
)


class _EncodedResponse(msgspec.Struct, array_like=True):
    endpoint: str
    params: Params
    parts: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_EncodedResponse)


def run_reader() -> None:
    """Reads documents until the import closes the socket.

    Arguments: file descriptors of the socket and of the shared file, name of the source.
    """
    ignore_signals()
    connection, shared_file = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    source, last = SOURCES[sys.argv[3]], LastPages()
    try:
        connection.sendall(REPLY_FORMAT.pack(READY, 0))
        for offset, _, size in receive_requests(connection):
            encoded = read_and_encode(source, read_at(shared_file, size, offset), last) or b""
            write_at(shared_file, offset, encoded)
            connection.sendall(REPLY_FORMAT.pack(offset, len(encoded)))
    except ConnectionError:
        return


def read_and_encode(source: Source, body: bytes, last: LastPages) -> bytes | None:
    """Returns the encoded content of a document; None if the import has to read it itself."""
    try:
        content = RecordingContent([wrap_document(source, body, None)])
        known, _ = recognise_responses(source, content, last)
        if len(known) != 1 or known[0].bare.body is not body:
            return None
        response = known[0].response(source)
        result = split_known(known[0], response, last, digest(body))
        encoded = None if isinstance(result, str) else encode_parts(_hashed(result.parts))
    except Exception:  # the import gets the same error from the same functions
        return None
    if encoded is None:
        return None
    return _ENCODER.encode(_EncodedResponse(known[0].endpoint.path, known[0].params, encoded))


def _hashed(parts: SplitResponse) -> SplitResponse:
    """Replaces the values by the value hashes of those that were parsed."""
    if parts.values is None:
        return parts
    hashes = [None if value is NOT_PARSED else parsed_value_hash(value) for value in parts.values]
    return attrs.evolve(parts, values=None, hashes=tuple(hashes))


def decode_response(source: Source, encoded: bytes, body: bytes) -> KnownResponse:
    """Inverse of `read_and_encode`, given the same document."""
    decoded = _DECODER.decode(encoded)
    endpoint = source.endpoint(decoded.endpoint)
    parts = decode_parts(decoded.parts, body, endpoint.rules(decoded.params))
    return KnownResponse(endpoint, decoded.params, BareResponse(None, body), parts=parts)
