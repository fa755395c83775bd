"""Reading: events in the total order, lines exactly as written.

    hour by hour: segment ─┐
                  segment ─┼─ merged by (observed_at, writer, seq) ──> records
                  segment ─┘

Memory is one frame per segment of one hour, whatever the size of the log. Manifests
and their frame indexes skip what cannot match. A damaged segment is refused by name
and never stops the others.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import attrs

from eventlog.clock import format_us, parse_us
from eventlog.errors import Corrupt, NotFound
from eventlog.event import Position
from eventlog.frames import decompress
from eventlog.manifest import Frame, Manifest
from eventlog.paths import SegmentName, manifest_path, open_path, sealed_path
from eventlog.prefix import prefix
from eventlog.segments import Files, durable_bytes, list_segments, read_manifest
from eventlog.select import (
    EVERYTHING,
    Filter,
    Select,
    matches,
    ready,
    wants_frame,
    wants_manifest,
    wants_segment,
)

_CHUNK = 1024 * 1024

Refuse = Callable[[Corrupt], None]
"""What is done about a damaged segment, while the others are read on."""


@attrs.frozen
class Record:
    """One event, as it stands in the log."""

    line: bytes
    """Without its line feed."""
    segment: SegmentName
    observed_at: str
    writer: str
    seq: int

    @property
    def key(self) -> tuple[str, str, int, str]:
        """The total order; the source last, since writers may share an id across sources."""
        return (self.observed_at, self.writer, self.seq, self.segment.source)

    @property
    def position(self) -> Position:
        """The place in the total order, in numbers."""
        return Position(parse_us(self.observed_at), self.writer, self.seq)


def raise_it(error: Corrupt) -> None:
    """Refuse a damaged segment by ending the reading."""
    raise error


def read_events(
    root: Path,
    select: Select = EVERYTHING,
    *,
    refuse: Refuse = raise_it,
    backwards: bool = False,
) -> Iterator[Record]:
    """The events wanted, in the total order, or in its reverse."""
    wanted = ready(select)
    listed = [each for each in list_segments(root) if wants_segment(select, each.name)]
    listed.sort(key=lambda each: (each.name.date, each.name.hour), reverse=backwards)
    for _, hour in groupby(listed, key=lambda each: (each.name.date, each.name.hour)):
        streams = [
            _guarded(_segment_records(root, each.name, wanted, backwards), refuse) for each in hour
        ]
        yield from heapq.merge(*streams, key=attrgetter("key"), reverse=backwards)


def _guarded(records: Iterator[Record], refuse: Refuse) -> Iterator[Record]:
    try:
        yield from records
    except Corrupt as error:
        refuse(error)


def _segment_records(
    root: Path, name: SegmentName, wanted: Filter, backwards: bool
) -> Iterator[Record]:
    for block in segment_blocks(root, name, wanted.select, backwards=backwards):
        lines = block.split(b"\n")
        lines.pop()
        for line in reversed(lines) if backwards else lines:
            head = prefix(line)
            if wanted.takes_all or matches(wanted, head):
                yield Record(line, name, head.observed_at, head.writer, head.seq)


def segment_blocks(
    root: Path,
    name: SegmentName,
    select: Select = EVERYTHING,
    *,
    backwards: bool = False,
) -> Iterator[bytes]:
    """The whole lines of a segment, in blocks; frames that cannot match are skipped.

    An open segment gives what is durable. One that is sealed while we look is read
    from its sealed file.
    """
    try:
        file = open_path(root, name).open("rb")
    except FileNotFoundError:
        yield from _sealed_blocks(root, name, select, backwards)
        return
    if manifest_path(root, name).exists():
        file.close()
        yield from _sealed_blocks(root, name, select, backwards)
        return
    with file:
        found = _open_blocks(iter(lambda: file.read(_CHUNK), b""), _durable(root, name))
        yield from reversed(list(found)) if backwards else found


def _durable(root: Path, name: SegmentName) -> int:
    try:
        return durable_bytes(root, name)
    except FileNotFoundError:  # sealed since we opened it: all of it was durable
        return read_manifest(root, name).raw.bytes


def _open_blocks(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Whole lines of the first `limit` bytes."""
    rest, left = b"", limit
    for chunk in chunks:
        data = rest + chunk[:left]
        left -= len(chunk[:left])
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if end:
            yield data[:end]
        if left <= 0:
            return


def _sealed_blocks(
    root: Path, name: SegmentName, select: Select, backwards: bool
) -> Iterator[bytes]:
    manifest = _manifest(root, name)
    if not wants_manifest(select, manifest):
        return
    path = sealed_path(root, name)
    with _open_sealed(path, manifest) as file:
        for frame in reversed(manifest.frames) if backwards else manifest.frames:
            if wants_frame(select, frame):
                file.seek(frame.offset)
                yield _frame_lines(file.read(frame.bytes), frame, manifest, path)


def _manifest(root: Path, name: SegmentName) -> Manifest:
    try:
        return read_manifest(root, name)
    except FileNotFoundError as error:
        if sealed_path(root, name).exists():
            where = sealed_path(root, name)
            raise Corrupt(f"{where}: its manifest is missing", "hindlog verify") from error
        raise NotFound(f"{name}: no such segment", "hindlog segment list") from error


