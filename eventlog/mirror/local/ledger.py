"""The ledger: what is committed in the bucket, as far as this folder knows.

    state/mirror/ledger.json

It is disposable: the records of the bucket contain all of it. It counts only for the bucket, the
archive and the pusher that it names.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from eventlog.files.publish import replace_file
from eventlog.format.manifest import digest
from eventlog.mirror.bucket.chain import (
    Chains,
    StreamHead,
    extend_chains,
    heads_as_text,
    link_facts,
    parse_stream,
    stream_text,
)
from eventlog.mirror.bucket.record import CommitRecord, encode_record
from eventlog.read.cursor import StreamKey

LEDGER_FORMAT = 1
NO_PUSHER = ""
"""Pusher in the ledger of a folder that only read the bucket. A push does not use such a ledger
as it is: it checks its own records."""


class PusherHead(msgspec.Struct, frozen=True):
    """The end of the log of a pusher."""

    next: int = 0
    """Number of its next record."""
    sha256: str | None = None
    """SHA-256 of its last record."""
    rolled: int = 0
    """Records before this number are in a roll-up, as far as is known."""


class Ledger(msgspec.Struct, frozen=True):
    """What is committed."""

    address: str
    """Of the bucket."""
    archive: str
    pusher: str
    """Of this folder."""
    pushers: dict[str, PusherHead] = {}
    """Every pusher whose records were read."""
    streams: dict[str, StreamHead] = {}
    """Last committed link of each stream, by `<source>/<writer>`."""
    forked: dict[str, str] = {}
    """Streams of which this folder has other events than the bucket, each with what differs."""
    pushed_at: str | None = None
    """When the last push ended that left nothing behind."""
    format: int = LEDGER_FORMAT

    @property
    def own(self) -> PusherHead:
        """The end of our own log."""
        return self.pushers.get(self.pusher, PusherHead())

    @property
    def heads(self) -> dict[StreamKey, StreamHead]:
        """Last committed link of each stream."""
        return {parse_stream(text): head for text, head in self.streams.items()}


def ledger_path(root: Path) -> Path:
    """The file of the ledger. May be deleted at any time."""
    return root / "state" / "mirror" / "ledger.json"


def load_ledger(root: Path) -> Ledger | None:
    """Returns the ledger of an archive; None if there is none, or it cannot be used."""
    try:
        ledger = msgspec.json.decode(ledger_path(root).read_bytes(), type=Ledger)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return ledger if ledger.format == LEDGER_FORMAT else None


def save_ledger(root: Path, ledger: Ledger) -> None:
    """Replaces the ledger. It need not be durable: an older one is read on from the bucket."""
    path = ledger_path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, msgspec.json.format(msgspec.json.encode(ledger)) + b"\n")


def with_heads(ledger: Ledger, heads: Mapping[StreamKey, StreamHead]) -> Ledger:
    """Returns the ledger with these last links of streams."""
    return msgspec.structs.replace(ledger, streams=heads_as_text(heads))


def with_forked(ledger: Ledger, conflicts: Mapping[StreamKey, str]) -> Ledger:
    """Returns the ledger with these streams of which the folder has other events."""
    forked = {stream_text(key): reason for key, reason in conflicts.items()}
    return msgspec.structs.replace(ledger, forked=forked)


def with_pusher(ledger: Ledger, pusher: str, head: PusherHead) -> Ledger:
    """Returns the ledger with this end of the log of a pusher."""
    return msgspec.structs.replace(ledger, pushers={**ledger.pushers, pusher: head})


def with_record(ledger: Ledger, record: CommitRecord, where: str) -> Ledger:
    """Returns the ledger after a record of our own was committed. Raises `Corrupt`."""
    chains = Chains(ledger.heads)
    extend_chains(chains, (link_facts(link, where) for link in record.links), where)
    head = PusherHead(record.number + 1, digest(encode_record(record)), ledger.own.rolled)
    return with_pusher(with_heads(ledger, chains.heads), record.pusher, head)
