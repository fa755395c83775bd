"""Keeps the bodies of responses whose header, length or framing aiohttp refuses.

aiohttp raises an error without the bytes that it could not parse: a response with a bad header
line, or with more bytes than its `Content-Length`. The connector of this module attaches the bytes
that arrived last to that error. The header itself is dropped: it may contain cookies.
"""

import asyncio
import re
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

_CONTENT_ENCODING = re.compile(rb"(?im)^content-encoding:[ \t]*([^\r\n]*)")


class _KeepingHandler(ResponseHandler):
    """Protocol of a connection; attaches the received bytes to an error of the parser."""

    received = b""
    """The bytes that are being parsed."""

    def data_received(self, data: bytes) -> None:
        self.received = data
        super().data_received(data)
        self.received = b""

    def set_exception(self, exc: BaseException, *cause: Any) -> None:
        if isinstance(exc, HttpProcessingError):
            exc.unparsed = self.received  # type: ignore[attr-defined]
            if self._payload is not None and not self._payload.is_eof():
                # aiohttp lets the reader of the body wait until its timeout
                self._payload.set_exception(aiohttp.ClientPayloadError("the body is malformed"))
        super().set_exception(exc, *cause)


def keeping_connector() -> aiohttp.TCPConnector:
    """Returns a connector whose errors `unparsed_body` understands. Needs a running loop."""
    connector = aiohttp.TCPConnector()
    handler = partial(_KeepingHandler, loop=asyncio.get_running_loop())
    connector._factory = handler  # type: ignore[assignment]
    return connector


def unparsed_body(error: BaseException) -> tuple[bytes, str]:
    """Returns the body of a response that could not be parsed, as far as it had arrived, and
    its `Content-Encoding`; both are empty for any other error."""
    unparsed: bytes = getattr(error.__cause__, "unparsed", b"")
    head, _, body = unparsed.partition(b"\r\n\r\n")
    encoding = _CONTENT_ENCODING.search(head)
    return body, encoding[1].decode("ascii", "replace") if encoding else ""
