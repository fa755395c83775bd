"""Which objects a check reads completely: a share, a sample, those from an instant on."""

from collections.abc import Callable

import attrs

from eventlog.clock import format_us
from eventlog.format.manifest import digest
from eventlog.mirror.bucket.names import AssetObject, SegmentObject, parse_object_name
from eventlog.mirror.history.spool import Spool, spooled
from eventlog.read.event_filter import Select, wants_segment

_HASHES = 1 << 48


def _hash_of(name: str) -> int:
    """Returns a number below `_HASHES` that is the same whenever a name is checked."""
    return int(digest(name.encode())[:12], 16)


@attrs.frozen
class ReadShare:
    """Share of the objects that are read completely: number `number` of `total`.

    Reading all numbers from 1 to `total` in turn reads every object once.
    """

    number: int
    total: int

    def contains(self, name: str) -> bool:
        """Whether an object belongs to the share."""
        return _hash_of(name) % self.total == self.number - 1


@attrs.frozen
class ReadSample:
    """A sample of the objects, always the same one. A larger sample contains a smaller one."""

    share: float
    """From 0 to 1."""

    def contains(self, name: str) -> bool:
        """Whether an object belongs to the sample."""
        return _hash_of(name) < self.share * _HASHES


def choose_since(spool: Spool, since: int | None) -> Callable[[str], bool]:
    """Returns whether an object is one of those from an instant on; all of them without one.

    These are the segments that end after it, and the assets that were committed since. A segment is
    committed after its events, so that its assets are among these.
    """
    if since is None:
        return lambda _name: True
    select, start = Select(since=since), format_us(since)
    assets = {
        sha256 for record in spooled(spool) if record.at >= start for sha256, _size in record.assets
    }

    def is_chosen(name: str) -> bool:
        match parse_object_name(name):
            case SegmentObject(segment, _):
                return wants_segment(select, segment)
            case AssetObject(sha256):
                return sha256 in assets
            case _:
                return False

    return is_chosen
