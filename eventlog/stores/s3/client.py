"""The S3 client: the one module that imports aioboto3, botocore and aiohttp.

    request, watched ──> response | S3Fault

aioboto3 is used as aiobotocore's client only, so that either can be replaced here. Settings and
their reasons: `docs/decisions/aioboto3-behind-one-module.md`. Each request is sent once;
`wrappers.retrying` retries. Yet the HTTP client itself may send a request a second time when a
connection breaks: a put can fail because its own first attempt succeeded.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import aioboto3
import aiohttp
import attrs
from botocore.config import Config as ClientConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.parsers import ResponseParserError

from eventlog.errors import Invalid, Refused
from eventlog.stores.s3.bodies import Body, Parameters, watched
from eventlog.stores.s3.faults import Fault, S3Fault
from eventlog.stores.store import StoreSettings

CHUNK_BYTES = 256 * 1024
BROKEN = (
    *(BotoCoreError, ResponseParserError, aiohttp.ClientError, aiohttp.http.HttpProcessingError),
    *(TimeoutError, ConnectionError, ValueError, KeyError),
)
"""No response, or a damaged one, which botocore reports as almost anything."""
MISCONFIGURED = (
    *(NoCredentialsError, PartialCredentialsError, ProfileNotFound, ParamValidationError),
)
HINT = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; correct mirror.url and mirror.endpoint_url"


@attrs.frozen
class S3Client:
    """Requests to one S3 server."""

    send: Callable[[str, str, Parameters, Body | None], Awaitable[Parameters]]
    """Sends a request of (place, operation, parameters, body) and returns the response. `place`
    is for messages. Raises `S3Fault`, or why the body cannot be read."""
    read: Callable[[str, Parameters], AsyncGenerator[bytes, None]]
    """Yields the body of a response. Raises `S3Fault` if it is cut or stalls."""


@asynccontextmanager
async def open_client(settings: StoreSettings) -> AsyncGenerator[S3Client, None]:
    """Opens a client for the length of an `async with`. Sends no request."""
    try:
        opening = _client_of(settings)
        library_client = await opening.__aenter__()
    except (ValueError, *MISCONFIGURED) as error:
        raise Invalid(f"{settings.endpoint_url}: {error}", HINT) from error
    try:
        stalled_s = settings.stalled_s
        yield S3Client(partial(_send, library_client, stalled_s), partial(_read, stalled_s))
    finally:
        await opening.__aexit__(None, None, None)


def _client_of(settings: StoreSettings) -> AbstractAsyncContextManager[Any]:
    """Returns the client, not opened yet: the only lines that aiobotocore would change."""
    session = aioboto3.Session(
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        aws_session_token=settings.session_token,
        region_name=settings.region,
    )
    config = ClientConfig(
        signature_version="s3v4",
        s3={"addressing_style": "path", "payload_signing_enabled": settings.signed_payload},
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=32,
        connect_timeout=10,
        read_timeout=settings.stalled_s,
        tcp_keepalive=True,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    trusted = settings.certificates
    client: AbstractAsyncContextManager[Any] = session.client(
        "s3",
        endpoint_url=settings.endpoint_url,
        config=config,
        verify=None if trusted is None else str(trusted),
    )
    return client


async def _send(
    client: Any,
    stalled_s: float,
    place: str,
    operation: str,
    parameters: Parameters,
    body: Body | None = None,
) -> Parameters:
    request = parameters
    if body is not None:
        request = {**parameters, "Body": body, "ContentLength": body.size}
    name = client.meta.method_to_api_mapping[operation]
    try:
        response: Parameters = await watched(
            getattr(client, operation)(**request),
            lambda: 0 if body is None else body.moved,
            stalled_s,
        )
        return response
    except ClientError as error:
        raise S3Fault(_fault_of(place, name, error.response)) from error
    except MISCONFIGURED as error:
        raise Invalid(f"{place}: {error}", HINT) from error
    except BROKEN as error:
        if body is not None and body.failure is not None:
            raise body.failure from error
        raise _broken(place, name, error) from error


def _fault_of(place: str, operation: str, response: Any) -> Fault:
    error, about = response.get("Error", {}), response.get("ResponseMetadata", {})
    return Fault(
        place=place,
        operation=operation,
        status=about.get("HTTPStatusCode"),
        code=str(error.get("Code") or ""),
        message=str(error.get("Message") or ""),
        header=str(error.get("Header") or ""),
        date=str(about.get("HTTPHeaders", {}).get("date") or ""),
    )


def _broken(place: str, operation: str, error: Exception) -> Exception:
    text = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return Refused(f"{place}: {text}", "correct mirror.endpoint_url, or trust its certificate")
    return S3Fault(Fault(place, operation, None, message=text))


async def _read(stalled_s: float, place: str, response: Parameters) -> AsyncGenerator[bytes, None]:
    async with response["Body"] as body:
        chunks = body.content.iter_chunked(CHUNK_BYTES)
        while True:
            try:
                chunk = await watched(anext(chunks, b""), lambda: 0, stalled_s)
            except BROKEN as error:
                raise _broken(place, "GetObject", error) from error
            if not chunk:
                return
            yield chunk
