"""Sends an object in parts, and continues what an interrupted process began. No library here.

    journal? ─ no ──> CreateMultipartUpload → journal ┬> UploadPart … → Complete → journal
             └ yes ─> ListParts: what has arrived ────┘

Parts have a constant size, because R2 requires equal parts and a resumed upload must cut the
object as before. A part counts as arrived if its MD5 is that of ours.
"""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable

import attrs

from eventlog.stores.s3.bodies import Body, Parameters, base64_of
from eventlog.stores.s3.faults import NO_UPLOAD, TOO_LARGE, Fault, S3Fault, is_transient
from eventlog.stores.store import ByteRange, OpenUpload, StoreSettings, Upload
from eventlog.stores.transfer import (
    PART_BYTES,
    PIECE_BYTES,
    check_upload,
    gather_limited,
    part_ranges,
)

MAX_PARTS = 10_000
"""The limit of S3 and R2."""


def hash_parts(place: str, upload: Upload, part_bytes: int) -> list[str]:
    """Returns the SHA-256 of each part, as S3 writes it. Reads the whole upload, blocking.

    Raises `Corrupt` if it is not what it says: the server would see only the parts.
    """
    assert part_bytes % PIECE_BYTES == 0
    hashes = [hashlib.sha256() for _ in part_ranges(upload.size, part_bytes)]
    position = 0

    def update(piece: bytes) -> None:
        nonlocal position
        hashes[min(position // part_bytes, len(hashes) - 1)].update(piece)
        position += len(piece)

    check_upload(place, upload, update)
    return [base64.b64encode(each.digest()).decode() for each in hashes]


Send = Callable[..., Awaitable[Parameters]]
"""Sends a request: (operation, its parameters, the body if there is one)."""


@attrs.frozen
class Multipart:
    """One object that is sent in parts."""

    send: Send
    place: str
    name: str
    upload: Upload
    settings: StoreSettings
    headers: Parameters
    """What the object gets: its type and metadata."""
    part_bytes: int = PART_BYTES

    @property
    def parts(self) -> tuple[ByteRange, ...]:
        return part_ranges(self.upload.size, self.part_bytes)


async def send_in_parts(multipart: Multipart) -> None:
    """Sends an object in parts, continuing what the journal knows. Raises `S3Fault`.

    The journal forgets the upload once it is complete, gone, or cannot be completed.
    """
    upload, forget = multipart.upload, multipart.settings.uploads.remove
    if len(multipart.parts) > MAX_PARTS:
        message = f"{upload.size} bytes, expected at most {MAX_PARTS * multipart.part_bytes}"
        raise S3Fault(Fault(multipart.place, "CreateMultipartUpload", 400, TOO_LARGE, message))
    checksums = await _checksums(multipart)
    upload_id, etags = await _begin(multipart)
    try:
        await _send_missing(multipart, upload_id, checksums, etags)
    except S3Fault as error:
        if error.fault.code == NO_UPLOAD:
            await asyncio.to_thread(forget, multipart.name)
        raise
    try:
        await multipart.send("complete_multipart_upload", _completion(upload_id, checksums, etags))
    except S3Fault as error:
        if not is_transient(error.fault):
            await asyncio.to_thread(forget, multipart.name)
        raise
    await asyncio.to_thread(forget, multipart.name)


async def _checksums(multipart: Multipart) -> list[str]:
    """Returns the SHA-256 of each part, as S3 writes it."""
    upload, part_bytes = multipart.upload, multipart.part_bytes
    if part_bytes == PART_BYTES and len(upload.parts) == len(multipart.parts):
        return list(map(base64_of, upload.parts))
    return await asyncio.to_thread(hash_parts, multipart.place, upload, part_bytes)


async def _begin(multipart: Multipart) -> tuple[str, dict[int, str]]:
    """Returns the id of the upload, and the ETags of the parts that have arrived, by index."""
    journal = multipart.settings.uploads
    sha256, part_bytes = multipart.upload.sha256, multipart.part_bytes
    known = await asyncio.to_thread(journal.load, multipart.name)
    if known is not None and (known.sha256, known.part_bytes) == (sha256, part_bytes):
        try:
            return known.upload_id, await _arrived(multipart, known.upload_id)
        except S3Fault as error:
            if error.fault.code != NO_UPLOAD:
                raise
    response = await multipart.send(
        "create_multipart_upload", {**multipart.headers, "ChecksumAlgorithm": "SHA256"}
    )
    begun = OpenUpload(multipart.name, sha256, response["UploadId"], part_bytes)
    await asyncio.to_thread(journal.save, begun)
    return begun.upload_id, {}


async def _arrived(multipart: Multipart, upload_id: str) -> dict[int, str]:
    """Returns the parts in the bucket whose size and MD5 are those of ours."""
    parts, etags = multipart.parts, {}
    request: Parameters = {"UploadId": upload_id}
    while True:
        response = await multipart.send("list_parts", request)
        for part in response.get("Parts", ()):
            index, etag = part["PartNumber"] - 1, part["ETag"]
            if index < len(parts):
                ours = await asyncio.to_thread(_md5_of, multipart.upload, parts[index])
                if etag.strip('"') == ours:
                    etags[index] = etag
        if not response.get("IsTruncated"):
            return etags
        request = {"UploadId": upload_id, "PartNumberMarker": response["NextPartNumberMarker"]}


def _md5_of(upload: Upload, part: ByteRange) -> str:
    hashed = hashlib.md5(usedforsecurity=False)
    for at in range(part.start, part.stop, PIECE_BYTES):
        hashed.update(upload.read(at, min(PIECE_BYTES, part.stop - at)))
    return hashed.hexdigest()


async def _send_missing(
    multipart: Multipart, upload_id: str, checksums: list[str], etags: dict[int, str]
) -> None:
    """Sends the parts that have no ETag yet, some at a time, and adds their ETags."""
    parts = multipart.parts

    async def send_part(index: int) -> None:
        request = {
            "UploadId": upload_id,
            "PartNumber": index + 1,
            "ChecksumSHA256": checksums[index],
        }
        body = Body(multipart.upload, parts[index])
        etags[index] = (await multipart.send("upload_part", request, body))["ETag"]

    missing = [index for index in range(len(parts)) if index not in etags]
    await gather_limited(missing, send_part, multipart.settings.part_transfers)


def _completion(upload_id: str, checksums: list[str], etags: dict[int, str]) -> Parameters:
    parts = [
        {"PartNumber": index + 1, "ETag": etags[index], "ChecksumSHA256": checksum}
        for index, checksum in enumerate(checksums)
    ]
    return {"UploadId": upload_id, "IfNoneMatch": "*", "MultipartUpload": {"Parts": parts}}
