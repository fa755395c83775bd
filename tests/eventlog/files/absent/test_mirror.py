"""The mirror that readers use: registered by the program, and quiet about small files."""

from pathlib import Path

from eventlog.files.absent.mirror import (
    announce,
    find_mirror,
    mirror_has,
    reading_from_mirrors,
)
from tests.eventlog.files.absent.mirrors import MirrorInMemory, mirrored


def test_readers_use_the_mirror_that_was_registered_last(tmp_path: Path) -> None:
    outer, inner = MirrorInMemory({}, committed=1), MirrorInMemory({}, committed=2)

    assert find_mirror(tmp_path) is None and not mirror_has(tmp_path, "s", "w", 1)
    with mirrored(outer) as first:
        with mirrored(inner):
            assert mirror_has(tmp_path, "s", "w", 2)
        assert find_mirror(tmp_path) is first and not mirror_has(tmp_path, "s", "w", 2)
        with reading_from_mirrors(lambda _root: None):
            assert find_mirror(tmp_path) is None
    assert find_mirror(tmp_path) is None


def test_large_fetches_are_announced_whenever_their_sum_has_doubled() -> None:
    mirror = MirrorInMemory({})
    reader = mirror.reader()
    for _ in range(20):
        announce(reader, 1, 15_000_000)

    assert mirror.messages == [
        "fetching 5 files, 75 MB, from memory://x",
        "fetching 9 files, 135 MB, from memory://x",
        "fetching 18 files, 270 MB, from memory://x",
    ]
