"""Checks a log without reading all of it: by the catalog, and by reading a few segments.

Notices missing files and seqs, unreadable manifests, seqs that exist twice, and what is wrong with
open segments. Does not notice foreign files, broken links of the chain, and damage inside the
segments that were not read: `verify` does. Changes nothing but the catalog.
"""

from collections.abc import Iterator
from itertools import pairwise
from operator import attrgetter
from pathlib import Path

import attrs

from eventlog.catalog.day import REAL_TIMES, FolderTimes
from eventlog.catalog.index import SourceIndex, WriterDay, read_indexes
from eventlog.catalog.lookup import count_absent
from eventlog.check.segment_damage import Damage, open_damage, sealed_damage
from eventlog.check.seq_coverage import missing_seqs
from eventlog.errors import Corrupt
from eventlog.files.heads import read_head
from eventlog.files.listing import noted_streams, read_manifest
from eventlog.files.stream_lock import sealed_seq
from eventlog.format.paths import SegmentName
from eventlog.read.seq_ranges import segment_seqs

SAMPLED_DAYS = 10
"""Number of days per source on which a segment is read, besides the newest."""


@attrs.frozen
class QuickResult:
    """What a quick check found."""

    segments: int
    read: int
    """Number of sealed segments that were read completely."""
    damages: tuple[Damage, ...]
    """Damage in those."""
    suspicions: tuple[str, ...]
    """What looks like damage, but may also be a segment that is being sealed; `verify` decides."""
    absent: int = 0
    """Number of segments whose file is in the mirror only."""


def quick_check(root: Path, number: int, times: FolderTimes = REAL_TIMES) -> QuickResult:
    """Checks a log. Consecutive values of `number` choose different segments to be read."""
    suspicions: list[str] = []
    damages: list[Damage] = []
    ends: dict[tuple[str, str], int] = {}
    segments = absent = read = 0
    for index in read_indexes(root, times):
        writers = sorted({summary.writer for day in index.days for summary in day.writers})
        for writer in writers:
            summaries = [x for day in index.days for x in day.writers if x.writer == writer]
            segments += sum(x.open + x.sealed + x.missing for x in summaries)
            suspicions += _suspicions(index, writer, summaries)
            ends[index.source, writer] = _end(index, writer, summaries)
        absent += count_absent(index)
        for name in sorted(set(_sample(index, number))):
            read += 1
            damages += _damage_in(root, name)
    for source, writer in noted_streams(root):
        suspicions += _missing_end(root, source, writer, ends.get((source, writer), 0))
    return QuickResult(segments, read, tuple(damages), tuple(suspicions), absent)


def _suspicions(index: SourceIndex, writer: str, summaries: list[WriterDay]) -> Iterator[str]:
    """Yields what is wrong with the files and seqs of a stream, by the catalog."""
    stream = f"{index.source}, writer {writer}"
    missing = sum(summary.missing for summary in summaries)
    absent = count_absent(index, writer) if missing else 0
    if missing > absent:
        yield f"{stream}: {missing - absent} segments lack a file"
    damages: list[Corrupt] = []
    for seqs in missing_seqs(index, writer, damages.append):
        if seqs.lost_at is None:
            yield f"{stream}: seq {seqs.first_seq} to {seqs.last_seq} missing"
    yield from (damage.what for damage in damages)
    known = sorted((x for x in summaries if x.last_seq), key=attrgetter("first_seq"))
    if any(x.rows > x.last_seq - x.first_seq + 1 for x in known) or any(
        after.first_seq <= before.last_seq for before, after in pairwise(known)
    ):
        yield f"{stream}: sequence numbers occur twice"
    for name in _open_segments(index, writer):
        _, _, open_damages = open_damage(index.root, name, read_head(index.root, *_key(name)))
        yield from map(str, open_damages)


def _open_segments(index: SourceIndex, writer: str) -> Iterator[SegmentName]:
    for day in index.days:
        if any(summary.writer == writer and summary.open for summary in day.writers):
            for name, entry in index.day(day.date).segments:
                if entry.writer == writer and not entry.has_manifest:
                    yield name


def _key(name: SegmentName) -> tuple[str, str]:
    return name.source, name.writer


def _end(index: SourceIndex, writer: str, summaries: list[WriterDay]) -> int:
    """Returns the last seq of a stream that exists."""
    opened = [segment_seqs(index.root, name) for name in _open_segments(index, writer)]
    return max(
        *(summary.last_seq for summary in summaries),
        *(seqs.last_seq for seqs in opened if seqs),
        0,
    )


def _missing_end(root: Path, source: str, writer: str, end: int) -> Iterator[str]:
    """Yields a suspicion if a stream was durable, or sealed, beyond its end."""
    head = read_head(root, source, writer)
    durable = max(head.last_seq if head else 0, sealed_seq(root, source, writer))
    if durable > end:
        message = f"seq {durable} was durable, but the log ends with seq {end}"
        yield f"{source}, writer {writer}: {message}"


def _sample(index: SourceIndex, number: int) -> Iterator[SegmentName]:
    """Yields sealed segments: one of each of some days, and all of the newest day."""
    stride = max(1, -(-len(index.days) // SAMPLED_DAYS))
    for day in index.days[number % stride :: stride]:
        sealed = _sealed_on(index, day.date)
        yield from sealed[number // stride % max(1, len(sealed)) :][:1]
    for day in index.days[-1:]:
        yield from _sealed_on(index, day.date)


def _sealed_on(index: SourceIndex, date: str) -> list[SegmentName]:
    segments = index.day(date).segments
    return [name for name, entry in segments if entry.has_manifest and entry.has_zst]


def _damage_in(root: Path, name: SegmentName) -> list[Damage]:
    try:
        return sealed_damage(root, read_manifest(root, name))
    except Corrupt as error:
        return [Damage(f"{name}.manifest.json", error.what)]
