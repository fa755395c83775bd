"""The gaps of a log, found the slow and simple way: by listing and reading all of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from eventlog.check.coverage_gaps import Gap
from eventlog.clock import HOUR, hour_start, parse_us
from eventlog.errors import Corrupt
from eventlog.files.listing import list_segments, list_sources, read_manifest
from eventlog.files.lost_segments import read_losses
from eventlog.files.writer_ids import roles_by_writer
from eventlog.format.paths import SegmentName, manifest_path
from eventlog.read.event_filter import EVERYTHING, compile_select
from eventlog.read.reader import segment_records
from eventlog.read.seq_ranges import segment_seqs


def full_gaps(root: Path, now: int, since: int | None) -> list[Gap]:
    """Returns what `find_gaps` must return while nobody writes."""
    gaps = [gap for source in list_sources(root) for gap in _of_source(root, source, now)]
    selected = [gap for gap in gaps if since is None or gap.until > since]
    return sorted(
        selected, key=lambda gap: (gap.source, gap.since, gap.until, gap.what, gap.run or "")
    )


def _of_source(root: Path, source: str, now: int) -> Iterator[Gap]:
    names = [files.name for files in list_segments(root, source)]
    roles = roles_by_writer(root)
    live = {
        writer
        for writer in {name.writer for name in names}
        if _is_live(root, roles.get(writer), [x for x in names if x.writer == writer])
    }
    crawling = {writer for writer in live if roles.get(writer) != "command"}
    yield from _hours(source, {x.starts_at for x in names if x.writer in crawling}, now)
    for writer in sorted(live):
        yield from _seqs(root, source, [x for x in names if x.writer == writer])
    yield from _runs(root, source, names, live)


def _lines(root: Path, name: SegmentName) -> list[tuple[tuple[str, str, int], dict[str, Any]]]:
    """Returns the events of a segment with their keys; none if it is damaged."""
    try:
        records = list(segment_records(root, name, compile_select(EVERYTHING)))
    except Corrupt:
        return []
    return [((x.observed_at, x.writer, x.seq), orjson.loads(x.line)) for x in records]


def _is_live(root: Path, role: str | None, names: list[SegmentName]) -> bool:
    if role is not None:
        return role != "import"
    pages = [line for _, line in _lines(root, min(names)) if line["kind"] == "page"]
    return not pages or pages[0].get("import") is None


def _hours(source: str, covered: set[int], now: int) -> Iterator[Gap]:
    uncovered = [
        hour
        for hour in range(min(covered, default=now), max([hour_start(now), *covered]), HOUR)
        if hour not in covered
    ]
    for since in (hour for hour in uncovered if hour - HOUR not in uncovered):
        count = 1
        while since + count * HOUR in uncovered:
            count += 1
        what = f"{count} hour{'s' if count > 1 else ''} without segment or heartbeat"
        yield Gap(source, "hours", since, since + count * HOUR, what)


def _seqs(root: Path, source: str, names: list[SegmentName]) -> Iterator[Gap]:
    segments: list[tuple[int, SegmentName, int]] = []
    for name in names:
        try:
            seqs = segment_seqs(root, name)
        except Corrupt as error:
            yield Gap(source, "seqs", 0, 0, error.what)
        else:
            segments += [(seqs.first_seq, name, seqs.last_seq)] if seqs else []
    existing = {seq for first, _, last in segments for seq in range(first, last + 1)}
    missing = [seq for seq in range(1, max(existing, default=0)) if seq not in existing]
    for first in (seq for seq in missing if seq - 1 not in missing):
        last = min(seq for seq in existing if seq > first) - 1
        after = min(segment for segment in segments if segment[0] == last + 1)[1]
        before = min((x for x in segments if x[2] == first - 1), default=None)
        since = after.starts_at
        if before is not None and manifest_path(root, before[1]).exists():
            since = read_manifest(root, before[1]).last_us
        reason = f"writer {after.writer}: seq {first} to {last} missing before {after}"
        losses = read_losses(root, source, after.writer)
        overlapping = [x for x in losses if x.first_seq <= last and first <= x.last_seq]
        lost = {seq for x in overlapping for seq in range(x.first_seq, x.last_seq + 1)}
        if lost.issuperset(range(first, last + 1)):
            reason += f", recorded as lost on {max(x.accepted_at for x in overlapping)[:16]}Z"
        yield Gap(source, "seqs", since, after.starts_at, reason)


def _runs(root: Path, source: str, names: list[SegmentName], live: set[str]) -> Iterator[Gap]:
    lines = sorted(
        (pair for name in names for pair in _lines(root, name)), key=lambda pair: pair[0]
    )
    events: dict[str, list[dict[str, Any]]] = {}
    responses: dict[str, str] = {}
    for (at, writer, _), line in lines:
        if line["kind"] == "run" and writer in live:
            is_complete = line["state"] in ("completed", "cleaned") and not line["partial"]
            events[line["run"]] = [] if is_complete else [*events.get(line["run"], []), line]
        elif line["kind"] in ("page", "page_failed", "anomaly"):
            responses[line["run"]] = at
    for run, unfinished in events.items():
        if unfinished:
            last = unfinished[-1]
            state = "partial" if last["partial"] else last["state"]
            if last["state"] in ("created", "progressed", "retried"):
                is_started = responses.get(run, "") >= last["observed_at"]
                state = "never ended" if is_started else "queued, not started"
            since, until = (parse_us(line["observed_at"]) for line in (unfinished[0], last))
            yield Gap(source, "run", since, until + 1, f"models {state}", run)
