"""Recordings: responses in files, folders, `.zst` and `.gz` files, and `.tar.zst` packs.

Listing the recordings reads only names and times. The bodies are read afterwards, one at
a time and in order of time. A pack is opened when its first member is due, since an open
zstd stream may need 128 MiB.
"""

import gzip
import heapq
import io
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO

import attrs
import zstandard

from eventlog.clock import SECOND, parse_us
from eventlog.errors import Invalid, NotFound
from fetcher.imports.zstd_end import ends_with_complete_frame

_MAX_WINDOW_BYTES = 2**31
_SUFFIXES = (".zst", ".gz", ".json", ".ndjson", ".jsonl")
_LINES_NAME = re.compile(r"\.(ndjson|jsonl)(\.zst|\.gz)?$")
"""Names of files with one document per line."""
_MAX_CHUNK_LINES, _MAX_CHUNK_BYTES = 1000, 8 * 1024 * 1024
"""Size at which a chunk of lines ends."""
_TIME_IN_NAME = re.compile(
    r"(?<!\d)(?P<y>20\d\d)-?(?P<m>[01]\d)-?(?P<d>[0-3]\d)"
    r"(?:[T_ /-]?(?P<H>[0-2]\d)[:-]?(?P<M>[0-5]\d)(?:[:-]?(?P<S>[0-5]\d))?(?!\d)|(?!\d))"
)


@attrs.frozen
class RecordedResponse:
    """A response that was recorded by another program."""

    observed_at: int
    """Microseconds since 1970."""
    file: str
    """Name relative to the folder that contains the given path."""
    member: str | None
    """Name inside a pack; None outside one."""
    body: bytes
    commit: str | None = None
    endpoint: str | None = None
    """Path template of the endpoint, if it is known."""
    params: Mapping[str, str] = attrs.field(factory=dict)
    first_line: int | None = None
    """If the body is a chunk of lines, the number of the first one, from 1."""

    @property
    def documents(self) -> list[bytes]:
        """The body, or its lines if it is a chunk of lines."""
        if self.first_line is None:
            return [self.body]
        return [line for line in self.body.split(b"\n") if line.strip()]


@attrs.frozen
class Recording:
    """A file that contains one or more recorded responses."""

    first_at: int
    """Time of the earliest response, in microseconds."""
    count: int
    open: Callable[[], Iterator[RecordedResponse]]
    """Yields the responses in order of time."""


TimeOf = Callable[[str, float], int]
"""Maps a name and its mtime in seconds to the time of a response, in microseconds."""

OnSkip = Callable[[str], None]
"""Called with the name of each response that is skipped, and the reason."""


def choose_time_of(time_from: str, observed_at: int | None) -> TimeOf:
    """Returns how the time of a response is determined: `name`, `mtime`, or a fixed time.

    Raises `Invalid` for any other value of `time_from`.
    """
    if observed_at is not None:
        return lambda name, mtime: observed_at
    if time_from == "mtime":
        return lambda name, mtime: int(mtime * SECOND)
    if time_from == "name":
        return lambda name, mtime: time_in_name(name)
    raise Invalid(f"time from {time_from!r}: expected name, mtime or git")


def time_in_name(name: str) -> int:
    """Returns the time in a path, such as `20260810T120114Z` or `2026-08-15/121622`, in UTC.

    The last time in the path counts. A date alone means midnight. Raises `Invalid` if the
    path contains no time.
    """
    for match in reversed(list(_TIME_IN_NAME.finditer(name))):
        part = match.groupdict(default="00")
        text = f"{part['y']}-{part['m']}-{part['d']}T{part['H']}:{part['M']}:{part['S']}Z"
        try:
            return parse_us(text)
        except ValueError:
            continue
    raise Invalid(
        f"{name}: no time in this name",
        "give one: --observed-at TIME, or --time-from mtime",
    )


def list_recordings(
    paths: Sequence[Path], time_of: TimeOf, on_skip: OnSkip | None = None
) -> list[Recording]:
    """Returns the recordings among the paths and in the folders among them.

    Responses without a time are skipped and passed to `on_skip`; without `on_skip` they
    raise `Invalid`. Raises `NotFound` for a path that does not exist.
    """
    recordings = []
    for path in paths:
        if not path.exists():
            raise NotFound(f"{path}: no such file or folder")
        for file in sorted(_files_in(path)):
            name = os.fsencode(file.relative_to(path.parent)).decode("utf-8", "backslashreplace")
            recordings.append(_recording(file, name, time_of, on_skip))
    return [recording for recording in recordings if recording is not None and recording.count]


