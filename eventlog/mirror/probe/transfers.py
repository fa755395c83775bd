"""Probes of what only S3 buckets have: checksums, uploads in parts, ETags, the server's clock."""

import base64
import hashlib
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

import attrs

from eventlog.clock import MINUTE, SECOND, format_short, instant_at
from eventlog.mirror.probe.target import (
    Outcome,
    ProbedBucket,
    failed,
    passed,
    require_response,
    warned,
)
from eventlog.stores.s3.bodies import Parameters
from eventlog.stores.s3.faults import Fault
from eventlog.stores.transfer import etag_of_parts

MAX_DRIFT = 3 * MINUTE
PART_BYTES = 5 * 1024 * 1024
"""Smallest size of a part that is not the last one."""
PARTS = (b"a" * PART_BYTES, b"the last part\n")
UNEQUAL = (b"a" * PART_BYTES, b"b" * (PART_BYTES + 1))
"""The last part is larger than the first."""


async def probe_clock(target: ProbedBucket) -> Outcome:
    """Compares the clock of this machine with that of the server."""
    requests = target.s3()
    request = {"Bucket": requests.bucket, "Prefix": requests.prefix, "MaxKeys": 1}
    response = require_response(await requests.send("list_objects_v2", request, None))
    date = response["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    try:
        server = instant_at(parsedate_to_datetime(date))
    except ValueError:
        return warned(f"the server's Date header cannot be read: {date!r}")
    drift = abs(server - target.now)
    if drift > MAX_DRIFT:
        return failed(
            f"this machine's clock says {format_short(target.now)}, the server's"
            f" {format_short(server)}: signatures may differ by 15 minutes",
            "set the clock of this machine",
        )
    return passed(f"the clocks differ by {drift // SECOND} s")


async def probe_checksum(target: ProbedBucket) -> Outcome:
    """Puts bytes with the SHA-256 of others."""
    requests, name = target.s3(), target.prefix + "wrong"
    wrong = {"ChecksumSHA256": _checksum(b"other bytes")}
    response = await requests.send("put_object", requests.about(name) | wrong, b"bytes")
    if not isinstance(response, Fault):
        return failed(
            "the server stored bytes whose SHA-256 differs from the announced one",
            "use a server that checks x-amz-checksum-sha256, such as R2",
        )
    if response.status != 400:
        require_response(response)
    return passed("bytes whose SHA-256 differs from the announced one are refused")


async def probe_etag(target: ProbedBucket) -> Outcome:
    """Uploads an object in two parts and compares the ETags with the known formula."""
    upload = await _send_parts(target, "parts", PARTS)
    listed = await target.s3().send("list_parts", upload.about, None)
    response = await _complete(target, upload, {"IfNoneMatch": "*"})
    if isinstance(response, Fault):
        await _abort(target, upload.about)
    etags = [*upload.etags, require_response(response)["ETag"]]
    if isinstance(listed, Fault) or len(listed.get("Parts", ())) != len(PARTS):
        return warned("the parts of an upload cannot be listed: an interrupted upload begins anew")
    if [etag.strip('"') for etag in etags] != expected_etags(PARTS):
        return warned(
            "uploads in parts work, but the ETags are not MD5 of the parts: only reading shows"
            " whether the bytes are right",
            "hindlog sync check --read 1/30, each day another part",
        )
    return passed("uploads in parts work and can be continued; their ETags are MD5 of the parts")


def expected_etags(parts: Sequence[bytes]) -> list[str]:
    """Returns the ETags of parts, and that of the object that consists of them."""
    digests = [hashlib.md5(part, usedforsecurity=False).digest() for part in parts]
    return [*(digest.hex() for digest in digests), etag_of_parts(digests)]


async def probe_unequal_parts(target: ProbedBucket) -> Outcome:
    """Uploads an object whose last part is larger than the others, as R2 refuses it."""
    upload = await _send_parts(target, "unequal parts", UNEQUAL)
    response = await _complete(target, upload, {})
    if isinstance(response, Fault):
        await _abort(target, upload.about)
        return passed("parts of unequal size are refused, as by R2; hindlog sends equal ones")
    return passed("parts of unequal size are accepted; hindlog sends equal ones")


@attrs.frozen
class _SentParts:
    """A multipart upload whose parts have arrived."""

    about: Parameters
    """What names the upload."""
    parts: Sequence[bytes]
    etags: list[str]


async def _send_parts(target: ProbedBucket, name: str, parts: Sequence[bytes]) -> _SentParts:
    """Begins an upload and sends its parts. If one fails, the upload is ended."""
    requests = target.s3()
    about = requests.about(target.prefix + name)
    request = about | {"ChecksumAlgorithm": "SHA256"}
    begun = require_response(await requests.send("create_multipart_upload", request, None))
    about |= {"UploadId": begun["UploadId"]}
    etags = []
    for number, part in enumerate(parts, 1):
        numbered = about | {"PartNumber": number, "ChecksumSHA256": _checksum(part)}
        response = await requests.send("upload_part", numbered, part)
        if isinstance(response, Fault):
            await _abort(target, about)
        etags.append(require_response(response)["ETag"])
    return _SentParts(about, parts, etags)


async def _complete(
    target: ProbedBucket, upload: _SentParts, condition: Parameters
) -> Parameters | Fault:
    parts = [
        {"PartNumber": number, "ETag": etag, "ChecksumSHA256": _checksum(part)}
        for number, (etag, part) in enumerate(zip(upload.etags, upload.parts, strict=True), 1)
    ]
    request = upload.about | condition | {"MultipartUpload": {"Parts": parts}}
    return await target.s3().send("complete_multipart_upload", request, None)


async def _abort(target: ProbedBucket, about: Parameters) -> None:
    """Ends an upload; its parts are removed."""
    await target.s3().send("abort_multipart_upload", about, None)


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
