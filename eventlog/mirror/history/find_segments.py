"""Finds segments in the records of a bucket: what is committed, whatever this folder has."""

from collections.abc import Callable

import attrs

from eventlog.format.manifest import Manifest
from eventlog.mirror.bucket.record import read_link
from eventlog.mirror.history.read_log import find_pushers, read_log
from eventlog.mirror.local.ledger import PusherHead
from eventlog.stores.store import Store


@attrs.frozen
class CommittedSegment:
    """A sealed segment that a record names."""

    manifest: Manifest
    file: str
    """The manifest as text: the bytes of its file."""


async def find_segments(
    store: Store, archive: str, is_wanted: Callable[[Manifest], bool]
) -> tuple[CommittedSegment, ...]:
    """Returns the committed segments that are wanted, in seq order, each once.

    Reads the records of all pushers. An accepted loss is no segment.
    """
    by_file: dict[str, CommittedSegment] = {}
    for pusher in await find_pushers(store):
        async for read in read_log(store, archive, pusher, PusherHead()):
            for link in read.record.links:
                content = read_link(link, read.where)
                if isinstance(content, Manifest) and is_wanted(content):
                    by_file[link.file] = CommittedSegment(content, link.file)
    return tuple(sorted(by_file.values(), key=lambda segment: segment.manifest.first_seq))