def _files_in(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for file in path.rglob("*"):
        if file.is_file() and file.name.endswith(_SUFFIXES) and not file.name.startswith("."):
            yield file


def _recording(file: Path, name: str, time_of: TimeOf, on_skip: OnSkip | None) -> Recording | None:
    if ".tar" in file.suffixes:
        return _pack(file, name, time_of, on_skip)
    at = _time_or_skip(time_of, name, name, file.stat().st_mtime, on_skip)
    if at is None:
        return None

    def read() -> Iterator[RecordedResponse]:
        with _decompressed(file) as stream:
            yield from _responses(RecordedResponse(at, name, None, b""), name, stream)

    return Recording(at, 1, read)


def _time_or_skip(
    time_of: TimeOf, full_name: str, name: str, mtime: float, on_skip: OnSkip | None
) -> int | None:
    """Returns the time of a response; None if it has none and was passed to `on_skip`."""
    try:
        return time_of(name, mtime)
    except Invalid as error:
        if on_skip is None:
            raise
        on_skip(f"{full_name}: {error.what.removeprefix(f'{name}: ')}")
        return None


def _responses(empty: RecordedResponse, name: str, stream: IO[bytes]) -> Iterator[RecordedResponse]:
    """Yields the content of a file: one document, or the lines in chunks."""
    if not _LINES_NAME.search(name):
        yield attrs.evolve(empty, body=stream.read())
        return
    lines, size, first = list[bytes](), 0, 1
    for number, line in enumerate(io.BufferedReader(stream), 1):  # type: ignore[type-var]
        lines.append(line)
        size += len(line)
        if len(lines) >= _MAX_CHUNK_LINES or size >= _MAX_CHUNK_BYTES:
            yield attrs.evolve(empty, body=b"".join(lines), first_line=first)
            lines, size, first = [], 0, number + 1
    if lines:
        yield attrs.evolve(empty, body=b"".join(lines), first_line=first)


def _pack(file: Path, name: str, time_of: TimeOf, on_skip: OnSkip | None) -> Recording:
    times = [at for at, _, _ in _members(file, name, time_of, on_skip)]
    ignore_skips = None if on_skip is None else _ignore  # they were reported above

    def read() -> Iterator[RecordedResponse]:
        for at, member, stream in _members(file, name, time_of, ignore_skips):
            yield from _responses(RecordedResponse(at, name, member, b""), member, stream)

    def read_sorted() -> Iterator[RecordedResponse]:
        yield from sorted(read(), key=lambda response: response.observed_at)

    is_sorted = all(a <= b for a, b in pairwise(times))
    return Recording(min(times, default=0), len(times), read if is_sorted else read_sorted)


def _ignore(_skipped: str) -> None:
    pass


def _members(
    file: Path, name: str, time_of: TimeOf, on_skip: OnSkip | None
) -> Iterator[tuple[int, str, IO[bytes]]]:
    """Yields time, name and content of each file in a pack, in the order of the pack."""
    try:
        with _decompressed(file) as stream, tarfile.open(fileobj=stream, mode="r|") as pack:
            for member in pack:
                content = pack.extractfile(member) if member.isfile() else None
                if content is None:
                    continue
                full_name = f"{name}/{member.name}"
                at = _time_or_skip(time_of, full_name, member.name, member.mtime, on_skip)
                if at is not None:
                    yield at, member.name, content
    except (tarfile.TarError, EOFError) as error:
        raise Invalid(f"{file}: not a complete tar file: {error}") from error


@contextmanager
def _decompressed(file: Path) -> Iterator[IO[bytes]]:
    """Yields the decompressed content of a file. Raises `Invalid` if the file is cut off."""
    with file.open("rb") as raw:
        if file.suffix == ".gz":
            with gzip.open(raw) as stream:
                try:
                    yield stream  # type: ignore[misc]
                except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                    raise Invalid(f"{file}: {error}") from error
        elif file.suffix == ".zst":
            if not ends_with_complete_frame(raw):
                raise Invalid(f"{file}: ends inside a zstd frame", "fetch the whole file again")
            raw.seek(0)
            decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
            with decompressor.stream_reader(raw, read_across_frames=True) as stream:
                try:
                    yield stream
                except zstandard.ZstdError as error:
                    raise Invalid(f"{file}: {error}") from error
        else:
            yield raw


def merge_by_time(recordings: Iterable[Recording]) -> Iterator[RecordedResponse]:
    """Yields all responses by time, then file and member; opens each recording when it is due."""
    unopened = [(item.first_at, number, item) for number, item in enumerate(recordings)]
    heapq.heapify(unopened)
    opened: list[tuple[int, str, str, int, RecordedResponse, Iterator[RecordedResponse]]] = []
    while unopened or opened:
        while unopened and (not opened or unopened[0][0] <= opened[0][0]):
            _, number, recording = heapq.heappop(unopened)
            _push_next(opened, recording.open(), number)
        *_, number, response, remaining = heapq.heappop(opened)
        yield response
        _push_next(opened, remaining, number)


def _push_next(
    opened: list[tuple[int, str, str, int, RecordedResponse, Iterator[RecordedResponse]]],
    remaining: Iterator[RecordedResponse],
    number: int,
) -> None:
    response = next(remaining, None)
    if response is not None:
        sort_key = (response.observed_at, response.file, response.member or "", number)
        heapq.heappush(opened, (*sort_key, response, remaining))
