"""The S3 client: the one module that imports aioboto3, botocore and aiohttp.

    request, watched ──> response | S3Fault

aioboto3 is used as aiobotocore's client only, so that either can be replaced here. Settings and
their reasons: `docs/decisions/aioboto3-behind-one-module.md`. Each request is sent once;
`wrappers.retrying` retries. Yet the HTTP client itself may send a request a second time when a
connection breaks: a put can fail because its own first attempt succeeded.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import aioboto3
import aiohttp
import attrs
from aiobotocore.session import AioSession
from botocore.config import Config as ClientConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from eventlog.errors import Invalid, Refused
from eventlog.stores.s3.bodies import Body, Parameters, watched
from eventlog.stores.s3.faults import Fault, S3Fault
from eventlog.stores.store import StoreSettings, check_name

CHUNK_BYTES = 256 * 1024
BROKEN = (
    *(BotoCoreError, ResponseParserError, aiohttp.ClientError, aiohttp.http.HttpProcessingError),
    *(TimeoutError, ConnectionError, ValueError, KeyError),
)
"""No response, or a damaged one, which botocore reports as almost anything."""
MISCONFIGURED = (
    *(NoCredentialsError, PartialCredentialsError, ProfileNotFound, ParamValidationError),
)
ASK_FROM_BYTES = 2 * 1024 * 1024
"""Size of a body from which on the server is asked whether it takes it; as in AWS's SDK for Go."""
UNREAD_PARAMETERS = {"Key", "Prefix", "CopySource"}
"""Parameters of the endpoint rules of S3 that no rule reads, and that differ for each object."""
NO_SERVER = ".auto.amazonaws.com"
"""End of the host that botocore makes from the region `auto` if no endpoint is set."""
SERVER_HINT = (
    "R2 and others: set HINDLOG_MIRROR_ENDPOINT_URL, or below [mirror] in hindlog.toml:"
    ' endpoint_url = "https://ACCOUNT.r2.cloudflarestorage.com"'
    '; AWS: HINDLOG_MIRROR_REGION, or region = "eu-central-1"'
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


def parse_bucket(rest: str) -> tuple[str, str]:
    """Returns bucket and prefix, which may be empty, of an address without `s3://`.

    Raises `Invalid` if there is no bucket, or the prefix cannot be part of a name.
    """
    name, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    if not name:
        raise Invalid(f"s3://{rest}: expected s3://bucket or s3://bucket/prefix")
    if prefix:
        check_name(prefix)
    return name, prefix


@asynccontextmanager
async def open_client(settings: StoreSettings) -> AsyncGenerator[S3Client, None]:
    """Opens a client for the length of an `async with`. Sends no request.

    Raises `Invalid` if settings, environment and AWS's own files name no server.
    """
    try:
        opening = _client_of(settings)
        library_client = await opening.__aenter__()
        library_client.meta.events.register_last("before-call.s3", _send_small_bodies_at_once)
    except (ValueError, *MISCONFIGURED) as error:
        raise Invalid(f"{settings.endpoint_url}: {error}", HINT) from error
    try:
        _require_server(library_client.meta.endpoint_url)
        stalled_s = settings.stalled_s
        yield S3Client(partial(_send, library_client, stalled_s), partial(_read, stalled_s))
    finally:
        await opening.__aexit__(None, None, None)


def _require_server(endpoint_url: str) -> None:
    if str(urlsplit(endpoint_url).hostname).endswith(NO_SERVER):
        what = "mirror.endpoint_url is not set, and mirror.region is auto, which AWS does not have"
        raise Invalid(f"which server has the bucket is not known: {what}", SERVER_HINT)


def _client_of(settings: StoreSettings) -> AbstractAsyncContextManager[Any]:
    """Returns the client, not opened yet: the only lines that aiobotocore would change."""
    session = aioboto3.Session(
        botocore_session=_core_session(),
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
        parameter_validation=False,
        user_agent="hindlog",
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


def _core_session() -> AioSession:
    """Returns a session whose endpoint rules lack the parameters that none of them reads.

    botocore caches an endpoint by all parameters, so that the name of the object would make it
    compute the endpoint for each request.
    """
    core = AioSession()
    parsers = core.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=parse_date)
    loader = core.get_component("data_loader")
    load = loader.load_service_model

    def load_fewer(service_name: str, type_name: str, api_version: str | None = None) -> Any:
        model = load(service_name, type_name, api_version)
        if type_name != "endpoint-rule-set-1":
            return model
        parameters = model["parameters"].items()
        read = {name: content for name, content in parameters if name not in UNREAD_PARAMETERS}
        return {**model, "parameters": read}

    loader.load_service_model = load_fewer
    return core


def parse_date(text: str) -> datetime:
    """Returns the instant of a header or a member. botocore's own parser guesses the format,
    which takes a tenth of the CPU of a request."""
    if text[:1].isdigit():
        return datetime.fromisoformat(text)
    return parsedate_to_datetime(text)


def _send_small_bodies_at_once(params: Parameters, **_others: object) -> None:
    """Removes `Expect: 100-continue`, which costs a round trip, from requests with small bodies."""
    if int(params["headers"].get("Content-Length", 0)) < ASK_FROM_BYTES:
        params["headers"].pop("Expect", None)


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
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        what = "the certificate of the server is not trusted (CERTIFICATE_VERIFY_FAILED)"
        return Refused(f"{place}: {what}", "correct mirror.endpoint_url, or trust its certificate")
    return S3Fault(Fault(place, operation, None, message=describe_break(error)))


def describe_break(error: Exception) -> str:
    """Returns what happened, without the names of classes, which are part of some messages."""
    match error:
        case aiohttp.ClientPayloadError() | IncompleteReadError():
            return "the connection broke in the middle of the response"
        case aiohttp.ServerDisconnectedError() | ConnectionClosedError() | ConnectionError():
            return "the connection broke before the response"
        case EndpointConnectionError():
            server = urlsplit(error.kwargs.get("endpoint_url", ""))
            return f"no connection to {server.scheme}://{server.netloc}"
        case ConnectTimeoutError():
            return "no connection to the server within 10 s"
        case TimeoutError() if str(error):
            return str(error)
        case ReadTimeoutError() | TimeoutError():
            return "the server stopped sending"
        case ResponseParserError() | ValueError() | KeyError() | aiohttp.http.HttpProcessingError():
            return "the response is damaged"
    return "the connection broke"


async def _read(stalled_s: float, place: str, response: Parameters) -> AsyncGenerator[bytes, None]:
    async with response["Body"] as body:
        chunks = body.content.iter_chunked(CHUNK_BYTES)
        while True:
            try:
                async with asyncio.timeout(stalled_s):
                    chunk = await anext(chunks, b"")
            except BROKEN as error:
                raise _broken(place, "GetObject", error) from error
            if not chunk:
                return
            yield chunk
