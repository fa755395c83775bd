"""Recordings: the responses in files, folders, packs and pipes, in order of time.

Listing the recordings reads only names and times. The bodies are read afterwards, one at
a time and in order of time. A pack is opened when its first member is due, since an open
zstd stream may need 128 MiB.
"""

import heapq
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import IO

import attrs

from eventlog.clock import SECOND, Clock, now_us
from eventlog.errors import HindlogError, Invalid
from eventlog.format.manifest import digest
from fetcher.imports.files.decompress import (
    DAMAGE_HINT,
    DamagedRecording,
    check_complete,
    decompress_bytes,
    decompressed,
)
from fetcher.imports.files.input_files import InputFile, OnLeftOut, find_input_files
from fetcher.imports.files.kinds import FileKind, Structure, kind_of_name
from fetcher.imports.files.packs import PackMember, list_members, read_members
from fetcher.imports.name_time import NO_TIME, TIME_HINT, check_observed_at, time_in_name

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
    known_sha256: str | None = attrs.field(default=None, eq=False)
    """SHA-256 of the body, if it was computed elsewhere."""

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the body."""
        return self.known_sha256 or digest(self.body)


@attrs.frozen
class Recording:
    """A file that contains one or more recorded responses."""

    first_at: int
    """Time of the earliest response, in microseconds."""
    count: int
    open: Callable[[], Iterator[RecordedResponse]]
    """Yields the responses in order of time."""


TimeOf = Callable[[str, float | None, str], int]
"""Maps name, mtime in seconds and folder of a response to its time, in microseconds."""


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
        return lambda name, mtime, folder: check_observed_at(_mtime_us(mtime), now())
    if time_from == "name":
        return lambda name, mtime, folder: check_observed_at(time_in_name(name, folder), now())
    raise Invalid(f"time from {time_from!r}: expected name, mtime or git")


def _mtime_us(mtime: float | None) -> int:
    if mtime is None:
        raise Invalid("a pipe has no time of modification", TIME_HINT)
    return math.floor(mtime * SECOND)


def list_recordings(
    paths: Sequence[Path], time_of: TimeOf, on_left_out: OnLeftOut | None = None
) -> list[Recording]:
    """Returns the recordings among the paths and in the folders among them.

    What is left out is passed to `on_left_out`, now or while it is read: missing paths, files
    of other kinds, damaged ones, responses without a time. Without `on_left_out` it raises
    `NotFound` or `Invalid`.
    """
    report = on_left_out or _refuse
    recordings: list[Recording] = []
    listed: set[tuple[int, int]] = set()
    without_time: list[tuple[tuple[int, int], HindlogError]] = []
    for file in find_input_files(paths, report):
        try:
            recordings.append(_recording(file, time_of, report))
            listed.add(_identity(file))
        except HindlogError as error:
            if error.what.endswith(NO_TIME):
                without_time.append((_identity(file), error))
            else:
                report(error)
    for identity, untimed in without_time:
        if identity not in listed:  # else a link to a file that is read, such as latest.json
            report(untimed)
    return [recording for recording in recordings if recording.count]


def _identity(file: InputFile) -> tuple[int, int]:
    status = file.path.stat()
    return status.st_dev, status.st_ino


def _refuse(error: HindlogError) -> None:
    raise error


def _recording(file: InputFile, time_of: TimeOf, report: OnLeftOut) -> Recording:
    """Returns the recording in a file. Raises `Invalid` if it has no time or is damaged."""
    if file.kind.structure == "pack":
        return _pack(file, time_of, report)
    at = _find_time(partial(time_of, file.name, file.mtime, file.folder), file.name, file.name)

    def read() -> Iterator[RecordedResponse]:
        check_complete(file.path, file.name, file.kind.compression)
        with decompressed(file.path, file.name, file.kind.compression) as stream:
            empty = RecordedResponse(at, file.name, None, b"")
            yield from read_responses(empty, file.kind.structure, stream)

    return Recording(at, 1, lambda: _reported(read(), report))


def _find_time(find_time: Callable[[], int], full_name: str, name: str) -> int:
    """Returns the time of a response. Raises `Invalid`, with its full name, if it has none."""
    try:
        return find_time()
    except Invalid as error:
        message = f"{full_name}: {error.what.removeprefix(f'{name}: ')}"
        raise Invalid(message, error.hint) from error


def _reported(
    responses: Iterator[RecordedResponse], report: OnLeftOut
) -> Iterator[RecordedResponse]:
    """Yields responses up to an error, which is reported."""
    try:
        yield from responses
    except HindlogError as error:
        report(error)


def read_responses(
    empty: RecordedResponse, structure: Structure, stream: IO[bytes]
) -> Iterator[RecordedResponse]:
    """Yields the content of a file: one document, or the lines in chunks.

    Each is `empty` with a body. Raises `DamagedRecording` if there is nothing but white space.
    """
    if structure == "document":
        yield attrs.evolve(empty, body=stream.read())
        return
    lines, size, first, is_empty = list[bytes](), 0, 1, True
    for number, line in enumerate(io.BufferedReader(stream), 1):  # type: ignore[type-var]
        lines.append(line)
        size += len(line)
        is_empty = is_empty and not line.strip()
        if len(lines) >= _MAX_CHUNK_LINES or size >= _MAX_CHUNK_BYTES:
            yield attrs.evolve(empty, body=b"".join(lines), first_line=first)
            lines, size, first = [], 0, number + 1
    if is_empty:
        name = "/".join(filter(None, (empty.file, empty.member)))
        raise DamagedRecording(f"{name}: contains no lines", DAMAGE_HINT)
    if lines:
        yield attrs.evolve(empty, body=b"".join(lines), first_line=first)


def _pack(file: InputFile, time_of: TimeOf, report: OnLeftOut) -> Recording:
    check_complete(file.path, file.name, file.kind.compression)
    times: dict[int, int] = {}
    members: dict[int, PackMember] = {}
    for member in list_members(file.path, file.name, file.kind, report):
        try:
            full_name = f"{file.name}/{member.name}"
            find_time = partial(time_of, member.name, member.mtime, "")
            times[member.number] = _find_time(find_time, full_name, member.name)
            members[member.number] = member
        except HindlogError as error:
            report(error)

    def read() -> Iterator[RecordedResponse]:
        for member, content in read_members(file.path, file.name, file.kind, members):
            empty = RecordedResponse(times[member.number], file.name, member.name, b"")
            yield from _reported(content_responses(empty, member.name, content), report)

    def read_sorted() -> Iterator[RecordedResponse]:
        responses = _reported(read(), report)
        yield from sorted(responses, key=lambda response: response.observed_at)

    is_sorted = all(a <= b for a, b in pairwise(times.values()))
    open_pack = (lambda: _reported(read(), report)) if is_sorted else read_sorted
    return Recording(min(times.values(), default=0), len(times), open_pack)


def content_responses(
    empty: RecordedResponse, name: str, content: bytes
) -> Iterator[RecordedResponse]:
    """Yields the responses in a member of a pack, or in a version of a file, by its name.

    Raises `Invalid` for a pack, `DamagedRecording` if it cannot be decompressed.
    """
    kind = kind_of_name(name) or FileKind(None, "document")
    full_name = "/".join(filter(None, (empty.file, empty.member)))
    if kind.structure == "pack":
        raise Invalid(f"{full_name}: a pack inside a pack", "extract it, and import the files")
    body = decompress_bytes(content, full_name, kind.compression)
    yield from read_responses(empty, kind.structure, io.BytesIO(body))


@attrs.frozen(eq=False)
class _BySha256:
    """Sort key of a response, whose SHA-256 is computed only if it decides."""

    response: RecordedResponse

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BySha256) and self.response.sha256 == other.response.sha256

    def __lt__(self, other: "_BySha256") -> bool:
        return self.response.sha256 < other.response.sha256


_Pending = tuple[int, str, str, _BySha256, int, RecordedResponse, Iterator[RecordedResponse]]
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
        if not opened:
            return  # the last recordings contain nothing that can be read
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
        sort_key = (response.observed_at, response.file, response.member or "", _BySha256(response))
        heapq.heappush(opened, (*sort_key, number, response, remaining))
