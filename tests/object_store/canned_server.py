"""A server that records requests byte by byte and answers what a test wants. Speaks TLS, too."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs


@attrs.frozen
class RecordedRequest:
    """A request as it was on the wire."""

    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def signed_headers(self) -> list[str]:
        """The headers that the signature covers."""
        authorization = self.headers["authorization"]
        return authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")


@attrs.frozen
class CannedResponse:
    """What the server answers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = attrs.field(factory=dict)


def s3_error(status: int, code: str, message: str = "", extra: str = "") -> CannedResponse:
    """Returns an error as S3 servers write it."""
    text = f"<Error><Code>{code}</Code><Message>{message}</Message>{extra}</Error>"
    return CannedResponse(status, b'<?xml version="1.0" encoding="UTF-8"?>' + text.encode())


@attrs.frozen
class CannedServer:
    """A running server, and what it received."""

    url: str
    requests: list[RecordedRequest]


@asynccontextmanager
async def canned_server(
    answer: Callable[[RecordedRequest], CannedResponse], certificate: Path | None = None
) -> AsyncIterator[CannedServer]:
    """Serves until the end of the `async with`; with a certificate, by TLS."""
    requests: list[RecordedRequest] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read_request(reader, writer)) is not None:
                requests.append(request)
                response = answer(request)
                writer.write(_bytes_of(response, request.method))
                await writer.drain()
                if response.headers.get("Connection") == "close":
                    return
        except ConnectionError:
            pass
        finally:
            writer.close()

    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield CannedServer(f"http{'s' if context else ''}://127.0.0.1:{port}", requests)
    finally:
        server.close()


async def _read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> RecordedRequest | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    if headers.get("expect"):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = b""
    return RecordedRequest(method, target, headers, body)


def _bytes_of(response: CannedResponse, method: str) -> bytes:
    headers = {"Content-Length": str(len(response.body)), **response.headers}
    lines = [f"HTTP/1.1 {response.status} X", *(f"{name}: {headers[name]}" for name in headers)]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if method == "HEAD" else response.body)
