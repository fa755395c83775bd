"""A bucket as a store: `s3://bucket/prefix`, on R2 or any server with conditional writes.

    Store function ──> request ──> response | fault ──> error of hindlog

An object gets its name by `If-None-Match: *`, and its SHA-256 as metadata; the server compares
the SHA-256 of what arrives. If the name is taken, by 412 or by a bucket lock, the object decides:
equal bytes are ours, perhaps from a request whose response was lost.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import attrs

from eventlog.clock import now_us
from eventlog.errors import Corrupt
from eventlog.stores.s3.bodies import Body, Parameters, base64_of
from eventlog.stores.s3.client import S3Client, open_client, parse_bucket
from eventlog.stores.s3.faults import (
    DAMAGED_CODES,
    NO_UPLOAD,
    Fault,
    S3Fault,
    error_of,
    is_behind_the_end,
    is_missing,
    is_taken,
)
from eventlog.stores.s3.multipart import Multipart, send_in_parts
from eventlog.stores.store import (
    MAX_NAME_BYTES,
    ByteRange,
    Download,
    Store,
    StoredObject,
    StoreSettings,
    Upload,
    check_name,
)
from eventlog.stores.transfer import (
    PART_BYTES,
    check_upload,
    download,
    require_equal,
    upload_of_bytes,
)

T = TypeVar("T")

CONTENT_TYPES = {"zst": "application/zstd", "json": "application/json"}
"""By the end of the name. Never a Content-Encoding: R2 would decompress on the way."""


@attrs.frozen
class _Bucket:
    client: S3Client
    name: str
    prefix: str
    """Empty, or ends with "/"."""
    settings: StoreSettings

    @property
    def address(self) -> str:
        return f"s3://{self.name}/{self.prefix}".rstrip("/")

    def place(self, name: str) -> str:
        return f"s3://{self.name}/{self.prefix}{name}"

    async def about_object(
        self, name: str, operation: str, parameters: Parameters, body: Body | None = None
    ) -> Parameters:
        """Sends a request about one object. Raises `Invalid` if its name is invalid."""
        key = self.prefix + check_name(name, MAX_NAME_BYTES - len(self.prefix.encode()))
        request = {"Bucket": self.name, "Key": key, **parameters}
        return await self.client.send(self.place(name), operation, request, body)

    async def list_page(self, prefix: str, parameters: Parameters) -> Parameters:
        """Requests one page of a listing."""
        request = {"Bucket": self.name, "Prefix": self.prefix + prefix, **parameters}
        return await self.client.send(self.address, "list_objects_v2", request, None)


@asynccontextmanager
async def open_s3(rest: str, settings: StoreSettings) -> AsyncGenerator[Store, None]:
    """Opens the store of an address without `s3://`. Sends no request."""
    name, prefix = parse_bucket(rest)
    async with open_client(settings) as client:
        yield s3_store(client, name, prefix, settings)


def s3_store(client: S3Client, name: str, prefix: str, settings: StoreSettings) -> Store:
    """Returns the store below a prefix of a bucket, which may be empty."""
    bucket = _Bucket(client, name, f"{prefix}/" if prefix else "", settings)
    return Store(
        address=bucket.address,
        get=_translated(partial(_get, bucket)),
        get_to_file=_translated(partial(_get_to_file, bucket)),
        put_new=_translated(partial(_put_new, bucket)),
        put_replacing=_translated(partial(_put_replacing, bucket)),
        head=_translated(partial(_head, bucket)),
        list_after=partial(_list_after, bucket),
        folders=_translated(partial(_folders, bucket)),
        delete=_translated(partial(_delete, bucket)),
    )


def _translated(call: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    async def translated(*arguments: Any) -> T:
        try:
            return await call(*arguments)
        except S3Fault as error:
            raise error_of(error.fault, now_us()) from error

    return translated


async def _head(bucket: _Bucket, name: str) -> StoredObject | None:
    try:
        response = await bucket.about_object(name, "head_object", {"ChecksumMode": "ENABLED"})
    except S3Fault as error:
        if is_missing(error.fault):
            return None
        raise
    return StoredObject(
        name, response["ContentLength"], _sha256_in(response), response["ETag"].strip('"')
    )


def _sha256_in(response: Parameters) -> str | None:
    sha256: str | None = response.get("Metadata", {}).get("sha256")
    return sha256


async def _chunks(bucket: _Bucket, name: str, start: int) -> AsyncGenerator[bytes, None]:
    """Yields an object from an offset on. If interrupted, continues as long as bytes arrive."""
    etag: str | None = None
    while True:
        began = start
        request = {"Range": f"bytes={start}-"} if start else {}
        try:
            response = await bucket.about_object(
                name, "get_object", request | ({"IfMatch": etag} if etag else {})
            )
            etag = response["ETag"]
            async with aclosing(bucket.client.read(bucket.place(name), response)) as arriving:
                async for chunk in arriving:
                    start += len(chunk)
                    yield chunk
            return
        except S3Fault as error:
            if is_behind_the_end(error.fault):
                return
            if etag and error.fault.status == 412:
                raise Corrupt(f"{bucket.place(name)}: it changed while it was read") from error
            if start == began:
                raise


async def _get(bucket: _Bucket, name: str, part: ByteRange | None = None) -> bytes:
    request = {} if part is None else {"Range": f"bytes={part.start}-{part.stop - 1}"}
    place = bucket.place(name)
    for _ in range(2):  # a second time if the bytes were damaged on the way
        try:
            response = await bucket.about_object(name, "get_object", request)
        except S3Fault as error:
            if is_behind_the_end(error.fault):
                return b""
            raise
        data = b"".join([chunk async for chunk in bucket.client.read(place, response)])
        expected, actual = _sha256_in(response), hashlib.sha256(data).hexdigest()
        if part is not None or expected in (None, actual):
            return data
    raise Corrupt(f"{place}: its metadata says SHA-256 {expected}, found {actual}")


async def _get_to_file(bucket: _Bucket, name: str, wanted: Download) -> None:
    check_name(name)
    await download(bucket.place(name), partial(_chunks, bucket, name), wanted)


async def _put_new(bucket: _Bucket, name: str, upload: Upload) -> bool:
    place, send = bucket.place(name), partial(bucket.about_object, name)
    headers = _headers(name, upload)
    try:
        if upload.size > PART_BYTES:
            there = await _head(bucket, name)
            if there is not None:
                return await _compare(bucket, there, upload)
            await send_in_parts(Multipart(send, place, name, upload, bucket.settings, headers))
        else:
            headers |= {"IfNoneMatch": "*", "ChecksumSHA256": base64_of(upload.sha256)}
            body = Body(upload, ByteRange(0, upload.size)) if upload.size else None
            await send("put_object", headers, body)
    except S3Fault as error:
        if is_taken(error.fault) or error.fault.code == NO_UPLOAD:
            return await _settle(bucket, name, upload, error.fault)
        if error.fault.code in DAMAGED_CODES:  # damaged on the way, or is it ours?
            await asyncio.to_thread(check_upload, place, upload)
        raise
    return True


async def _put_replacing(bucket: _Bucket, name: str, data: bytes) -> None:
    upload = upload_of_bytes(data)
    headers = _headers(name, upload) | {"ChecksumSHA256": base64_of(upload.sha256)}
    body = Body(upload, ByteRange(0, upload.size)) if upload.size else None
    await bucket.about_object(name, "put_object", headers, body)


def _headers(name: str, upload: Upload) -> Parameters:
    return {
        "Metadata": {"sha256": upload.sha256},
        "ContentType": CONTENT_TYPES.get(name.rsplit(".", 1)[-1], "application/octet-stream"),
    }


async def _settle(bucket: _Bucket, name: str, upload: Upload, fault: Fault) -> bool:
    """Returns False if the object that has the name is equal to the upload.

    If no object has the name, the fault stands; after a mere race, it is temporary.
    """
    there = await _head(bucket, name)
    if there is not None:
        return await _compare(bucket, there, upload)
    if fault.status == 403:
        raise S3Fault(attrs.evolve(fault, code="AccessDenied"))  # a lock without an object
    message = "the object that had the name, or our upload, is gone"
    raise S3Fault(Fault(bucket.place(name), fault.operation, None, message=message))


async def _compare(bucket: _Bucket, there: StoredObject, upload: Upload) -> bool:
    """Returns False. Raises `Conflict` unless the object is equal to the upload."""
    sha256 = there.sha256
    if sha256 is None and there.size == upload.size:
        hashed = hashlib.sha256()
        async for chunk in _chunks(bucket, there.name, 0):
            hashed.update(chunk)
        sha256 = hashed.hexdigest()
    require_equal(bucket.place(there.name), there.size, sha256 or "unknown", upload)
    return False


async def _list_after(
    bucket: _Bucket, prefix: str = "", after: str = ""
) -> AsyncGenerator[StoredObject, None]:
    request: Parameters = {"StartAfter": bucket.prefix + after} if after else {}
    while True:
        try:
            page = await bucket.list_page(prefix, request)
        except S3Fault as error:
            raise error_of(error.fault, now_us()) from error
        for listed in page.get("Contents", ()):
            name = listed["Key"][len(bucket.prefix) :]
            if name:
                yield StoredObject(name, listed["Size"], etag=listed["ETag"].strip('"'))
        if not page.get("IsTruncated"):
            return
        request = {"ContinuationToken": page["NextContinuationToken"]}


async def _folders(bucket: _Bucket, prefix: str = "") -> tuple[str, ...]:
    request: Parameters = {"Delimiter": "/"}
    folders: list[str] = []
    while True:
        page = await bucket.list_page(prefix, request)
        folders += [each["Prefix"] for each in page.get("CommonPrefixes", ())]
        if not page.get("IsTruncated"):
            start = len(bucket.prefix + prefix)
            return tuple(folder[start:-1] for folder in folders)
        request = {"Delimiter": "/", "ContinuationToken": page["NextContinuationToken"]}


async def _delete(bucket: _Bucket, name: str) -> None:
    # Never several at a time: R2 has answered 200 to such a request and kept the object.
    await bucket.about_object(name, "delete_object", {})
