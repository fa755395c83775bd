"""The answers of the catalog, found the slow and simple way: by listing and reading the log."""

from pathlib import Path

from eventlog.catalog.day import SealedFacts
from eventlog.catalog.lookup import SourceTotals
from eventlog.errors import Corrupt
from eventlog.files.listing import SegmentFiles, list_losses, list_segments, read_manifest
from eventlog.format import valid_lines
from eventlog.format.manifest import Manifest
from eventlog.format.paths import SegmentName, open_path


def manifest_or_none(root: Path, files: SegmentFiles) -> Manifest | None:
    """Returns the manifest of a segment, or None if it has no readable one."""
    try:
        return read_manifest(root, files.name) if files.has_manifest else None
    except Corrupt:
        return None


def listed_segments(
    root: Path, source: str, since_date: str = "", until_date: str = "~"
) -> list[tuple[SegmentFiles, SealedFacts | None]]:
    """Returns the segments of a source on the days of a half-open range, by name."""
    return [
        (files, facts_of(manifest_or_none(root, files)))
        for files in list_segments(root, source)
        if since_date <= files.name.date < until_date
    ]


def facts_of(manifest: Manifest | None) -> SealedFacts | None:
    """Returns what the catalog contains of a manifest."""
    if manifest is None:
        return None
    seqs = (manifest.first_seq, manifest.last_seq)
    times = (manifest.first_observed_at, manifest.last_observed_at)
    return SealedFacts(*seqs, *times, manifest.rows, manifest.raw.bytes, manifest.zst.bytes)


def listed_totals(root: Path, source: str) -> SourceTotals:
    """Returns the totals of a source."""
    segments = listed_segments(root, source)
    return SourceTotals(
        open=sum(files.is_open and not files.has_manifest for files, _ in segments),
        sealed=sum(files.has_zst and files.has_manifest for files, _ in segments),
        missing=sum(
            not (files.has_zst if files.has_manifest else files.is_open) for files, _ in segments
        ),
        lost=len(list_losses(root, source)),
        rows=sum(facts.rows for _, facts in segments if facts),
        zst_bytes=sum(facts.zst_bytes for files, facts in segments if facts and files.has_zst),
    )


def listed_ranges(
    root: Path, source: str, writer: str
) -> list[tuple[int, SegmentName, int | None]]:
    """Returns first seq, name and last seq of each segment of a stream, in seq order."""
    ranges: list[tuple[int, SegmentName, int | None]] = []
    for files in list_segments(root, source, writer):
        manifest = manifest_or_none(root, files)
        if manifest is not None:
            ranges.append((manifest.first_seq, files.name, manifest.last_seq))
        elif files.is_open and not files.has_manifest:
            with open_path(root, files.name).open("rb") as file:
                first = valid_lines.first_seq(file)
            ranges += [(first, files.name, None)] if first is not None else []
    return sorted(ranges, key=lambda seq_range: seq_range[:2])
