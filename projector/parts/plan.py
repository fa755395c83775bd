"""Plans: which segments a source has, which parts are missing. Decides; changes nothing."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import attrs

from eventlog.errors import Corrupt
from eventlog.files.listing import list_segments, read_manifest
from eventlog.format.paths import SegmentName, open_path, sealed_path
from eventlog.read.segment_lines import durable_bytes
from projector.definition import LOG, Definition
from projector.limits import Limits
from projector.parts.part import Part, Segment


@attrs.frozen
class Listing:
    """The segments of a source at one moment."""

    source: str
    sealed: tuple[SegmentName, ...]
    open: tuple[SegmentName, ...]

    @cached_property
    def sealed_names(self) -> frozenset[str]:
        """The names of what is sealed, as parts cover them."""
        return frozenset(str(name) for name in self.sealed)


@attrs.frozen
class Task:
    """Parts to build from one reading of some sealed segments."""

    segments: tuple[SegmentName, ...]
    definitions: tuple[Definition, ...]


def list_source(root: Path, source: str) -> Listing:
    """What lies in the log of a source."""
    files = list_segments(root, source)
    return Listing(
        source,
        tuple(each.name for each in files if each.is_sealed),
        tuple(each.name for each in files if not each.is_sealed and each.is_open),
    )


def definitions_of(definitions: Iterable[Definition], source: str) -> list[Definition]:
    """The definitions whose parts are made from a source's segments.

    In the order in which an open segment's parts are replaced: what is named before
    what names it (bodies, sightings, pages), so that a reader between two of them
    sees an earlier state and never a hole.
    """
    order = {"sightings": 1, "pages": 2, "events": 3}
    mine = [each for each in definitions if each.source in (source, LOG) and each.has_parts]
    return sorted(mine, key=lambda d: (order.get(d.view, 4) if d.source == LOG else 0, d.name))


def tasks(listing: Listing, done: Iterable[tuple[Definition, Sequence[Part]]]) -> list[Task]:
    """What is missing: per list of segments the definitions that lack it."""
    wanted: dict[tuple[SegmentName, ...], list[Definition]] = {}
    for definition, parts in done:
        covered = frozenset[str]().union(*(part.covers for part in parts))
        missing = tuple(name for name in listing.sealed if str(name) not in covered)
        if missing:
            wanted.setdefault(missing, []).append(definition)
    return [Task(missing, tuple(each)) for missing, each in wanted.items()]


def batches(segments: Sequence[Segment], limits: Limits) -> Iterator[list[Segment]]:
    """Lists of segments for a part each: at most a month, and within the limits of a batch."""
    held: list[Segment] = []
    for each in segments:
        full = sum(one.raw_bytes for one in held) + each.raw_bytes > limits.max_batch_bytes
        other = held and held[0].name.date[:7] != each.name.date[:7]
        if held and (full or other or len(held) >= limits.max_batch_segments):
            yield held
            held = []
        held.append(each)
    if held:
        yield held


def read_sealed(root: Path, name: SegmentName) -> Segment:
    """What the manifest of a sealed segment says. Raises `Corrupt` where the file is another."""
    manifest = read_manifest(root, name)
    path = sealed_path(root, name)
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise Corrupt(f"{path}: missing, though its manifest is there", "hindlog verify") from error
    if size != manifest.zst.bytes:
        raise Corrupt(
            f"{path}: expected {manifest.zst.bytes} bytes, found {size}", "hindlog verify"
        )
    return Segment(
        name,
        path,
        manifest.first_us,
        manifest.last_us,
        manifest.raw.bytes,
        manifest.rows,
        manifest.longest_line_bytes,
        manifest.zst.sha256,
    )


def copy_open(root: Path, name: SegmentName, scratch: Path) -> Segment | None:
    """A copy of the whole and durable lines of an open segment.

    DuckDB reads files, not ranges, and would refuse half a line. None where no line
    is whole. Raises `FileNotFoundError` if the segment was sealed meanwhile.
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
