"""The cache: within its bound, the files used least recently go first."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.files.absent.cache import (
    LOW_SHARE,
    add_to_cache,
    cached_path,
    lock_cached_file,
    mark_as_used,
    partial_path,
)
from tests.eventlog.files.absent.mirrors import cached_files
from tests.extent import few_or_all


def add(root: Path, name: str, size: int, max_bytes: int, second: int) -> None:
    temporary = partial_path(root, name)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    temporary.write_bytes(b"x" * size)
    with lock_cached_file(root, name):
        add_to_cache(root, name, temporary, max_bytes)
    os.utime(cached_path(root, name), (second, second))


@settings(max_examples=few_or_all(8, 500))
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40)), max_size=30))
def test_a_cache_keeps_its_bound_and_the_files_used_last(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    root, bound = tmp_path_factory.mktemp("cache"), 100
    expected: dict[str, int] = {}
    for second, (number, size) in enumerate(steps):
        name = f"log/s/{number}"
        if name in expected:
            expected[name] = expected.pop(name)  # the last in the order of use
            os.utime(cached_path(root, name), (second, second))
            continue
        add(root, name, size, bound, second)
        if sum(expected.values()) + size > bound:
            while sum(expected.values()) > int(bound * LOW_SHARE) - size:
                expected.pop(next(iter(expected)))
        expected[name] = size
        assert sum(expected.values()) <= bound
        assert cached_files(root) == expected


def test_a_file_larger_than_the_bound_is_kept_alone(tmp_path: Path) -> None:
    add(tmp_path, "log/a", 5, 10, 1)
    add(tmp_path, "log/b", 50, 10, 2)

    assert cached_files(tmp_path) == {"log/b": 50}
    add(tmp_path, "assets/c", 1, 10, 3)
    assert cached_files(tmp_path) == {"assets/c": 1}


def test_using_a_file_keeps_it_and_using_a_missing_one_does_nothing(tmp_path: Path) -> None:
    for second, name in enumerate(("log/a", "log/b")):
        add(tmp_path, name, 5, 10, second)
    mark_as_used(cached_path(tmp_path, "log/a"))
    mark_as_used(cached_path(tmp_path, "log/none"))
    add(tmp_path, "log/c", 4, 10, 3)

    assert cached_files(tmp_path) == {"log/a": 5, "log/c": 4}


def test_the_recorded_size_may_be_missing_wrong_or_damaged(tmp_path: Path) -> None:
    add(tmp_path, "log/a", 6, 10, 1)
    for text in ("", "x", "1000000", "-1"):
        (tmp_path / "cache" / ".size").write_text(text)
        add(tmp_path, f"log/{text or 'b'}", 4, 10, 2)
        (tmp_path / "cache" / ".size").unlink()

    assert sum(cached_files(tmp_path).values()) <= 14


def test_what_killed_processes_left_counts_after_an_hour(tmp_path: Path) -> None:
    old, new = partial_path(tmp_path, "log/old"), partial_path(tmp_path, "log/new")
    old.parent.mkdir(parents=True)
    for path in (old, new):
        path.write_bytes(b"x" * 50)
    os.utime(old, (1, 1))
    add(tmp_path, "log/a", 50, 60, 2)

    assert not old.exists() and new.exists() and cached_files(tmp_path) == {"log/a": 50}
    os.utime(new, (1, 1))  # an interrupted fetch that is continued long after
    add_to_cache(tmp_path, "log/new", new, 60)
    assert cached_files(tmp_path) == {"log/new": 50}
