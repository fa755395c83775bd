"""Objects, bytes and requests of pushes and checks. Pure.

The requests are those that `stores.wrappers.counted` counts if nothing fails. Bytes of manifests
and records are estimated, since a plan knows only the sealed files.
"""

from collections.abc import Iterable

import attrs

from eventlog.mirror.bucket.record import MAX_LINKS
from eventlog.mirror.bucket.rollup import rollups_due, sizes_at
from eventlog.stores.transfer import PART_BYTES, part_ranges
from eventlog.stores.wrappers import LIST_PAGE

MANIFEST_BYTES = 600
"""Size of a manifest without its frames (demo archive, 2026-11-30: 530 to 660)."""
FRAME_BYTES = 190
"""What a manifest contains about a frame (likewise)."""
FRAME_ZST_BYTES = 80_000
"""Compressed size of a frame of 1 MiB (likewise)."""
RECORD_BYTES = 250
"""Size of a record without its links."""
QUOTED = 1.2
"""Size of a manifest inside a record, where its quotes are escaped, relative to its size alone."""
LINK_BYTES = 120
"""What a record contains about a link besides the manifest."""


@attrs.frozen
class Traffic:
    """What is put, and with how many requests."""

    objects: int = 0
    size: int = 0
    """Bytes of the objects."""
    writes: int = 0
    """Requests of class A: writes and listings."""
    reads: int = 0
    """Requests of class B."""

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(
            self.objects + other.objects,
            self.size + other.size,
            self.writes + other.writes,
            self.reads + other.reads,
        )

    def per_month(self, days: float) -> "Traffic":
        """Returns what 30 days have if so many days have this."""
        return Traffic(*(round(number * 30 / days) for number in attrs.astuple(self)))


def traffic_of_object(size: int) -> Traffic:
    """Returns what putting an object of this size takes."""
    if size <= PART_BYTES:
        return Traffic(1, size, 1, 0)
    return Traffic(1, size, len(part_ranges(size)) + 2, 1)


def traffic_of_link(zst_bytes: int) -> Traffic:
    """Returns what putting a sealed file and its manifest takes, without its record.

    The record of a loss has 0 bytes and no sealed file. The bytes of its record are included.
    """
    sealed = traffic_of_object(zst_bytes) if zst_bytes else Traffic()
    return sealed + Traffic(1, described_bytes(1, zst_bytes), 1, 0)


def described_bytes(segments: int, zst_bytes: int) -> int:
    """Returns the estimated bytes that describe segments: manifests, alone and in records."""
    frames = segments + zst_bytes // FRAME_ZST_BYTES
    manifests = segments * MANIFEST_BYTES + frames * FRAME_BYTES
    return round(manifests * (1 + QUOTED)) + segments * LINK_BYTES


def traffic_of_records(first: int, end: int) -> Traffic:
    """Returns what the records from `first` to before `end` take, and the roll-ups then due."""
    records = end - first
    rollups = rollups_due(first, end)
    return Traffic(
        objects=records + len(rollups),
        size=records * RECORD_BYTES,
        writes=records + len(rollups),
        reads=64 * len(rollups),
    )


def traffic_of_push(zst_sizes: Iterable[int], next_record: int, *, is_first: bool) -> Traffic:
    """Returns what the push of these links takes. `next_record`: number of the next record.

    `is_first`: into a bucket without an archive. A push that continues an interrupted one also
    asks for each object of its first record. Assets do not count: their names are known only when
    the segments are read.
    """
    links = [traffic_of_link(size) for size in zst_sizes]
    if not links:
        return Traffic(reads=1)
    begin = Traffic(1, 80, 2, 1) if is_first else Traffic(reads=2)
    records = traffic_of_records(next_record, next_record - -len(links) // MAX_LINKS)
    return sum(links, begin + records)


def traffic_of_check(objects: int, records: Iterable[int]) -> Traffic:
    """Returns what a check takes: a listing of all objects, and the records of each pusher."""
    reads = sum(map(reads_of_log, records))
    return Traffic(writes=1 + -(-objects // LIST_PAGE), reads=1 + reads)


def reads_of_log(records: int) -> int:
    """Returns how many requests read the log of a pusher: 75 for 26,280 records."""
    number = reads = 0
    while True:
        for size in sizes_at(number):
            reads += 1
            if number + size <= records:
                number += size
                break
        else:
            return reads
