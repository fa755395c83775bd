"""Pruned at random, read at random, in several threads, with fetches that fail: the same lines."""

import random
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eventlog.files.absent.fetch import link_absent
from eventlog.files.listing import read_manifest
from eventlog.read.reader import read_event_in, read_events
from tests.eventlog.files.absent.mirrors import (
    MirrorInMemory,
    cached_files,
    mirrored,
    move_to_mirror,
)
from tests.eventlog.mirror.buckets import Killed, add_hour
from tests.extent import few_or_all


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with six sealed hours."""
    root = tmp_path_factory.mktemp("whole")
    for hour in range(6):
        add_hour(root, hour, rows=3)
    return root


@pytest.mark.parametrize("seed", range(few_or_all(4, 200)))
def test_readers_get_the_same_lines_whatever_is_absent_and_evicted(
    whole: Path, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    records = list(read_events(whole))
    root = tmp_path / "archive"
    shutil.copytree(whole, root)
    names = [path.relative_to(root).as_posix() for path in sorted((root / "log").rglob("*.zst"))]
    mirror = move_to_mirror(root, *chance.sample(names, chance.randint(1, 6)))
    largest = max(map(len, mirror.objects.values()))
    mirror.cache_bytes = chance.choice([1, largest, 3 * largest, 1 << 30])

    def read_all(_number: int) -> None:
        assert [record.line for record in read_events(root)] == [x.line for x in records]

    def read_one(number: int) -> None:
        record = records[number % len(records)]
        line = read_event_in(root, record.segment, record.seq).line
        assert line == record.line

    def link_some(number: int) -> None:
        absent = [x.segment for x in records if f"log/{x.segment}.ndjson.zst" in mirror.objects]
        manifests = [read_manifest(root, name) for name in sorted(set(absent))]
        for path in link_absent(root, manifests, tmp_path / f"scratch-{number}"):
            name = path.relative_to(tmp_path / f"scratch-{number}").as_posix()
            assert path.read_bytes() == mirror.objects[name]

    def run(number: int) -> None:
        try:
            steps[number](number)
        except Killed:
            return  # as a process that was killed; the others and the next one continue

    steps: list[Callable[[int], None]] = [
        chance.choice([read_all, read_one, read_one, link_some]) for _ in range(12)
    ]
    fail_randomly(mirror, chance)
    with mirrored(mirror):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(run, range(12)))
        mirror.before = lambda _name: None
        read_all(0)
    assert sum(cached_files(root).values()) <= max(mirror.cache_bytes, largest)
    assert not list((root / "log").rglob("*.tmp"))


def fail_randomly(mirror: MirrorInMemory, chance: random.Random) -> None:
    """Lets a fifth of the requests end as if the process was killed."""
    fails = [chance.random() < 0.2 for _ in range(1000)]

    def before(_name: str) -> None:
        if fails[len(mirror.requests) % 1000]:
            raise Killed

    mirror.before = before
