"""Stamps: a change of a polled file is never missed, however coarse its timestamps are."""

import math
from collections.abc import Callable
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from eventlog.catalog.file_watch import (
    REREAD_S,
    SETTLED_S,
    FileStamp,
    FileWatch,
    StampTimes,
    file_stamp,
    may_have_changed,
)

steps = st.lists(
    st.sampled_from(["write", "write", "remove", "poll", "poll", "moment", "second", "long"]),
    max_size=40,
)


class CoarseFile:
    """A file that may not exist, with timestamps of a resolution of two seconds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.changed_at = 0.0
        self.content: int | None = None
        self.stamp: FileStamp | None = None

    def write(self, content: int) -> None:
        self.content, self.changed_at = content, self.now
        ns = math.floor(self.now / 2) * 2_000_000_000
        self.stamp = FileStamp(1, 256, ns, ns)

    def remove(self) -> None:
        self.content = self.stamp = None
        self.changed_at = self.now

    @property
    def times(self) -> StampTimes:
        return StampTimes(lambda: self.now, lambda _path: self.stamp)


@given(steps)
@example(["write", "poll", "write", "long", "poll"])
@example(["write", "poll", "moment", "write", "moment", "moment", "poll"])
def test_a_poll_notices_every_write_except_a_recent_one_that_left_the_same_stamp(
    names: list[str],
) -> None:
    file = CoarseFile()
    watch = FileWatch(Path(), file.times)
    known: int | None = -1
    stamp_known: FileStamp | None = None
    for number, name in enumerate([*names, "poll"]):
        moves: dict[str, Callable[[], None]] = {
            "write": lambda number=number: file.write(number),  # type: ignore[misc]
            "remove": file.remove,
        }
        file.now += {"moment": 0.06, "second": 1.0, "long": SETTLED_S}.get(name, 0.0)
        moves.get(name, lambda: None)()
        if name == "poll":
            known = file.content if may_have_changed(watch) else known

            is_recent = file.now - file.changed_at < REREAD_S and file.stamp == stamp_known
            assert known == file.content or is_recent
            stamp_known = file.stamp


def test_an_unchanged_file_is_read_until_its_stamp_is_settled_and_not_any_more() -> None:
    file = CoarseFile()
    watch = FileWatch(Path(), file.times)
    results = []
    for _ in range(30):
        results.append(may_have_changed(watch))
        file.now += 1

    assert results == [True] * 11 + [False] * 19


def test_a_file_is_read_at_each_poll_shortly_after_a_change_and_less_often_then() -> None:
    file = CoarseFile()
    watch = FileWatch(Path(), file.times)
    results = []
    for _ in range(60):
        results.append(may_have_changed(watch))
        file.now += 0.0078125

    assert results == [number < 7 or number in (19, 32, 45, 58) for number in range(60)]


def test_a_stamp_differs_if_the_file_grew_or_was_replaced(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    assert file_stamp(path) is None
    path.write_bytes(b"1")
    first = file_stamp(path)
    path.write_bytes(b"12")
    second = file_stamp(path)
    other.write_bytes(b"12")
    other.replace(path)

    assert len({first, second, file_stamp(path), None}) == 4
