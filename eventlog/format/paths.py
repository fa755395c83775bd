"""The paths of all files in an archive. Pure.

    log/<source>/<YYYY-MM-DD>/<HH>-<writer>-<nnn>{.ndjson,.ndjson.zst,.manifest.json,.lost.json}

A sorted listing of a source is ordered by hour. Dates and hours are UTC.
"""

import re
from datetime import date
from pathlib import Path

import attrs

from eventlog.clock import format_us, parse_us

OPEN = ".ndjson"
SEALED = ".ndjson.zst"
MANIFEST = ".manifest.json"
LOSS = ".lost.json"

_SOURCE = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_WRITER = re.compile(r"[0-9a-f]{8}")
_NAME = re.compile(
    r"(?P<source>[a-z][a-z0-9_-]{0,62})/(?P<date>\d{4}-\d\d-\d\d)"
    r"/(?P<hour>[01]\d|2[0-3])-(?P<writer>[0-9a-f]{8})-(?P<number>\d{3,})"
)


@attrs.frozen(order=True)
class SegmentName:
    """The name of a segment, ordered by (source, date, hour, writer, number)."""

    source: str
    date: str
    hour: str
    writer: str
    number: int

    def __str__(self) -> str:
        return f"{self.source}/{self.date}/{self.hour}-{self.writer}-{self.number:03d}"

    @property
    def starts_at(self) -> int:
        """First instant of its hour, in microseconds."""
        return parse_us(f"{self.date}T{self.hour}:00:00Z")


def is_source(text: str) -> bool:
    """Whether a text is a valid name of a source."""
    return _SOURCE.fullmatch(text) is not None


def is_writer(text: str) -> bool:
    """Whether a text is a valid writer id: 8 hex digits."""
    return _WRITER.fullmatch(text) is not None


def segment_at(source: str, writer: str, instant: int, number: int) -> SegmentName:
    """Returns the name of a writer's segment number `number` in the hour of `instant`."""
    text = format_us(instant)
    return SegmentName(source, text[:10], text[11:13], writer, number)


def parse_segment(text: str) -> SegmentName | None:
    """Parses `openrouter/2026-11-21/05-1a2b3c4d-000`, with or without a file suffix.

    Inverse of `str`. None if the text is no name of a segment.
    """
    stem = text.removeprefix("log/")
    for suffix in (SEALED, OPEN, MANIFEST, LOSS):
        stem = stem.removesuffix(suffix)
    match = _NAME.fullmatch(stem)
    if match is None:
        return None
    part = match.groupdict()
    name = SegmentName(
        part["source"], part["date"], part["hour"], part["writer"], int(part["number"])
    )
    return name if str(name) == stem and _is_date(name.date) else None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def log_dir(root: Path) -> Path:
    """The folder of the log."""
    return root / "log"


def open_path(root: Path, name: SegmentName) -> Path:
    """The file of an open segment."""
    return root / "log" / f"{name}{OPEN}"


def sealed_path(root: Path, name: SegmentName) -> Path:
    """The file of a sealed segment."""
    return root / "log" / f"{name}{SEALED}"


def manifest_path(root: Path, name: SegmentName) -> Path:
    """The file of a sealed segment's manifest."""
    return root / "log" / f"{name}{MANIFEST}"


def loss_path(root: Path, name: SegmentName) -> Path:
    """The file that records that a segment is permanently lost."""
    return root / "log" / f"{name}{LOSS}"


def lock_path(root: Path, source: str, writer: str) -> Path:
    """The file that a writer of the stream locks (flock)."""
    return root / "log" / source / f".{writer}.lock"


def group_dir(root: Path, source: str, writer: str) -> Path:
    """The folder in which a stream prepares a group of sealed segments."""
    return root / "log" / source / f".{writer}.group"


def head_path(root: Path, source: str, writer: str) -> Path:
    """The file with the head of a stream. May be deleted at any time."""
    return root / "state" / "heads" / source / f"{writer}.json"


def catalog_path(root: Path, source: str, name: str) -> Path:
    """A file of the catalog of a source: a day, or `index`. May be deleted at any time."""
    return root / "state" / "catalog" / source / f"{name}.msgpack"


def asset_path(root: Path, sha256: str) -> Path:
    """The file of bytes that are too large for a line, named by their SHA-256."""
    return root / "assets" / "sha256" / sha256[:2] / sha256
