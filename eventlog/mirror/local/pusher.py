"""The pusher: who puts records into the bucket, one per machine and archive."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

import attrs

from eventlog.errors import Locked
from eventlog.files.listing import list_segments, list_streams
from eventlog.files.stream_lock import is_locked
from eventlog.files.writer_ids import (
    HASHED,
    MIRROR,
    give_up_writers,
    machine_name,
    writer_id,
    writers_on,
)
from eventlog.format.paths import SegmentName
from eventlog.mirror.bucket.digits import hash_machine


@attrs.frozen
class Pusher:
    """Who pushes from this folder."""

    id: str
    """Its writer id."""
    host: str
    """`<host>:<folder>`, for people who read records or error messages."""
    writers: frozenset[str]
    """The writers of this machine. Only they extend streams that nobody else extends."""


def local_pusher(root: Path, env: Mapping[str, str] = os.environ) -> Pusher:
    """Returns the pusher of this machine; creates its id."""
    machine = machine_name(env)
    id_ = writer_id(root, MIRROR, machine)
    host = f"{platform.node()}:{root.absolute()}"
    return Pusher(id_, host, frozenset(writers_on(root, machine)))


def separate_from_origin(root: Path, env: Mapping[str, str] = os.environ) -> list[SegmentName]:
    """Makes a copied folder independent: pusher and all other roles get new writer ids.

    The streams so far stay those of the folder from which it was copied. Returns their open
    segments, which that folder alone continues and seals. Raises `Locked` if a process writes here.
    """
    machine = machine_name(env)
    ours = writers_on(root, machine)
    streams = [stream for stream in list_streams(root) if stream[1] in ours]
    for source, writer in streams:
        if is_locked(root, source, writer):
            raise Locked(
                f"{root}: a process writes the stream {source}, {writer}",
                "stop it, and run this command again",
            )
    give_up_writers(root, machine, f"{HASHED}{hash_machine(machine)}")
    return [
        files.name
        for source, writer in streams
        for files in list_segments(root, source, writer)
        if files.is_open and not files.is_sealed
    ]
