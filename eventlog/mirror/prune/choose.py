"""Chooses the sealed files that may be freed: old, committed, and not in doubt."""

from collections.abc import Iterator
from pathlib import Path

import attrs

from eventlog.catalog.index import read_indexes
from eventlog.format.paths import SegmentName
from eventlog.mirror.local.ledger import Ledger
from eventlog.read.cursor import StreamKey


@attrs.frozen
class PruneChoice:
    """A sealed file that may be freed."""

    name: SegmentName
    size: int


@attrs.frozen
class PrunePlan:
    """What may be freed, and what is old enough but has to stay."""

    chosen: tuple[PruneChoice, ...]
    """The oldest first."""
    uncommitted: int
    """Number of segments that are old, and not in the mirror as far as the ledger knows."""


def choose_files(root: Path, ledger: Ledger, before: int) -> PrunePlan:
    """Returns the sealed files whose last event is before an instant and that are committed.

    Nothing of a stream that two folders write is chosen. Reads the catalog only.
    """
    seqs = {key: head.last_seq for key, head in ledger.heads.items()}
    chosen: list[tuple[int, PruneChoice]] = []
    uncommitted = 0
    for name, last_us, last_seq, size in _old_files(root, before):
        key = (name.source, name.writer)
        if last_seq <= seqs.get(key, 0) and not _is_forked(ledger, key):
            chosen.append((last_us, PruneChoice(name, size)))
        else:
            uncommitted += 1
    chosen.sort(key=lambda item: (item[0], item[1].name))
    return PrunePlan(tuple(choice for _, choice in chosen), uncommitted)


def _old_files(root: Path, before: int) -> Iterator[tuple[SegmentName, int, int, int]]:
    """Yields name, last instant, last seq and size of the sealed files before an instant."""
    for index in read_indexes(root):
        for day in index.days:
            if not any(summary.sealed for summary in day.writers):
                continue
            for name, entry in index.day(day.date).segments:
                facts = entry.facts
                if facts and entry.has_zst and not entry.is_open and facts.last_us < before:
                    yield name, facts.last_us, facts.last_seq, facts.zst_bytes


def _is_forked(ledger: Ledger, key: StreamKey) -> bool:
    return "/".join(key) in ledger.forked
