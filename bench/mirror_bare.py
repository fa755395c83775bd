"""Copies a folder to or from a bucket by bare aioboto3: one request per object or part.

No checksums, conditions, records or fsyncs: what the library itself costs.
"""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import aioboto3
from botocore.config import Config

CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path", "payload_signing_enabled": False},
    max_pool_connections=32,
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)


class Job(NamedTuple):
    """What is copied."""

    client: Any
    bucket: str
    prefix: str
    folder: Path
    transfers: int
    part_transfers: int
    part_bytes: int


class Slice(io.RawIOBase):
    """A part of a file."""

    def __init__(self, handle: int, start: int, stop: int) -> None:
        super().__init__()
        self.handle, self.start, self.stop, self.at = handle, start, stop, start

    def read(self, size: int = -1) -> bytes:
        left = self.stop - self.at
        data = os.pread(self.handle, left if size < 0 else min(size, left), self.at)
        self.at += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = (self.start, self.at, self.stop)[whence] + offset
        return self.at - self.start

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


async def put(job: Job, path: Path) -> None:
    """Puts a file, in parts if it is larger than one."""
    where = {"Bucket": job.bucket, "Key": f"{job.prefix}/{path.relative_to(job.folder)}"}
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= job.part_bytes:
            body = Slice(file.fileno(), 0, size)
            await job.client.put_object(**where, Body=body, ContentLength=size)
            return
        where["UploadId"] = (await job.client.create_multipart_upload(**where))["UploadId"]
        gate = asyncio.Semaphore(job.part_transfers)

        async def part(start: int) -> dict[str, Any]:
            async with gate:
                stop, number = min(start + job.part_bytes, size), start // job.part_bytes + 1
                body, length = Slice(file.fileno(), start, stop), stop - start
                numbered = {**where, "PartNumber": number, "ContentLength": length}
                response = await job.client.upload_part(**numbered, Body=body)
                return {"PartNumber": number, "ETag": response["ETag"]}

        parts = await asyncio.gather(*map(part, range(0, size, job.part_bytes)))
        await job.client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})


async def get(job: Job, name: str) -> None:
    """Gets an object into a file."""
    path = job.folder / name.removeprefix(job.prefix + "/")
    path.parent.mkdir(parents=True, exist_ok=True)
    response = await job.client.get_object(Bucket=job.bucket, Key=name)
    async with response["Body"] as body:
        with path.open("wb") as file:
            async for chunk in body.content.iter_chunked(1 << 18):
                file.write(chunk)


async def names_of(job: Job) -> AsyncIterator[str]:
    """Yields the names of all objects below the prefix."""
    request: dict[str, str] = {}
    while True:
        page = await job.client.list_objects_v2(
            Bucket=job.bucket, Prefix=job.prefix + "/", **request
        )
        for entry in page.get("Contents", ()):
            yield entry["Key"]
        if not page["IsTruncated"]:
            return
        request = {"ContinuationToken": page["NextContinuationToken"]}


async def copy(direction: str, job: Job) -> None:
    """Copies everything, some objects at a time."""
    gate = asyncio.Semaphore(job.transfers)

    async def gated(work: Any, item: object) -> None:
        async with gate:
            await work(job, item)

    if direction == "up":
        files = sorted(path for path in job.folder.rglob("*") if path.is_file())
        await asyncio.gather(*(gated(put, path) for path in files))
    else:
        await asyncio.gather(*[gated(get, name) async for name in names_of(job)])


async def main() -> None:
    """Takes direction, server, key, place, folder and the numbers of `Job` as arguments."""
    direction, endpoint, certificate, key, secret, bucket, prefix, folder, *numbers = sys.argv[1:]
    session = aioboto3.Session(key, secret, region_name="auto")
    options = {"endpoint_url": endpoint, "config": CONFIG, "verify": certificate}
    async with session.client("s3", **options) as client:
        await copy(direction, Job(client, bucket, prefix, Path(folder), *map(int, numbers)))


if __name__ == "__main__":
    asyncio.run(main())
