"""Recordings: responses in files, folders, `.zst` and `.gz` files, and `.tar.zst` packs.

Listing the recordings reads only names and times. The bodies are read afterwards, one at
a time and in order of time. A pack is opened when its first member is due, since an open
zstd stream may need 128 MiB.
"""

import gzip
import heapq
import io
import math
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import IO

import attrs
import zstandard

from eventlog.clock import SECOND, Clock, now_us
from eventlog.errors import Invalid, NotFound
from eventlog.format.manifest import digest
from fetcher.imports.name_time import check_observed_at, time_in_name
from fetcher.imports.zstd_end import ends_with_complete_frame

_MAX_WINDOW_BYTES = 2**31
_SUFFIXES = (".zst", ".gz", ".json", ".ndjson", ".jsonl")
_LINES_NAME = re.compile(r"\.(ndjson|jsonl)(\.zst|\.gz)?$")
"""Names of files with one document per line."""
_MAX_CHUNK_LINES, _MAX_CHUNK_BYTES = 1000, 8 * 1024 * 1024
"""Size at which a chunk of lines ends."""


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


TimeOf = Callable[[str, float, str], int]
"""Maps name, mtime in seconds and folder of a response to its time, in microseconds."""

OnSkip = Callable[[str], None]
"""Called with the name of each response that is skipped, and the reason."""


def choose_time_of(time_from: str, observed_at: int | None, now: Clock = now_us) -> TimeOf:
    """Returns how the time of a response is determined: `name`, `mtime`, or a fixed time.

    A time before 1970 or after `now` raises `Invalid`. Raises `Invalid` for any other value of
    `time_from`, and for a fixed time that is not allowed.
    """
    if observed_at is not None:
        try:
            fixed = check_observed_at(observed_at, now())
        except Invalid as error:
            raise Invalid(f"--observed-at: {error.what}") from error
        return lambda name, mtime, folder: fixed
    if time_from == "mtime":
        return lambda name, mtime, folder: check_observed_at(math.floor(mtime * SECOND), now())
    if time_from == "name":
        return lambda name, mtime, folder: check_observed_at(time_in_name(name, folder), now())
    raise Invalid(f"time from {time_from!r}: expected name, mtime or git")


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
            recordings.append(_recording(file, name, str(path.parent), time_of, on_skip))
    return [recording for recording in recordings if recording is not None and recording.count]


def _files_in(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for file in path.rglob("*"):
        if file.is_file() and file.name.endswith(_SUFFIXES) and not file.name.startswith("."):
            yield file


def _recording(
    file: Path, name: str, folder: str, time_of: TimeOf, on_skip: OnSkip | None
) -> Recording | None:
    if ".tar" in file.suffixes:
        return _pack(file, name, time_of, on_skip)
    at = _time_or_skip(partial(time_of, name, file.stat().st_mtime, folder), name, name, on_skip)
    if at is None:
        return None

    def read() -> Iterator[RecordedResponse]:
        with _decompressed(file) as stream:
            yield from _responses(RecordedResponse(at, name, None, b""), name, stream)

    return Recording(at, 1, read)


def _time_or_skip(
    find_time: Callable[[], int], full_name: str, name: str, on_skip: OnSkip | None
) -> int | None:
    """Returns the time of a response; None if it has none and was passed to `on_skip`."""
    try:
        return find_time()
    except Invalid as error:
        message = f"{full_name}: {error.what.removeprefix(f'{name}: ')}"
        if on_skip is None:
            raise Invalid(message, error.hint) from error
        on_skip(message)
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
                member_time = partial(time_of, member.name, member.mtime, "")
                at = _time_or_skip(member_time, full_name, member.name, on_skip)
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


_Pending = tuple[int, str, str, str, int, RecordedResponse, Iterator[RecordedResponse]]
"""Sort key of a response (the number only separates equal ones), it, and those after it."""


def merge_by_time(recordings: Iterable[Recording]) -> Iterator[RecordedResponse]:
    """Yields all responses by time, file, member and content, whatever the order of recordings.

    Each recording is opened when it is due.
    """
    unopened = [(item.first_at, number, item) for number, item in enumerate(recordings)]
    heapq.heapify(unopened)
    opened: list[_Pending] = []
    while unopened or opened:
        while unopened and (not opened or unopened[0][0] <= opened[0][0]):
            _, number, recording = heapq.heappop(unopened)
            _push_next(opened, recording.open(), number)
        *_, number, response, remaining = heapq.heappop(opened)
        yield response
        _push_next(opened, remaining, number)


def _push_next(
    opened: list[_Pending],
    remaining: Iterator[RecordedResponse],
    number: int,
) -> None:
    response = next(remaining, None)
    if response is not None:
        content = digest(response.body)
        sort_key = (response.observed_at, response.file, response.member or "", content)
        heapq.heappush(opened, (*sort_key, number, response, remaining))