def _open_sealed(path: Path, manifest: Manifest):  # type: ignore[no-untyped-def]
    """The `.zst`, its size checked: a shorter one would be read short without an error."""
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise Corrupt(f"{path}: missing, its manifest is there", "hindlog verify") from error
    if size != manifest.zst.bytes:
        what = f"{path}: expected {manifest.zst.bytes} bytes, found {size}"
        raise Corrupt(what, f"hindlog repair {manifest.segment}")
    return path.open("rb")


def _frame_lines(data: bytes, frame: Frame, manifest: Manifest, path: Path) -> bytes:
    number = manifest.frames.index(frame)
    where = f"{path}: frame {number} at byte {frame.offset}"
    try:
        block = decompress(data, frame.raw_bytes)
    except Corrupt as error:
        raise Corrupt(f"{where}: {error.what}", f"hindlog repair {manifest.segment}") from error
    rows = block.count(b"\n")
    if rows != frame.rows:
        raise Corrupt(f"{where}: expected {frame.rows} lines, found {rows}")
    return block


@attrs.frozen
class Extent:
    """Which seqs a segment holds."""

    name: SegmentName
    first_seq: int
    last_seq: int | None
    """None for an open segment: it grows."""
    last_us: int | None = None


def extents(root: Path, source: str, writer: str) -> list[Extent]:
    """The segments of a stream in the order of their seqs."""
    found = [_extent(root, each) for each in list_segments(root, source, writer)]
    return sorted((each for each in found if each), key=lambda each: each.first_seq)


def _extent(root: Path, files: Files) -> Extent | None:
    name = files.name
    if not files.is_sealed:
        try:
            with open_path(root, name).open("rb") as file:
                line = file.readline()
            return Extent(name, prefix(line).seq, None) if line.endswith(b"\n") else None
        except FileNotFoundError:
            if not manifest_path(root, name).exists():
                return None  # a .zst alone: verify names it
    return _sealed_extent(root, name)


@lru_cache(maxsize=1 << 16)  # sealed segments never change
def _sealed_extent(root: Path, name: SegmentName) -> Extent:
    manifest = read_manifest(root, name)
    return Extent(name, manifest.first_seq, manifest.last_seq, manifest.last_us)


def read_stream(
    root: Path, source: str, writer: str, after_seq: int = 0, since: int | None = None
) -> Iterator[Record]:
    """The events of one stream with a seq greater than `after_seq`, in seq order.

    `since` leaves out what was observed before that instant. Raises `Corrupt` at a
    hole: a segment is missing.
    """
    expected = after_seq + 1
    floor = "" if since is None else format_us(since)
    for extent in extents(root, source, writer):
        if extent.last_seq is not None and extent.last_seq < expected:
            continue
        if after_seq and extent.first_seq > expected:
            raise _hole(source, writer, expected, extent)
        if since is not None and extent.last_us is not None and extent.last_us < since:
            expected = (extent.last_seq or 0) + 1
            continue
        for record in _segment_records(root, extent.name, ready(EVERYTHING), False):
            if record.seq < expected:
                continue
            if record.seq != expected:
                raise _hole(source, writer, expected, attrs.evolve(extent, first_seq=record.seq))
            expected += 1
            if record.observed_at >= floor:
                yield record


def _hole(source: str, writer: str, expected: int, found: Extent) -> Corrupt:
    return Corrupt(
        f"{source}, writer {writer}: expected seq {expected}, found {found.first_seq} in "
        f"{found.name}: a segment is missing",
        "hindlog verify",
    )


def read_one(root: Path, source: str, writer: str, seq: int) -> Record:
    """One event by its position, without reading the rest. Raises `NotFound`."""
    for extent in extents(root, source, writer):
        if extent.first_seq <= seq and (extent.last_seq is None or seq <= extent.last_seq):
            return read_at(root, extent.name, seq)
    raise NotFound(f"{source}, writer {writer}: no event with seq {seq}", "hindlog segment list")


def read_at(root: Path, name: SegmentName, seq: int) -> Record:
    """One event of a known segment, from its one frame. Raises `NotFound`."""
    blocks = (
        _block_of(root, name, seq)
        if manifest_path(root, name).exists()
        else segment_blocks(root, name)
    )
    for block in blocks:
        first = prefix(block[: block.index(b"\n")]).seq
        rows = block.count(b"\n")
        if first <= seq < first + rows:
            line = block.split(b"\n", seq - first + 1)[seq - first]
            head = prefix(line)
            return Record(line, name, head.observed_at, head.writer, head.seq)
    raise NotFound(f"{name}: no event with seq {seq}", f"hindlog segment cat {name}")


def _block_of(root: Path, name: SegmentName, seq: int) -> Iterator[bytes]:
    manifest = _manifest(root, name)
    path = sealed_path(root, name)
    first = manifest.first_seq
    for frame in manifest.frames:
        if first <= seq < first + frame.rows:
            with _open_sealed(path, manifest) as file:
                file.seek(frame.offset)
                yield _frame_lines(file.read(frame.bytes), frame, manifest, path)
        first += frame.rows
