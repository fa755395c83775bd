"""Commit records: what a pusher has put into the bucket. Pure.

    {"v":1,"archive","pusher","n","prev","at","host","links":[…],"assets":[[sha256,bytes]]}

A record contains the complete manifests of its segments, so that its reader needs no other
request. Each names the one before it by SHA-256: a removed or edited record is evident.
"""

import msgspec

from eventlog.clock import format_us, parse_us
from eventlog.errors import Corrupt
from eventlog.files.lost_segments import Loss, chain_digest, parse_loss
from eventlog.format.manifest import Manifest, digest, parse_manifest
from eventlog.format.paths import is_writer
from eventlog.mirror.bucket.digits import is_archive_id, is_sha256

RECORD_VERSION = 1
SEALED_LINK = "sealed"
LOST_LINK = "lost"
MAX_LINKS = 256
"""Largest number of links in a record."""
MAX_RECORD_BYTES = 8 * 1024 * 1024
"""Largest size of a record that has several links."""


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One segment of a stream, as a record contains it."""

    kind: str
    role: str | None
    """Role of the writer of the stream; None if the pusher did not know it."""
    machine: str | None
    """Hash of the name of the writer's machine; likewise."""
    file: str
    """The manifest, or the record of the loss, as text."""


class CommitRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A commit record."""

    v: int
    archive: str
    pusher: str
    number: int = msgspec.field(name="n")
    previous: str | None = msgspec.field(name="prev")
    """SHA-256 of the pusher's previous record; None for the first."""
    at: str
    host: str
    """`<host>:<folder>` of the archive that was pushed, for error messages."""
    links: tuple[Link, ...]
    assets: tuple[tuple[str, int], ...]
    """SHA-256 and size of every asset that the segments name, sorted."""


_DECODER = msgspec.json.Decoder(CommitRecord)


def encode_record(record: CommitRecord) -> bytes:
    """Encodes a record: one JSON object and a line feed. Inverse of `parse_record`."""
    return msgspec.json.encode(record) + b"\n"


def parse_record(data: bytes, where: str) -> CommitRecord:
    """Decodes a record. `where`: its object, for error messages.

    Raises `Corrupt` unless it has the spelling that `encode_record` writes, and every link can be
    decoded.
    """
    record = parse_record_only(data, where)
    for link in record.links:
        read_link(link, where)
    return record


def parse_record_only(data: bytes, where: str) -> CommitRecord:
    """Decodes a record like `parse_record`, but does not read its links."""
    record = decode_record(data, where)
    problem = _problem_of(record)
    if problem is None and encode_record(record) != data:
        problem = "expected exactly the bytes that hindlog writes"
    if problem is not None:
        raise Corrupt(f"{where}: {problem}")
    return record


def decode_record(data: bytes, where: str) -> CommitRecord:
    """Decodes a record that was parsed before: checks only its form."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Corrupt(f"{where}: expected a commit record: {error}") from error


def _problem_of(record: CommitRecord) -> str | None:
    if record.v != RECORD_VERSION:
        return f"expected version {RECORD_VERSION}, found {record.v}: needs a newer hindlog"
    if not is_archive_id(record.archive) or not is_writer(record.pusher):
        return f"archive {record.archive!r}, pusher {record.pusher!r}: expected hex digits"
    if record.number < 0 or (record.previous is None) != (record.number == 0):
        return f"number {record.number} with previous record {record.previous}"
    if record.previous is not None and not is_sha256(record.previous):
        return f"expected the SHA-256 of the previous record, found {record.previous!r}"
    if not 1 <= len(record.links) <= MAX_LINKS:
        return f"expected 1 to {MAX_LINKS} links, found {len(record.links)}"
    if not all(is_sha256(sha256) and size >= 0 for sha256, size in record.assets):
        return "expected SHA-256 and size of each asset"
    if list(record.assets) != sorted(dict(record.assets).items()):
        return "expected the assets in order, each once"
    return None if _is_instant(record.at) else f"expected an instant, found {record.at!r}"


def _is_instant(text: str) -> bool:
    try:
        return format_us(parse_us(text)) == text
    except (ValueError, OverflowError):
        return False


def read_link(link: Link, where: str) -> Manifest | Loss:
    """Returns the manifest or the loss in a link. Raises `Corrupt`."""
    data = link.file.encode(errors="surrogatepass")
    if link.kind == SEALED_LINK:
        return parse_manifest(data, where)
    if link.kind == LOST_LINK:
        loss = parse_loss(data, where)
        _ = loss.name  # raises for an invalid one
        return loss
    raise Corrupt(f"{where}: link of kind {link.kind!r}: needs a newer hindlog")


def link_digest(link: Link, content: Manifest | Loss) -> str:
    """Returns the SHA-256 by which the next link of the stream refers to this one."""
    return chain_digest(content) if isinstance(content, Loss) else digest(link.file.encode())


def has_room(links: int, size: int, added: int) -> bool:
    """Whether a record with `links` links of `size` bytes may have one of `added` bytes more."""
    return not links or (links < MAX_LINKS and size + added <= MAX_RECORD_BYTES)
