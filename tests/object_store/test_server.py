"""The test server does what R2 does, as far as the project relies on it."""

import asyncio
import base64
import contextlib
import hashlib
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aioboto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.object_store.server import (
    BUCKET,
    KEYS,
    ObjectServer,
    running_server,
    start_process,
    wait_until_ready,
)

PART = 5 * 1024 * 1024


def on(server: ObjectServer, scenario: Callable[[Any], Awaitable[None]], key: str = "test:tester",
       secret: str | None = None) -> None:  # fmt: skip
    """Runs a scenario with a client of the server."""

    async def run() -> None:
        session = aioboto3.Session(key, secret or KEYS[key], region_name="auto")
        config = Config(
            request_checksum_calculation="when_required", retries={"total_max_attempts": 1}
        )
        async with session.client("s3", endpoint_url=server.url(), config=config) as client:
            await scenario(client)

    asyncio.run(run())


def checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


async def refused(request: Awaitable[object]) -> tuple[int, str]:
    """Returns status and code of a response that is an error."""
    with pytest.raises(ClientError) as error:
        await request
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_a_checksum_is_compared_stored_and_returned(object_server: ObjectServer) -> None:
    async def scenario(client: Any) -> None:
        right = {"Bucket": BUCKET, "Key": "server/checked", "ChecksumSHA256": checksum(b"bytes")}
        assert await refused(client.put_object(Body=b"other", **right)) == (400, "BadDigest")
        await client.put_object(Body=b"bytes", **right)
        head = await client.head_object(Bucket=BUCKET, Key="server/checked", ChecksumMode="ENABLED")
        assert head["ChecksumSHA256"] == checksum(b"bytes")
        head = await client.head_object(Bucket=BUCKET, Key="server/checked")
        assert "ChecksumSHA256" not in head

    on(object_server, scenario)


async def upload_parts(client: Any, key: str, parts: list[bytes]) -> dict[str, Any]:
    """Sends parts and returns the request that completes them."""
    upload = {"Bucket": BUCKET, "Key": key}
    upload["UploadId"] = (await client.create_multipart_upload(**upload))["UploadId"]
    etags = [
        (
            await client.upload_part(
                **upload, PartNumber=number, Body=part, ChecksumSHA256=checksum(part)
            )
        )["ETag"]
        for number, part in enumerate(parts, 1)
    ]
    listed = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    return {**upload, "MultipartUpload": {"Parts": listed}}


def test_the_parts_of_an_upload_have_equal_sizes(object_server: ObjectServer) -> None:
    small, large = b"s" * PART, b"l" * (PART + 1)

    async def scenario(client: Any) -> None:
        for parts in ([small, large], [small, large, b"x"], [large, small, b"x"]):
            request = await upload_parts(client, "server/unequal", parts)
            complete = client.complete_multipart_upload(**request)
            assert await refused(complete) == (400, "InvalidPart")
        request = await upload_parts(client, "server/equal", [small, small, b"x"])
        await client.complete_multipart_upload(**request)
        head = await client.head_object(Bucket=BUCKET, Key="server/equal", ChecksumMode="ENABLED")
        hashes = b"".join(hashlib.sha256(part).digest() for part in (small, small, b"x"))
        assert head["ChecksumSHA256"] == f"{checksum(hashes)}-3"

    on(object_server, scenario)


def test_a_completed_upload_never_replaces_an_object(object_server: ObjectServer) -> None:
    async def scenario(client: Any) -> None:
        request = await upload_parts(client, "server/taken", [b"parts"])
        await client.put_object(Bucket=BUCKET, Key="server/taken", Body=b"first")
        complete = client.complete_multipart_upload(**request, IfNoneMatch="*")
        assert await refused(complete) == (412, "PreconditionFailed")
        response = await client.get_object(Bucket=BUCKET, Key="server/taken")
        assert await response["Body"].read() == b"first"

    on(object_server, scenario)


def test_the_keys_differ_in_what_they_allow(object_server: ObjectServer) -> None:
    name = {"Bucket": BUCKET, "Key": "server/keys"}
    denied = (403, "AccessDenied")

    async def as_pusher(client: Any) -> None:
        await client.put_object(**name, Body=b"x")
        assert await refused(client.delete_object(**name)) == denied

    async def as_reader(client: Any) -> None:
        assert (await client.head_object(**name))["ContentLength"] == 1
        assert await refused(client.put_object(**name, Body=b"y")) == denied
        assert await refused(client.delete_object(**name)) == denied

    async def as_pruner(client: Any) -> None:
        for key, is_allowed in {"a/log/x": False, "a/assets/x": False, "a/probe/x": True}.items():
            place = {"Bucket": BUCKET, "Key": key}
            await client.put_object(**place, Body=b"x")
            if is_allowed:
                await client.delete_object(**place)
            else:
                assert await refused(client.delete_object(**place)) == denied

    async def with_a_wrong_secret(client: Any) -> None:
        assert await refused(client.list_objects_v2(Bucket=BUCKET)) == (
            403,
            "SignatureDoesNotMatch",
        )

    on(object_server, as_pusher, "test:pusher")
    on(object_server, as_reader, "test:reader")
    on(object_server, as_pruner, "test:pruner")
    on(object_server, with_a_wrong_secret, secret="wrong")


def unlist(path: Path, name: str) -> None:
    """Removes a name from a listing of the server, which does not run."""
    with contextlib.closing(sqlite3.connect(path)) as listing, listing:
        listing.create_function("chexor", 3, lambda *_: "0" * 32)
        listing.execute("DELETE FROM object WHERE name = ?", [name])


@pytest.mark.slow
def test_after_a_kill_it_has_the_same_ports_objects_and_uploads(tmp_path: Path) -> None:
    requests: list[dict[str, Any]] = []

    async def before(client: Any) -> None:
        await client.put_object(Bucket=BUCKET, Key="kept", Body=b"bytes")
        requests.append(await upload_parts(client, "parts", [b"p" * PART, b"rest"]))

    async def after(client: Any) -> None:
        response = await client.get_object(Bucket=BUCKET, Key="kept")
        assert await response["Body"].read() == b"bytes"
        [listed] = (await client.list_objects_v2(Bucket=BUCKET))["Contents"]
        assert (listed["Key"], listed["Size"], listed["ETag"]) == ("kept", 5, response["ETag"])
        await client.complete_multipart_upload(**requests[0])
        assert (await client.head_object(Bucket=BUCKET, Key="parts"))["ContentLength"] == PART + 4

    folder = tmp_path / "server"
    folder.mkdir()
    with running_server(folder) as server:  # holds the lock; the process below is another one
        on(server, before)
        pid = int((folder / "pid").read_text())
        signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGKILL)
        for path in folder.rglob("containers/**/*.db"):
            unlist(path, "kept")  # as if it was killed between the object and its listing
        process = start_process(folder)
        wait_until_ready(server, process)
        on(server, after)
    assert process.wait(30) == 0


def test_two_users_of_a_folder_share_a_server(object_server: ObjectServer) -> None:
    with running_server(object_server.folder) as again:
        assert again.ports == object_server.ports
        on(again, lambda client: client.list_objects_v2(Bucket=BUCKET, MaxKeys=1))
    on(object_server, lambda client: client.list_objects_v2(Bucket=BUCKET, MaxKeys=1))
