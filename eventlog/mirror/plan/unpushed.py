"""Finds what is not committed, from the catalog of segments, without listing the log.

Nothing to do costs the timestamps of the day folders; otherwise the days are read that contain
a seq beyond the committed ones.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import attrs

from eventlog.catalog.day import REAL_TIMES, DayFolder, FolderTimes, SegmentEntry
from eventlog.catalog.index import SourceIndex, WriterDay, read_indexes
from eventlog.errors import Corrupt
from eventlog.files.lost_segments import read_loss
from eventlog.format.paths import SegmentName, manifest_path
from eventlog.mirror.bucket.chain import LinkFacts, StreamHead, link_facts
from eventlog.mirror.bucket.record import SEALED_LINK, Link
from eventlog.mirror.plan.push_plan import PushPlan, Unpushed, plan_push
from eventlog.read.cursor import StreamKey


@attrs.define
class _Findings:
    """What is not committed, as far as the catalog was read."""

    links: list[Unpushed] = attrs.field(factory=list)
    unreadable: list[SegmentName] = attrs.field(factory=list)


def find_unpushed(
    root: Path, heads: Mapping[StreamKey, StreamHead], times: FolderTimes = REAL_TIMES
) -> PushPlan:
    """Returns the plan of a push after the committed heads of the streams."""
    findings = _Findings()
    for index in read_indexes(root, times):
        last = {
            writer: head.last_seq
            for (source, writer), head in heads.items()
            if source == index.source
        }
        for summary in index.days:
            writers = {x.writer for x in summary.writers if _may_be_unpushed(x, last)}
            if writers:
                _add_day(root, index.day(summary.date), writers, last, findings)
    return plan_push(heads, findings.links, findings.unreadable)


def _may_be_unpushed(summary: WriterDay, last: Mapping[str, int]) -> bool:
    is_beyond = summary.last_seq > last.get(summary.writer, 0)
    # an open segment is counted as unknown, too
    return is_beyond or summary.lost > 0 or summary.unknown > summary.open


def _add_day(
    root: Path, day: DayFolder, writers: set[str], last: Mapping[str, int], findings: _Findings
) -> None:
    for entry in day.entries:
        if entry.writer in writers:
            name = day.name_of(entry)
            for link in _links_of(root, name, entry):
                if link.last_seq > last.get(entry.writer, 0):
                    findings.links.append(link)
            if not entry.is_lost and entry.has_manifest and entry.facts is None:
                findings.unreadable.append(name)


def _links_of(root: Path, name: SegmentName, entry: SegmentEntry) -> Iterator[Unpushed]:
    if entry.is_lost:
        loss = read_loss(root, name)
        yield Unpushed(name, True, False, loss.first_seq, loss.last_seq, name.starts_at, 0)
    elif entry.facts is not None:
        facts = entry.facts
        seqs = (facts.first_seq, facts.last_seq)
        yield Unpushed(name, False, entry.has_zst, *seqs, facts.first_us, facts.zst_bytes)


def last_sealed_links(root: Path, times: FolderTimes = REAL_TIMES) -> dict[StreamKey, LinkFacts]:
    """Returns the last sealed link of each stream in the folder. Reads one manifest of each."""
    links: dict[StreamKey, LinkFacts] = {}
    for index in read_indexes(root, times):
        last: dict[str, tuple[int, str]] = {}
        for summary in index.days:
            for day in summary.writers:
                newest = (day.last_seq, summary.date)
                last[day.writer] = max(newest, last.get(day.writer, newest))
        for writer, (last_seq, date) in last.items():
            if last_seq:
                with suppress(FileNotFoundError, Corrupt):  # the push itself reports them
                    links[index.source, writer] = _link_at(root, index, date, writer, last_seq)
    return links


def _link_at(root: Path, index: SourceIndex, date: str, writer: str, last_seq: int) -> LinkFacts:
    day = index.day(date)
    for entry in day.entries:
        facts = entry.facts
        if entry.writer == writer and facts is not None and facts.last_seq == last_seq:
            path = manifest_path(root, day.name_of(entry))
            return link_facts(Link(SEALED_LINK, None, None, path.read_text()), str(path))
    raise FileNotFoundError(f"{day}: no segment ends with seq {last_seq}")
