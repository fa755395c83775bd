"""The pusher: who puts records into the bucket, one per machine and archive."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

import attrs

from eventlog.files.writer_ids import MIRROR, machine_name, writer_id, writers_on


@attrs.frozen
class Pusher:
    """Who pushes from this folder."""

    id: str
    """Its writer id."""
    host: str
    """`<host>:<folder>`, for people who read records or error messages."""
    writers: frozenset[str]
    """The writers of this machine. Only they extend streams that nobody else extends."""


def local_pusher(root: Path, env: Mapping[str, str] = os.environ, *, renew: bool = False) -> Pusher:
    """Returns the pusher of this machine; creates its id. With `renew` it gets a new one."""
    machine = machine_name(env)
    id_ = writer_id(root, MIRROR, machine, renew=renew)
    host = f"{platform.node()}:{root.absolute()}"
    return Pusher(id_, host, frozenset(writers_on(root, machine)))
