"""The mirror of an archive, as readers use it: what is committed, and functions that fetch.

    reader of a missing file ──> find_mirror(root) ──> function of the program ──> MirrorReader

The program registers one function, which is called when the first file is missing. So readers
stay plain functions without a parameter for the mirror, and nothing is opened before.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import attrs

ANNOUNCED_BYTES = 64_000_000
"""How much is fetched without a message; after it, one follows whenever the sum has doubled."""


@attrs.frozen
class WantedFile:
    """A file that is in the mirror and not here."""

    name: str
    """Its object, and its path below the archive."""
    size: int
    sha256: str


@attrs.define
class FetchedTotals:
    """What this process fetched from a mirror. Several threads may use it at once."""

    files: int = 0
    size: int = 0
    announce_at: int = ANNOUNCED_BYTES
    frame_bytes: dict[str, int] = attrs.field(factory=dict)
    """Of the single frames that were fetched, by the name of the object."""
    lock: Lock = attrs.field(factory=Lock)


@attrs.frozen
class MirrorReader:
    """The mirror of one archive. Its functions may be called in any thread."""

    address: str
    is_committed: Callable[[str, str, int], bool]
    """Whether the mirror has everything of a stream (source, writer) up to a seq."""
    size_of: Callable[[str], int | None]
    """Returns the size of an object; None if it does not exist."""
    get_file: Callable[[WantedFile, Path], None]
    """Writes an object to a file, continuing behind what the file contains. On return the file
    has the expected size and SHA-256. Raises `NotFound`, `Corrupt` and `Unavailable`."""
    get_range: Callable[[str, int, int], bytes]
    """Returns the bytes of an object at (offset, size)."""
    cache_bytes: int
    """Bound of the cache."""
    report: Callable[[str], None]
    """Takes a message for the user."""
    totals: FetchedTotals = attrs.field(factory=FetchedTotals)


FindMirror = Callable[[Path], MirrorReader | None]
"""Returns the mirror of an archive; None if it has none."""

_REGISTERED: list[FindMirror] = []
"""A module variable, not a context variable: files are also read in threads of executors."""


@contextmanager
def reading_from_mirrors(find: FindMirror) -> Iterator[None]:
    """Lets all threads read absent files inside the context."""
    _REGISTERED.append(find)
    try:
        yield
    finally:
        _REGISTERED.remove(find)


def find_mirror(root: Path) -> MirrorReader | None:
    """Returns the mirror of an archive; None if it has none, or the program registered none."""
    return _REGISTERED[-1](root) if _REGISTERED else None


def mirror_has(root: Path, source: str, writer: str, last_seq: int) -> bool:
    """Whether the mirror has everything of a stream up to a seq."""
    mirror = find_mirror(root)
    return mirror is not None and mirror.is_committed(source, writer, last_seq)


def announce(mirror: MirrorReader, files: int, size: int) -> None:
    """Counts files that are about to be fetched, and reports the sums once they are large."""
    totals = mirror.totals
    with totals.lock:
        totals.files += files
        totals.size += size
        is_due = totals.size > totals.announce_at
        while totals.size > totals.announce_at:
            totals.announce_at *= 2
        text = f"fetching {totals.files:,} files, {totals.size / 1e6:,.0f} MB"
    if is_due:
        mirror.report(f"{text}, from {mirror.address}")
