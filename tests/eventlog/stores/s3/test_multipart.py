"""Uploads in parts: what is sent, what is continued, and what the journal remembers."""

import asyncio
import hashlib
import itertools
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Corrupt
from eventlog.stores.s3.bodies import Body
from eventlog.stores.s3.faults import Fault, S3Fault
from eventlog.stores.s3.multipart import MAX_PARTS, Multipart, hash_parts, send_in_parts
from eventlog.stores.store import OpenUpload, StoreSettings, Upload, journal_in_memory
from eventlog.stores.transfer import PART_BYTES as REAL_PART_BYTES
from eventlog.stores.transfer import PIECE_BYTES, hash_file, upload_of_bytes, upload_of_file

PART_BYTES = PIECE_BYTES
"""Smaller than the real ones, which take seconds to hash."""
DATA = b"a" * PART_BYTES + b"b" * PART_BYTES + b"c" * 1000
UPLOAD = upload_of_bytes(DATA)
PAGE = 2


@attrs.define
class FakeBucket:
    """Multipart uploads as S3 has them, in memory; `fails` chooses requests that fail."""

    fails: dict[int, Fault] = attrs.field(factory=dict)
    """By the number of the request, from 0."""
    uploads: dict[str, dict[int, bytes]] = attrs.field(factory=dict)
    requests: list[str] = attrs.field(factory=list)
    completed: bytes | None = None
    checksums: list[str] = attrs.field(factory=list)
    """Of the completed parts."""

    async def send(
        self, operation: str, parameters: dict[str, Any], body: Body | None = None
    ) -> dict[str, Any]:
        number = len(self.requests)
        self.requests.append(operation)
        await asyncio.sleep(0)
        if number in self.fails:
            raise S3Fault(self.fails[number])
        upload_id = parameters.get("UploadId")
        if upload_id is not None and upload_id not in self.uploads:
            raise S3Fault(Fault("place", operation, 404, "NoSuchUpload"))
        return getattr(self, f"_{operation}")(upload_id, parameters, body)

    def _create_multipart_upload(self, _id: None, parameters: Any, _body: None) -> Any:
        assert parameters["ChecksumAlgorithm"] == "SHA256"
        assert parameters["Metadata"] == {"sha256": UPLOAD.sha256}
        self.uploads[f"upload-{len(self.uploads)}"] = {}
        return {"UploadId": f"upload-{len(self.uploads) - 1}"}

    def _upload_part(self, upload_id: str, parameters: Any, body: Body) -> Any:
        data = body.read()
        assert self.uploads[upload_id].get(parameters["PartNumber"]) != data  # not sent again
        self.uploads[upload_id][parameters["PartNumber"]] = data
        return {"ETag": etag_of(data)}

    def _list_parts(self, upload_id: str, parameters: Any, _body: None) -> Any:
        marker = parameters.get("PartNumberMarker", 0)
        parts = sorted(item for item in self.uploads[upload_id].items() if item[0] > marker)
        page = [{"PartNumber": number, "ETag": etag_of(data)} for number, data in parts[:PAGE]]
        is_truncated = len(parts) > PAGE
        last = page[-1]["PartNumber"] if page else 0
        return {"Parts": page, "IsTruncated": is_truncated, "NextPartNumberMarker": last}

    def _complete_multipart_upload(self, upload_id: str, parameters: Any, _body: None) -> Any:
        assert parameters["IfNoneMatch"] == "*"
        parts = parameters["MultipartUpload"]["Parts"]
        stored = self.uploads[upload_id]
        assert [part["ETag"] for part in parts] == [
            etag_of(stored[part["PartNumber"]]) for part in parts
        ]
        self.checksums = [part["ChecksumSHA256"] for part in parts]
        self.completed = b"".join(stored[part["PartNumber"]] for part in parts)
        return {}


