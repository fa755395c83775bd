"""Which recordings the options of an import name: files, or versions of files."""

from pathlib import Path

import pytest

from eventlog.errors import HindlogError, Invalid
from fetcher.imports.find_recordings import find_recordings
from tests.fetcher.imports.test_git_history import committed
from tests.fetcher.making import START


@pytest.mark.parametrize(
    ("time_from", "observed_at", "count"),
    [("git", None, 2), ("git", START, 1), ("mtime", None, 1), ("name", START, 1)],
)
def test_versions_are_found_only_if_their_time_comes_from_git(
    tmp_path: Path, time_from: str, observed_at: int | None, count: int
) -> None:
    file = committed(tmp_path / "work", [b"1", b"2"])

    (recording,) = find_recordings([file], observed_at, time_from)

    assert recording.count == count


def test_what_is_left_out_is_passed_on_or_raised(tmp_path: Path) -> None:
    left_out: list[HindlogError] = []
    for time_from in ("git", "name"):
        file = committed(tmp_path / time_from, [b"1"]).with_name("none.json")
        file.write_bytes(b"{}")
        with pytest.raises(Invalid):
            find_recordings([file], None, time_from)
        assert find_recordings([file], None, time_from, left_out.append) == []

    assert len(left_out) == 2
