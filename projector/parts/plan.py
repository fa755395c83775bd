"""Plans which parts to build: lists the segments of a source and finds those without parts.

Reads the log and writes nothing but copies of open segments, and second names of absent ones.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from eventlog.catalog.day import REAL_TIMES, FolderTimes
from eventlog.catalog.lookup import days_between
from eventlog.errors import Corrupt
from eventlog.files.absent.fetch import link_absent
from eventlog.files.listing import read_manifest
from eventlog.format.paths import SegmentName, open_path, parse_segment, sealed_path
from eventlog.read.segment_lines import durable_bytes
from projector.definition import LOG, Definition
from projector.limits import Limits
from projector.parts.part import Segment


@attrs.frozen
class SegmentListing:
    """The segments of a source when its folder was listed."""

    source: str
    sealed_names: frozenset[str]
    """Names of the sealed segments, as `Part.covers` contains them."""
    open: tuple[SegmentName, ...]

    @property
    def sealed(self) -> tuple[SegmentName, ...]:
        """The sealed segments, by name."""
        return parsed_names(self.sealed_names)


def parsed_names(names: Iterable[str]) -> tuple[SegmentName, ...]:
    """Returns segments by name."""
    parsed = (parse_segment(name) for name in names)
    return tuple(sorted(name for name in parsed if name is not None))


@attrs.frozen
class MissingParts:
    """Sealed segments, and the definitions that have no parts over any of them."""

    segments: tuple[SegmentName, ...]
    definitions: tuple[Definition, ...]


def list_source(root: Path, source: str, times: FolderTimes = REAL_TIMES) -> SegmentListing:
    """Lists the segments of a source, from the catalog."""
    sealed, opened = list[str](), list[SegmentName]()
    for (day,) in days_between(root, [source], times=times):
        for name, entry in day.segments:
            if entry.has_manifest:
                sealed.append(str(name))
            elif entry.is_open:
                opened.append(name)
    return SegmentListing(source, frozenset(sealed), tuple(opened))


def definitions_of(definitions: Iterable[Definition], source: str) -> list[Definition]:
    """Returns the definitions whose parts are built from the segments of a source.

    They are in the order in which the parts of an open segment are replaced: bodies before the
    sightings that refer to them, sightings before pages. A reader between two replacements sees
    an earlier state, and never a reference to a missing row.
    """
    order = {"sightings": 1, "pages": 2, "events": 3}
    relevant = [d for d in definitions if d.source in (source, LOG) and d.has_parts]
    return sorted(relevant, key=lambda d: (order.get(d.view, 4) if d.source == LOG else 0, d.name))


def find_missing(
    listing: SegmentListing, covered: Iterable[tuple[Definition, frozenset[str]]]
) -> list[MissingParts]:
    """Returns the parts to build; definitions that miss the same segments are grouped.

    `covered`: each wanted definition with the segments that its parts cover.
    """
    wanted: dict[frozenset[str], list[Definition]] = {}
    for definition, names in covered:
        if missing := listing.sealed_names - names:
            wanted.setdefault(missing, []).append(definition)
    return [MissingParts(parsed_names(missing), tuple(group)) for missing, group in wanted.items()]


def split_into_batches(segments: Sequence[Segment], limits: Limits) -> Iterator[list[Segment]]:
    """Yields consecutive segments of one month, within the limits of a batch.

    Each batch becomes one part per definition.
    """
    batch: list[Segment] = []
    size = 0
    for segment in segments:
        is_full = (
            size + segment.raw_bytes > limits.max_batch_bytes
            or len(batch) >= limits.max_batch_segments
        )
        if batch and (is_full or batch[0].name.date[:7] != segment.name.date[:7]):
            yield batch
            batch, size = [], 0
        batch.append(segment)
        size += segment.raw_bytes
    if batch:
        yield batch


def read_sealed(root: Path, name: SegmentName) -> Segment:
    """Returns a sealed segment as its manifest describes it; its file may be absent or damaged."""
    manifest = read_manifest(root, name)
    return Segment(
        name,
        sealed_path(root, name),
        manifest.first_us,
        manifest.last_us,
        manifest.raw.bytes,
        manifest.rows,
        manifest.longest_line_bytes,
        manifest.zst.sha256,
        manifest.zst.bytes,
    )


def with_files(
    root: Path,
    segments: Sequence[Segment],
    scratch: Path,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[Segment]:
    """Returns sealed segments with files that exist; absent ones are fetched into `scratch`.

    Raises `Corrupt` if a file is missing and not absent, or has another size.
    """
    if (root / "log" / "archive.json").exists():  # a prune may delete files before they are read
        segments = [_with_second_name(root, segment, scratch) for segment in segments]
    sizes = [_size_of(segment.path) for segment in segments]
    for segment, size in zip(segments, sizes, strict=True):
        if None not in (size, segment.zst_bytes) and size != segment.zst_bytes:
            place = sealed_path(root, segment.name)
            what = f"{place}: expected {segment.zst_bytes} bytes, found {size}"
            raise Corrupt(what, "hindlog verify")
    missing = [x.name for x, size in zip(segments, sizes, strict=True) if size is None]
    manifests = [read_manifest(root, name) for name in missing]
    fetched = dict(zip(missing, link_absent(root, manifests, scratch, is_cancelled), strict=True))
    return [attrs.evolve(x, path=fetched.get(x.name, x.path)) for x in segments]


def _with_second_name(root: Path, segment: Segment, scratch: Path) -> Segment:
    """Returns a segment whose file has a second name in `scratch`, if it can have one."""
    target = scratch / segment.path.relative_to(root)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(segment.path, target)
    except OSError:  # it is absent, or on another file system
        return segment
    return attrs.evolve(segment, path=target)


def _size_of(path: Path) -> int | None:
    """Returns the size of a file; None if it is missing."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def copy_open_segment(root: Path, name: SegmentName, scratch: Path) -> Segment | None:
    """Copies the durable lines of an open segment, without a torn tail, and returns the copy.

    DuckDB reads only whole files and refuses one with a half-written line. Returns None if there
    is no complete line. Raises `FileNotFoundError` if the segment was sealed meanwhile.
    """
    with open_path(root, name).open("rb") as file:
        data = file.read(durable_bytes(root, name, file))
    data = data[: data.rfind(b"\n") + 1]
    if not data:
        return None
    path = scratch / "log" / f"{name}.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    longest = max(len(line) for line in data.splitlines())
    return Segment(name, path, name.starts_at, name.starts_at, len(data), None, longest)
