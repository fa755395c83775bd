"""Confirms that the mirror has the bytes of a sealed file, by its ETag or by reading it.

    file here ──> SHA-256 as in its manifest, MD5 of its parts
    object    ──> size, SHA-256 that was announced, ETag == MD5 of the parts
              or  size, SHA-256 of all its bytes

The announced SHA-256 alone is what the pusher said. The ETag is what the server computed, if the
server computes it so, which a probe shows.
"""

import hashlib
from pathlib import Path

import attrs

from eventlog.errors import NotFound
from eventlog.format.manifest import Manifest
from eventlog.stores.store import Download, Store
from eventlog.stores.transfer import PART_BYTES, etag_of_parts, part_ranges, read_difference


@attrs.frozen
class FileDigests:
    """What identifies the bytes of a file."""

    size: int
    sha256: str
    etag: str
    """ETag of an object with these bytes that was put by hindlog."""


def file_digests(path: Path, part_bytes: int = PART_BYTES) -> FileDigests:
    """Reads a file and returns its digests. Memory: one part."""
    whole, parts, size = hashlib.sha256(), [], path.stat().st_size
    with path.open("rb") as file:
        for part in part_ranges(size, part_bytes):
            data = file.read(part.stop - part.start)
            whole.update(data)
            parts.append(hashlib.md5(data, usedforsecurity=False).digest())
    if len(parts) == 1:
        return FileDigests(size, whole.hexdigest(), parts[0].hex())
    return FileDigests(size, whole.hexdigest(), etag_of_parts(parts))


def local_problem(ours: FileDigests, manifest: Manifest) -> str | None:
    """Returns why the file here is not the one of its manifest; None if it is."""
    if (ours.size, ours.sha256) == (manifest.zst.bytes, manifest.zst.sha256):
        return None
    return f"{manifest.segment}.ndjson.zst: damaged here: hindlog verify"


async def etag_problem(store: Store, name: str, ours: FileDigests) -> str | None:
    """Returns why a HEAD does not confirm the object of a file; None if it does."""
    there = await store.head(name)
    place = f"{store.address}/{name}"
    if there is None:
        return f"{place}: committed, and missing: hindlog sync check"
    expected = (ours.size, ours.sha256, ours.etag)
    actual = (there.size, there.sha256 or ours.sha256, there.etag)
    if actual == expected:
        return None
    return f"{place}: expected size, SHA-256 and ETag {expected}, found {actual}"


async def read_problem(store: Store, name: str, ours: FileDigests, scratch: Path) -> str | None:
    """Returns why reading the object of a file does not confirm it; None if it does."""
    try:
        return await read_difference(store, name, Download(scratch, ours.size, ours.sha256))
    except NotFound as error:
        return error.what
