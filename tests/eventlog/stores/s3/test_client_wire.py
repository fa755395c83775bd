"""What the client sends, byte by byte, over TLS: R2 refuses what botocore sends by default."""

import asyncio
import base64
import hashlib
import json
import re

import aiohttp
import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    ReadTimeoutError,
)
from botocore.loaders import Loader
from botocore.parsers import ResponseParserError

from eventlog.errors import Refused
from eventlog.stores.opening import open_store
from eventlog.stores.s3.client import BROKEN, UNREAD_PARAMETERS, describe_break
from eventlog.stores.store import Store
from eventlog.stores.transfer import PART_BYTES, upload_of_bytes
from tests.object_store.canned_server import (
    CannedResponse,
    RecordedRequest,
    canned_server,
)
from tests.object_store.server import ObjectServer

SMALL = b"bytes"
LARGE = b"x" * (PART_BYTES + 5)


def answer(request: RecordedRequest) -> CannedResponse:
    """Answers as S3 does to a new object."""
    if request.method == "HEAD":
        return CannedResponse(404)
    if request.target.endswith("?uploads"):
        return CannedResponse(200, b"<R><UploadId>u</UploadId></R>")
    if request.method == "POST":
        return CannedResponse(200, b'<R><ETag>"e-2"</ETag></R>')
    return CannedResponse(200, headers={"ETag": '"e"'})


def requests_of(
    server: ObjectServer, data: bytes, *, signed_payload: bool = False
) -> list[RecordedRequest]:
    """Returns the requests that put an object."""

    async def scenario() -> list[RecordedRequest]:
        certificate = server.folder / "certificate.pem"
        async with canned_server(answer, certificate) as canned:
            settings = server.settings(
                "https", endpoint_url=canned.url, signed_payload=signed_payload
            )
            async with open_store("s3://archive/prefix", settings) as store:
                assert await put(store, data)
            return canned.requests

    return asyncio.run(scenario())


async def put(store: Store, data: bytes) -> bool:
    return await store.put_new("log/a.ndjson.zst", upload_of_bytes(data))


def checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def check_plain(request: RecordedRequest, body: bytes) -> None:
    assert "aws-chunked" not in str(request.headers)
    assert "transfer-encoding" not in request.headers
    assert "x-amz-trailer" not in request.headers
    assert "content-encoding" not in request.headers
    assert request.headers["content-length"] == str(len(body))
    assert request.body == body
    assert request.headers["x-amz-checksum-sha256"] == checksum(body)
    assert "x-amz-checksum-sha256" in request.signed_headers


def test_a_put_is_plain_and_its_checksum_and_condition_are_signed(
    object_server: ObjectServer,
) -> None:
    (request,) = requests_of(object_server, SMALL)

    check_plain(request, SMALL)
    assert (request.method, request.target) == ("PUT", "/archive/prefix/log/a.ndjson.zst")
    assert request.headers["if-none-match"] == "*"
    assert request.headers["x-amz-meta-sha256"] == hashlib.sha256(SMALL).hexdigest()
    assert request.headers["content-type"] == "application/zstd"
    assert request.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert "/auto/s3/aws4_request" in request.headers["authorization"]
    assert {"if-none-match", "x-amz-meta-sha256"} <= set(request.signed_headers)


def test_only_a_large_body_waits_until_the_server_wants_it(object_server: ObjectServer) -> None:
    (small,) = requests_of(object_server, SMALL)
    _head, _create, *parts, _complete = requests_of(object_server, LARGE)

    assert "expect" not in small.headers
    assert sorted("expect" in part.headers for part in parts) == [False, True]


def test_no_endpoint_rule_reads_the_parameters_that_are_left_out() -> None:
    """If one did, a request might go to another place than botocore's rules say."""
    rules = json.dumps(Loader().load_service_model("s3", "endpoint-rule-set-1")["rules"])

    for name in UNREAD_PARAMETERS:
        assert f'"{name}"' not in rules and f"{{{name}}}" not in rules


def test_an_empty_object_has_a_content_length(object_server: ObjectServer) -> None:
    (request,) = requests_of(object_server, b"")

    assert request.headers["content-length"] == "0"
    assert request.headers["x-amz-checksum-sha256"] == checksum(b"")


def test_the_signature_covers_the_body_if_so_configured(object_server: ObjectServer) -> None:
    (request,) = requests_of(object_server, SMALL, signed_payload=True)

    check_plain(request, SMALL)
    assert request.headers["x-amz-content-sha256"] == hashlib.sha256(SMALL).hexdigest()


def test_parts_are_plain_and_only_the_completion_has_the_condition(
    object_server: ObjectServer,
) -> None:
    head, create, *parts, complete = requests_of(object_server, LARGE)
    parts.sort(key=lambda part: part.target)

    assert head.method == "HEAD"
    assert create.headers["x-amz-checksum-algorithm"] == "SHA256"
    assert create.headers["x-amz-meta-sha256"] == hashlib.sha256(LARGE).hexdigest()
    check_plain(parts[0], LARGE[:PART_BYTES])
    check_plain(parts[1], LARGE[PART_BYTES:])
    assert complete.headers["if-none-match"] == "*"
    assert "if-none-match" in complete.signed_headers
    assert not any("if-none-match" in request.headers for request in (create, *parts))
    assert checksum(LARGE[:PART_BYTES]).encode() in complete.body


def test_an_untrusted_certificate_is_refused(object_server: ObjectServer) -> None:
    async def scenario() -> None:
        async with canned_server(answer, object_server.folder / "certificate.pem") as canned:
            settings = object_server.settings(endpoint_url=canned.url)
            async with open_store("s3://archive", settings) as store:
                await store.head("a")

    with pytest.raises(Refused, match="CERTIFICATE_VERIFY_FAILED"):
        asyncio.run(scenario())


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (aiohttp.ClientPayloadError("<ContentLengthError: 400>"), "in the middle of the response"),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), "in the middle of the response"),
        (aiohttp.ServerDisconnectedError(), "broke before the response"),
        (ConnectionClosedError(endpoint_url="http://x/y"), "broke before the response"),
        (ConnectionResetError(), "broke before the response"),
        (EndpointConnectionError(endpoint_url="http://x:7/y"), "no connection to http://x:7$"),
        (ConnectTimeoutError(endpoint_url="http://x/y"), "no connection to the server within"),
        (ReadTimeoutError(endpoint_url="http://x/y"), "the server stopped sending"),
        (TimeoutError("no byte moved for 60 s"), "^no byte moved for 60 s$"),
        (TimeoutError(), "the server stopped sending"),
        (KeyError("ETag"), "the response is damaged"),
        (ResponseParserError("no element found"), "the response is damaged"),
        (aiohttp.ClientOSError(), "^the connection broke$"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_broke_is_said_without_the_names_of_classes(error: Exception, text: str) -> None:
    reason = describe_break(error)

    assert isinstance(error, BROKEN)
    assert re.search(text, reason) and not re.search("Error|boto|http\\.", reason)
