"""Block cache: reads with it and without it are alike, whatever happens to the segments."""

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eventlog.catalog.file_watch import FileStamp
from eventlog.clock import SECOND
from eventlog.errors import HindlogError
from eventlog.files.listing import list_segments
from eventlog.format.paths import SegmentName, manifest_path, open_path, sealed_path
from eventlog.read import segment_lines
from eventlog.read.block_cache import BlockCache, cache_block, cached_line, sealed_version
from eventlog.read.bodies import lines_by_seq
from eventlog.read.reader import read_one
from eventlog.read.segment_lines import read_lines
from eventlog.write.writer import close_stream, roll, wait_sealed
from tests.eventlog.making import (
    HOUR,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    disk_with,
    entity,
    opened,
    put,
    write_hours,
    write_log,
)
from tests.extent import few_or_all

GRANULE_US = 2 * SECOND
"""Resolution of the simulated timestamps."""
FAST = disk_with(fsync=lambda handle: None, sync_dir=lambda path: None)
MIB = 1 << 20


class Disk:
    """A log that is written and damaged, with simulated coarse timestamps."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = ManualClock()
        self.now = START
        self.stream = opened(root, self.clock, disk=FAST)
        self.kept: dict[Path, bytes] = {}
        """The bytes that the writer left, of each sealed file and manifest."""
        self.sealed: set[SegmentName] = set()
        self.stamps: dict[Path, tuple[bytes | None, FileStamp]] = {}

    def version_of(self, root: Path, name: SegmentName) -> object:
        return sealed_version(root, name, lambda: self.now, self.stamp)

    def stamp(self, path: Path) -> FileStamp | None:
        """Returns when the bytes of a file changed, as seen after each step."""
        data = path.read_bytes() if path.exists() else None
        if path not in self.stamps or self.stamps[path][0] != data:
            ns = (self.now - self.now % GRANULE_US) * 1000
            self.stamps[path] = data, FileStamp(1, len(data or b""), ns, ns)
        return self.stamps[path][1] if data is not None else None

    def apply(self, step: str, number: int) -> None:
        match step:
            case "append":
                put(self.stream, *(entity(row) for row in range(1 + number % 3)))
            case "seal":
                roll(self.stream)
                wait_sealed(self.stream)
                self.clock.at += HOUR
                self.sealed.update(files.name for files in list_segments(self.root))
                for path in self._sealed_files():
                    self.kept.setdefault(path, path.read_bytes())
            case "wait":
                self.now += (1, 3, 12)[number % 3] * SECOND
            case _ if self.kept:
                path = sorted(self.kept)[number % len(self.kept)]
                self._change(step, path, number)
        for path in (*self.kept, *self._sealed_files()):
            self.stamp(path)

    def _change(self, step: str, path: Path, number: int) -> None:
        data = self.kept[path]
        if step == "flip":
            at = number % len(data)
            path.write_bytes(data[:at] + bytes([data[at] ^ 1 << number % 8]) + data[at + 1 :])
        elif step == "cut":
            path.write_bytes(data[: number % len(data)])
        elif step == "remove":
            path.unlink(missing_ok=True)
        elif step == "repair":
            for damaged, good in self.kept.items():
                damaged.write_bytes(good)

    def _sealed_files(self) -> list[Path]:
        names = [files.name for files in list_segments(self.root) if files.is_sealed]
        paths = [path_of(self.root, name) for name in names for path_of in PATHS]
        return [path for path in paths if path.exists()]


PATHS = (sealed_path, manifest_path)


def outcome(read: Callable[..., object], *arguments: object) -> object:
    try:
        return read(*arguments)
    except HindlogError as error:
        return type(error), error.what


def outcomes(disk: Disk, cache: BlockCache | None) -> list[object]:
    """Returns what reads of single events, of several and of segments return or raise."""
    stream = (disk.root, SOURCE, WRITER)
    last = disk.stream.last_seq
    several = (range(1, last + 1), range(2, last + 1, 3), [last + 1])
    return [
        *(outcome(read_one, *stream, seq, cache) for seq in range(last + 2)),
        *(outcome(lines_by_seq, *stream, seqs, cache) for seqs in several),
        *(outcome(read_lines, disk.root, name, [1, last], cache) for name in sorted(disk.sealed)),
    ]


SETTLED = [("append", 2), ("seal", 0), ("wait", 2), ("wait", 0)]
"""Steps after which a segment is in the cache. Of its files, 0 is the manifest, 1 the other one."""
steps = st.lists(
    st.tuples(
        st.sampled_from(
            [*("append", "seal", "wait") * 3, *("flip", "flip", "cut", "remove", "repair")]
        ),
        st.integers(0, 10_000),
    ),
    min_size=12,
    max_size=20,
)


@settings(max_examples=few_or_all(5, 300), deadline=None)
@example([*SETTLED, ("flip", 0), ("wait", 2)], MIB)
@example([*SETTLED, ("flip", 201), ("wait", 2)], MIB)
@example([*SETTLED, ("cut", 1), ("wait", 2)], MIB)
@example([*SETTLED, ("remove", 0), ("wait", 2)], MIB)
@example([*SETTLED, ("remove", 1), ("repair", 0), ("wait", 2)], MIB)
@given(steps, st.sampled_from([0, 1500, MIB]))
def test_reads_with_a_cache_equal_those_without_it(
    changes: list[tuple[str, int]], max_bytes: int
) -> None:
    with TemporaryDirectory() as folder:
        disk = Disk(Path(folder))
        cache = BlockCache(max_bytes, disk.version_of)
        for step in changes:
            disk.apply(*step)

            assert outcomes(disk, cache) == outcomes(disk, None)
            assert cache.size_bytes <= max_bytes or len(cache.blocks) == 1
        close_stream(disk.stream)


NAMES = ["a", "b", "c"]
blocks = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(1, 9), st.integers(1, 6), st.integers(0, 12)),
    max_size=40,
)


@given(blocks, st.integers(0, 500))
def test_a_cache_has_the_blocks_that_were_used_last_within_its_size(
    blocks: list[tuple[str, int, int, int]], max_bytes: int
) -> None:
    cache = BlockCache(max_bytes)
    model: deque[tuple[str, int, list[bytes]]] = deque()
    for version, first, count, seq in blocks:
        lines = [b"%d" % (first + row) * 5 for row in range(count)]
        cache_block(cache, version, first, lines)
        model = deque(block for block in model if block[:2] != (version, first))
        model.append((version, first, lines))
        while len(model) > 1 and sum(size_of(lines) for *_, lines in model) > max_bytes:
            model.popleft()
        nearest = max((b for b in model if b[0] == version and b[1] <= seq), default=None)
        expected = nearest[2][seq - nearest[1] :][:1] if nearest else []
        line = cached_line(cache, version, seq)
        if nearest and expected:
            model.remove(nearest)
            model.append(nearest)

        assert line == (expected[0] if expected else None)
        assert [*cache.blocks] == [(name, begin) for name, begin, _ in model]
        assert cache.size_bytes == sum(size_of(lines) for *_, lines in model)
        assert {(n, f) for n, firsts in cache.firsts.items() for f in firsts} == {*cache.blocks}


def size_of(lines: list[bytes]) -> int:
    return sum(len(line) + 41 for line in lines)


def test_several_threads_use_one_cache() -> None:
    cache = BlockCache(2000)
    wrong: list[object] = []

    def work(start: int) -> None:
        for turn in range(2000):
            first = (start + turn * 7) % 50
            cache_block(cache, turn % 3, first, [b"%d" % first] * 3)
            line = cached_line(cache, turn % 3, first)
            if line not in (None, *(b"%d" % (first - back) for back in range(3))):
                wrong.append((first, line))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert cache.size_bytes == sum(size for _, size in cache.blocks.values()) <= 2000


def test_a_frame_is_decompressed_once_for_all_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hours(tmp_path, 3, 5)
    read: list[int] = []
    read_frame = segment_lines.read_frame
    monkeypatch.setattr(
        segment_lines, "read_frame", lambda *some: read.append(some[-1]) or read_frame(*some)
    )
    cache = BlockCache(MIB, version_of=lambda _root, name: str(name))

    lines_by_seq(tmp_path, SOURCE, WRITER, range(1, 16, 2), cache)
    for seq in range(1, 16):
        read_one(tmp_path, SOURCE, WRITER, seq, cache)
    assert len(read) == 3
    for seq in range(1, 16):
        read_one(tmp_path, SOURCE, WRITER, seq)
    assert len(read) == 18


def test_a_cached_line_of_another_event_is_not_returned(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)], [entity(2)]])
    cache = BlockCache(MIB, version_of=lambda _root, name: str(name))
    first, second = lines_by_seq(tmp_path, SOURCE, WRITER, [1, 2]).values()
    cache_block(cache, str(name), 1, [second, first])

    assert lines_by_seq(tmp_path, SOURCE, WRITER, [1, 2], cache) == {1: first, 2: second}


def test_only_a_sealed_segment_that_changed_long_ago_has_a_version(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)]], seal=False)
    assert open_path(tmp_path, name).exists()
    later = max(path.stat().st_mtime_ns for path in tmp_path.rglob("*")) // 1000 + 60 * SECOND
    assert sealed_version(tmp_path, name, lambda: later) is None
    close_stream(opened(tmp_path), seal_open=True)
    assert sealed_version(tmp_path, name) is None
    version = sealed_version(tmp_path, name, lambda: later)
    assert version is not None
    assert sealed_version(tmp_path, attrs.evolve(name, number=1), lambda: later) is None

    sealed_path(tmp_path, name).touch()
    assert sealed_version(tmp_path, name, lambda: later) not in (None, version)