def etag_of(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


def multipart(bucket: FakeBucket, settings: StoreSettings, upload: Upload = UPLOAD) -> Multipart:
    headers = {"Metadata": {"sha256": UPLOAD.sha256}}
    return Multipart(bucket.send, "s3://archive/a", "a", upload, settings, headers, PART_BYTES)


def sent(bucket: FakeBucket, settings: StoreSettings) -> None:
    asyncio.run(send_in_parts(multipart(bucket, settings)))


def test_an_object_is_sent_in_equal_parts_and_completed_once() -> None:
    bucket, settings = FakeBucket(), StoreSettings()
    sent(bucket, settings)

    assert bucket.completed == DATA
    assert bucket.requests == [
        "create_multipart_upload",
        *["upload_part"] * 3,
        "complete_multipart_upload",
    ]
    assert [len(part) for _, part in sorted(bucket.uploads["upload-0"].items())] == [
        PART_BYTES,
        PART_BYTES,
        1000,
    ]
    assert settings.uploads.load("a") is None


@given(st.sets(st.integers(0, 9), max_size=3))
def test_whatever_fails_the_object_is_complete_in_the_end(numbers: set[int]) -> None:
    busy = Fault("place", "operation", 503)
    bucket, settings = FakeBucket(dict.fromkeys(numbers, busy)), StoreSettings(part_transfers=1)
    for _ in range(len(numbers)):
        try:
            sent(bucket, settings)
            break
        except S3Fault:
            continue
    else:
        sent(bucket, settings)

    assert bucket.completed == DATA
    assert len(bucket.uploads) == 1  # an upload that was begun is continued


def test_an_upload_is_recorded_before_its_first_part() -> None:
    saved: list[OpenUpload] = []
    bucket = FakeBucket()
    journal = attrs.evolve(
        journal_in_memory(),
        save=lambda upload: (saved.append(upload), saved.append(bucket.requests[-1])),
    )
    sent(bucket, StoreSettings(uploads=journal))

    assert saved == [
        OpenUpload("a", UPLOAD.sha256, "upload-0", PART_BYTES),
        "create_multipart_upload",
    ]


def test_an_arrived_part_with_other_bytes_is_sent_again() -> None:
    settings = StoreSettings()
    settings.uploads.save(OpenUpload("a", UPLOAD.sha256, "old", PART_BYTES))
    bucket = FakeBucket(uploads={"old": {1: DATA[:PART_BYTES], 2: b"other", 9: b"foreign"}})
    sent(bucket, settings)

    assert bucket.completed == DATA
    assert bucket.requests == [
        "list_parts",
        "list_parts",
        *["upload_part"] * 2,
        bucket.requests[-1],
    ]


@pytest.mark.parametrize(
    "known",
    [
        OpenUpload("a", "0" * 64, "old", PART_BYTES),
        OpenUpload("a", UPLOAD.sha256, "old", PART_BYTES // 2),
        OpenUpload("a", UPLOAD.sha256, "gone", PART_BYTES),
    ],
    ids=["other bytes", "other parts", "aborted"],
)
def test_an_upload_that_cannot_be_continued_begins_anew(known: OpenUpload) -> None:
    settings = StoreSettings()
    settings.uploads.save(known)
    bucket = FakeBucket(uploads={"old": {}})
    sent(bucket, settings)

    assert bucket.completed == DATA
    assert bucket.uploads["old"] == {}
    assert settings.uploads.load("a") is None


@pytest.mark.parametrize(
    ("request_number", "fault", "remembers"),
    [
        (4, Fault("place", "CompleteMultipartUpload", 412, "PreconditionFailed"), False),
        (4, Fault("place", "CompleteMultipartUpload", 404, "NoSuchUpload"), False),
        (4, Fault("place", "CompleteMultipartUpload", 400, "InvalidPart"), False),
        (4, Fault("place", "CompleteMultipartUpload", None), True),
        (4, Fault("place", "CompleteMultipartUpload", 503), True),
        (2, Fault("place", "UploadPart", 404, "NoSuchUpload"), False),
        (2, Fault("place", "UploadPart", 403, "AccessDenied"), True),
    ],
)
def test_the_journal_forgets_what_cannot_be_completed(
    request_number: int, fault: Fault, remembers: bool
) -> None:
    settings = StoreSettings(part_transfers=1)
    with pytest.raises(S3Fault) as error:
        sent(FakeBucket({request_number: fault}), settings)

    assert error.value.fault == fault
    assert (settings.uploads.load("a") is not None) == remembers


def test_only_so_many_parts_are_sent_at_the_same_time() -> None:
    running, most = itertools.count(), []
    active = 0

    async def send(operation: str, parameters: Any, body: Body | None = None) -> Any:
        nonlocal active
        active += 1
        most.append(active)
        await asyncio.sleep(0.001)
        active -= 1
        return {"UploadId": "u", "ETag": f"{next(running)}"}

    upload = attrs.evolve(multipart(FakeBucket(), StoreSettings(part_transfers=2)), send=send)
    asyncio.run(send_in_parts(upload))

    assert max(most) == 2


def test_parts_are_hashed_and_the_whole_is_compared() -> None:
    hashes = hash_parts("place", UPLOAD, PART_BYTES)

    assert len(hashes) == 3
    with pytest.raises(Corrupt, match="place: not stored"):
        hash_parts("place", attrs.evolve(UPLOAD, sha256="0" * 64), PART_BYTES)


def test_parts_that_were_hashed_before_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * REAL_PART_BYTES + b"b")
    hashes = hash_file(path)
    reads: list[int] = []
    upload = upload_of_file(path, hashes.size, hashes.sha256, hashes.parts)

    def read(offset: int, size: int) -> bytes:
        reads.append(size)
        return upload.read(offset, size)

    bucket, settings = FakeBucket(), StoreSettings()
    headers = {"Metadata": {"sha256": UPLOAD.sha256}}
    counted = attrs.evolve(upload, read=read)
    sending = Multipart(bucket.send, "s3://archive/a", "a", counted, settings, headers)
    asyncio.run(send_in_parts(sending))

    assert bucket.completed == path.read_bytes()
    assert sum(reads) == hashes.size
    assert bucket.checksums == hash_parts("place", upload, REAL_PART_BYTES)


def test_parts_have_the_size_that_never_changes() -> None:
    headers: dict[str, str] = {}
    real = Multipart(FakeBucket().send, "place", "a", UPLOAD, StoreSettings(), headers)

    assert real.part_bytes == REAL_PART_BYTES


def test_an_object_of_too_many_parts_is_refused_before_it_is_read() -> None:
    upload = attrs.evolve(UPLOAD, size=MAX_PARTS * PART_BYTES + 1)

    with pytest.raises(S3Fault, match="expected at most 2621440000"):
        asyncio.run(send_in_parts(multipart(FakeBucket(), StoreSettings(), upload)))
