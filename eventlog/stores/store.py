"""The object store: a value whose fields are functions, and the values they take and return.

    async with open_store("s3://bucket/prefix", settings) as store:
        await store.put_new("log/x", upload_of_file(path, size, sha256))

An object is put once and never replaced, except for the manifest of an export. It appears under its
name with all of its bytes, or not at all; once `put_new` has returned, it is durable and every
reader finds it. Names follow `check_name`; their order is that of their UTF-8 bytes.

Errors, by what the caller does next: `NotFound` (no object has this name), `Conflict` (other
bytes have this name), `Unavailable` (temporary: try again), `Refused` (the key or the server
forbids it), `Invalid` (the address or a name is wrong, or there is no bucket), `LocalResource`
(disk, clock), `Corrupt` (received or read other bytes than expected).

Pure: `eventlog/stores/transfer.py` makes uploads of bytes and files, `opening.py` opens stores.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from pathlib import Path

import attrs

from eventlog.errors import Corrupt, Invalid

MAX_NAME_BYTES = 1024
"""Longest name with its prefix: the limit of S3."""


class Conflict(Corrupt):
    """A name is taken by other bytes. Nothing was replaced."""


@attrs.frozen
class StoredObject:
    """An object as its store describes it."""

    name: str
    size: int
    sha256: str | None = None
    """Hex digits; None where the store does not know it without reading the object."""
    etag: str | None = None
    """Changes with the bytes; has a meaning only to the store itself."""


@attrs.frozen
class ByteRange:
    """Half-open range of bytes: `start` <= offset < `stop`."""

    start: int = attrs.field(validator=attrs.validators.ge(0))
    stop: int

    def __attrs_post_init__(self) -> None:
        if self.stop <= self.start:
            raise ValueError(f"empty range: {self.start} to {self.stop}")


def _ignore_size(_size: int) -> None:
    """Default of `Upload.sent`."""


async def _ignore_chunk(_size: int) -> None:
    """Default of `Download.received`."""


@attrs.frozen
class Upload:
    """The bytes of a new object, read piece by piece."""

    size: int
    sha256: str
    """Hex digits. A store that receives other bytes raises and stores nothing."""
    read: Callable[[int, int], bytes]
    """Returns the bytes at (offset, size). May be called repeatedly and in several threads."""
    sent: Callable[[int], None] = _ignore_size
    """Called in a thread before bytes are sent, with their number; a bandwidth limit sleeps
    here. Bytes that are sent again count again."""
    parts: tuple[str, ...] = ()
    """SHA-256 of each part of `transfer.PART_BYTES`, if the caller has read and compared the
    bytes just now. Without them, a store that sends parts reads everything once more before."""


@attrs.frozen
class Download:
    """A file that an object is written to, and what the object must be."""

    path: Path
    """If it exists, it contains the beginning of the object, from an interrupted attempt."""
    size: int
    sha256: str
    received: Callable[[int], Awaitable[None]] = _ignore_chunk
    """Awaited after each chunk, with its size; a bandwidth limit sleeps here."""


@attrs.frozen
class Store:
    """Object store: maps '/'-separated names to bytes. Async functions of one event loop."""

    address: str
    """`open_store(store.address)` opens the same store again."""

    get: Callable[[str, ByteRange | None], Awaitable[bytes]]
    """Returns an object, or a range of it: `get(name, r) == get(name, None)[r.start:r.stop]`,
    also where the range ends or begins behind the object. Raises `NotFound`."""

    get_to_file: Callable[[str, Download], Awaitable[None]]
    """Writes an object to a file, continuing behind what the file contains. On return the file
    has the expected size and SHA-256, but is not fsynced. Raises `NotFound`; `Corrupt` if the
    object has other bytes, and then the file is gone. After `Unavailable` the file contains
    what has arrived, so that the next call continues there."""

    put_new: Callable[[str, Upload], Awaitable[bool]]
    """Stores a new object. True: it was created. False: it was there before, with equal bytes
    (also if an earlier request created it whose response was lost). Raises `Conflict` if the
    name is taken by other bytes. Of concurrent calls exactly one creates the object."""

    put_replacing: Callable[[str, bytes], Awaitable[None]]
    """Stores an object in place of the one that has the name, if there is one: for
    `exports/<name>/manifest.json` alone, since nothing else is ever replaced. Readers find the
    old or the new bytes, complete. Durable on return."""

    head: Callable[[str], Awaitable[StoredObject | None]]
    """Returns the description of an object, None if there is none."""

    list_after: Callable[[str, str], AsyncGenerator[StoredObject, None]]
    """Yields, in order, the objects whose names begin with the first argument and are greater
    than the second; `("", "")` are all. Memory: one page of at most 1,000."""

    folders: Callable[[str], Awaitable[tuple[str, ...]]]
    """Returns the names directly below a prefix that have objects below them, in order:
    `folders("log/")` is `("civitai", "openrouter")`. The prefix is "" or ends with "/"."""

    delete: Callable[[str], Awaitable[None]]
    """Deletes one object. Idempotent: a missing one is no error."""


@attrs.frozen
class OpenUpload:
    """A multipart upload that was begun and may be continued, also by another process."""

    name: str
    sha256: str
    """Of the whole object. An upload of other bytes begins anew."""
    upload_id: str
    part_bytes: int


@attrs.frozen
class UploadJournal:
    """Where the multipart uploads that were begun are recorded. Functions of the caller."""

    load: Callable[[str], OpenUpload | None]
    """Returns the upload that was begun under a name of an object."""
    save: Callable[[OpenUpload], None]
    """Records an upload before its first part is sent. Durable on return, or the parts of a
    killed process are sent again, and stay in the bucket until its lifecycle rule."""
    remove: Callable[[str], None]
    """Forgets the upload of a name: it is completed or gone. Idempotent."""


def journal_in_memory() -> UploadJournal:
    """Returns a journal that lives as long as the process."""
    uploads: dict[str, OpenUpload] = {}

    def save(upload: OpenUpload) -> None:
        uploads[upload.name] = upload

    def remove(name: str) -> None:
        uploads.pop(name, None)

    return UploadJournal(load=uploads.get, save=save, remove=remove)


@attrs.frozen
class StoreSettings:
    """How a bucket is reached. Folders and memory need none of it."""

    endpoint_url: str | None = None
    """None: that of AWS."""
    region: str = "auto"
    access_key: str | None = None
    """None, together with `secret_key`: what the SDK finds in the environment and in ~/.aws."""
    secret_key: str | None = attrs.field(default=None, repr=False)
    session_token: str | None = attrs.field(default=None, repr=False)
    signed_payload: bool = False
    """Whether the signature covers the body. Without it the body is covered by its SHA-256,
    which is a signed header. Costs a third more CPU."""
    certificates: Path | None = None
    """File of the certificates to trust; None: those of the system."""
    part_transfers: int = 4
    """Parts of one object that are sent at the same time."""
    stalled_s: float = 60.0
    """A request that moves no byte for this long is given up, and counts as interrupted."""
    uploads: UploadJournal = attrs.field(factory=journal_in_memory)


def check_name(name: str, room: int = MAX_NAME_BYTES) -> str:
    """Returns the name if it is valid, else raises `Invalid`.

    A name is not empty, has at most `room` bytes in UTF-8, none of the parts between its "/" is
    empty, "." or "..", and no character is a control character or a lone surrogate.
    """
    problem = _problem_of(name, room)
    if problem is not None:
        raise Invalid(f"name of an object {name!r}: {problem}")
    return name


def _problem_of(name: str, room: int) -> str | None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "not valid Unicode"
    if size > room:
        return f"{size} bytes, expected at most {room}"
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "has an empty part, or one that is '.' or '..'"
    if any(ord(character) < 32 or ord(character) == 127 for character in name):
        return "has a control character"
    return None


def in_order(names: Iterable[str]) -> list[str]:
    """Returns names in the order of a store: by their UTF-8 bytes."""
    return sorted(names, key=str.encode)


def child_folders(names: Iterable[str], prefix: str) -> tuple[str, ...]:
    """Returns the names directly below a prefix that have objects below them, in order."""
    below = (name[len(prefix) :] for name in names if name.startswith(prefix))
    return tuple(in_order({rest.split("/")[0] for rest in below if "/" in rest}))
