"""Recorded responses: files, folders, `.zst`, `.gz`, and members of `tar.zst` packs.

A first look lists what there is with its times, reading no more than names; then the
bodies come in the order of time, one at a time. A pack is opened when its first member
is due: an open zstd stream may hold 128 MiB.
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

_WINDOW = 2**31
_SUFFIXES = (".zst", ".gz", ".json", ".ndjson", ".jsonl")
_LINED = re.compile(r"\.(ndjson|jsonl)(\.zst|\.gz)?$")
_MOST_LINES, _MOST_BYTES = 1000, 8 * 1024 * 1024
"""Of a dump, that become pages together."""
_NAME_TIME = re.compile(
    r"(?<!\d)(?P<y>20\d\d)-?(?P<m>[01]\d)-?(?P<d>[0-3]\d)"
    r"(?:[T_ /-]?(?P<H>[0-2]\d)[:-]?(?P<M>[0-5]\d)(?:[:-]?(?P<S>[0-5]\d))?(?!\d)|(?!\d))"
)


@attrs.frozen
class Recorded:
    """A response that was recorded elsewhere."""

    observed_at: int
    file: str
    """Name below the path that was given."""
    member: str | None
    body: bytes
    commit: str | None = None
    endpoint: str | None = None
    """Template of what was asked, where that is known."""
    params: Mapping[str, str] = attrs.field(factory=dict)
    first_line: int | None = None
    """Where it is some lines of a dump, each a document of its own."""


@attrs.frozen
class Container:
    """A file that holds one or more recorded responses."""

    first_at: int
    count: int
    open: Callable[[], Iterator[Recorded]]
    """They come in the order of time."""


TimeOf = Callable[[str, float], int]
"""From a name and its mtime in seconds to the instant of the response."""

Refuse = Callable[[str], None]
"""Is told what is left out, and why."""


def time_of(time_from: str, observed_at: int | None) -> TimeOf:
    """How a recorded response says when it came. Raises `Invalid` for another word."""
    if observed_at is not None:
        return lambda name, mtime: observed_at
    if time_from == "mtime":
        return lambda name, mtime: int(mtime * SECOND)
    if time_from == "name":
        return lambda name, mtime: name_time(name)
    raise Invalid(f"time from {time_from!r}: expected name, mtime or git")


def name_time(name: str) -> int:
    """The instant in a name: `20260810T120114Z`, `2026-08-15/121622`, `2026-08-15`.

    The last one in the path counts; no zone means UTC. Raises `Invalid` where there
    is none.
    """
    for match in reversed(list(_NAME_TIME.finditer(name))):
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


def containers(
    paths: Sequence[Path], when: TimeOf, refuse: Refuse | None = None
) -> list[Container]:
    """Every file among the paths and below them. Raises `NotFound`, `Invalid`.

    `refuse` is told of what says no time, which is left out; without it that is an error.
    """
    found = []
    for path in paths:
        if not path.exists():
            raise NotFound(f"{path}: no such file or folder")
        for file in sorted(_files(path)):
            name = os.fsencode(file.relative_to(path.parent)).decode("utf-8", "backslashreplace")
            found.append(_container(file, name, when, refuse))
    return [each for each in found if each is not None and each.count]


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for file in path.rglob("*"):
        if file.is_file() and file.name.endswith(_SUFFIXES) and not file.name.startswith("."):
            yield file


def _container(file: Path, name: str, when: TimeOf, refuse: Refuse | None) -> Container | None:
    if ".tar" in file.suffixes:
        return _pack(file, name, when, refuse)
    at = _time(when, name, name, file.stat().st_mtime, refuse)
    if at is None:
        return None

    def read() -> Iterator[Recorded]:
        with _reading(file) as stream:
            yield from _documents(Recorded(at, name, None, b""), name, stream)

    return Container(at, 1, read)


def _time(when: TimeOf, told: str, name: str, mtime: float, refuse: Refuse | None) -> int | None:
    """The instant of a response; None where it says none, and that is told."""
    try:
        return when(name, mtime)
    except Invalid as error:
        if refuse is None:
            raise
        refuse(f"{told}: {error.what.removeprefix(f'{name}: ')}")
        return None


def _documents(empty: Recorded, name: str, stream: IO[bytes]) -> Iterator[Recorded]:
    """What a file holds: one document, or chunks of the lines of a dump."""
    if not _LINED.search(name):
        yield attrs.evolve(empty, body=stream.read())
        return
    lines, size, first = list[bytes](), 0, 1
    for number, line in enumerate(io.BufferedReader(stream), 1):  # type: ignore[type-var]
        lines.append(line)
        size += len(line)
        if len(lines) >= _MOST_LINES or size >= _MOST_BYTES:
            yield attrs.evolve(empty, body=b"".join(lines), first_line=first)
            lines, size, first = [], 0, number + 1
    if lines:
        yield attrs.evolve(empty, body=b"".join(lines), first_line=first)


def _pack(file: Path, name: str, when: TimeOf, refuse: Refuse | None) -> Container:
    times = [at for at, _, _ in _members(file, name, when, refuse)]
    again = None if refuse is None else _silently  # it was told already

    def read() -> Iterator[Recorded]:
        for at, member, stream in _members(file, name, when, again):
            yield from _documents(Recorded(at, name, member, b""), member, stream)

    def read_sorted() -> Iterator[Recorded]:
        yield from sorted(read(), key=lambda each: each.observed_at)

    is_sorted = all(a <= b for a, b in pairwise(times))
    return Container(min(times, default=0), len(times), read if is_sorted else read_sorted)


def _silently(_told: str) -> None:
    pass


def _members(
    file: Path, name: str, when: TimeOf, refuse: Refuse | None
) -> Iterator[tuple[int, str, IO[bytes]]]:
    try:
        with _reading(file) as stream, tarfile.open(fileobj=stream, mode="r|") as pack:
            for member in pack:
                inside = pack.extractfile(member) if member.isfile() else None
                if inside is None:
                    continue
                told = f"{name}/{member.name}"
                at = _time(when, told, member.name, member.mtime, refuse)
                if at is not None:
                    yield at, member.name, inside
    except (tarfile.TarError, EOFError) as error:
        raise Invalid(f"{file}: no whole tar: {error}") from error


@contextmanager
def _reading(file: Path) -> Iterator[IO[bytes]]:
    """The decompressed bytes of a file. Raises `Invalid` where they end too early."""
    with file.open("rb") as raw:
        if file.suffix == ".gz":
            with gzip.open(raw) as stream:
                try:
                    yield stream  # type: ignore[misc]
                except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                    raise Invalid(f"{file}: {error}") from error
        elif file.suffix == ".zst":
            if not ends_with_a_frame(raw):
                raise Invalid(f"{file}: ends inside a zstd frame", "fetch the whole file again")
            raw.seek(0)
            machine = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
            with machine.stream_reader(raw, read_across_frames=True) as stream:
                try:
                    yield stream
                except zstandard.ZstdError as error:
                    raise Invalid(f"{file}: {error}") from error
        else:
            yield raw


_HEADER_BYTES = 18
"""The longest header of a zstd frame."""
_SKIPPABLE = (0x184D2A50, 0x184D2A5F)


def ends_with_a_frame(raw: IO[bytes]) -> bool:
    """Whether a zstd file ends where a frame ends. Reads the headers of its blocks, no more.

    The library does not say: it reads a file that was cut off as a shorter one.
    """
    size, at = raw.seek(0, io.SEEK_END), 0
    while at < size:
        raw.seek(at)
        header = raw.read(_HEADER_BYTES)
        if _SKIPPABLE[0] <= int.from_bytes(header[:4], "little") <= _SKIPPABLE[1]:
            at += 8 + int.from_bytes(header[4:8], "little")
            continue
        try:
            has_checksum = zstandard.get_frame_parameters(header).has_checksum
            at += zstandard.frame_header_size(header)
        except zstandard.ZstdError:
            return len(header) == _HEADER_BYTES  # no frame at all: the reader says so
        at = _end_of_blocks(raw, at, size) + 4 * has_checksum
    return at == size


def _end_of_blocks(raw: IO[bytes], at: int, size: int) -> int:
    """Where the last block of a frame ends; behind the end of the file where that is cut off."""
    is_last = False
    while not is_last:
        raw.seek(at)
        header = raw.read(3)
        if len(header) < 3:
            return size + 1
        number = int.from_bytes(header, "little")
        is_last = bool(number & 1)
        is_repeated = number >> 1 & 3 == 1  # one byte, many times
        at += 3 + (1 if is_repeated else number >> 3)
    return at


def in_order(found: Iterable[Container]) -> Iterator[Recorded]:
    """All responses by time, then file and member: each container opened when it is due."""
    heap = [(each.first_at, number, each) for number, each in enumerate(found)]
    heapq.heapify(heap)
    running: list[tuple[int, str, str, int, Recorded, Iterator[Recorded]]] = []
    while heap or running:
        while heap and (not running or heap[0][0] <= running[0][0]):
            _, number, container = heapq.heappop(heap)
            _advance(running, container.open(), number)
        *_, number, recorded, rest = heapq.heappop(running)
        yield recorded
        _advance(running, rest, number)


def _advance(
    running: list[tuple[int, str, str, int, Recorded, Iterator[Recorded]]],
    rest: Iterator[Recorded],
    number: int,
) -> None:
    recorded = next(rest, None)
    if recorded is not None:
        place = (recorded.observed_at, recorded.file, recorded.member or "", number)
        heapq.heappush(running, (*place, recorded, rest))
