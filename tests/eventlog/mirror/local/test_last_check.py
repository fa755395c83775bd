"""The last check: kept for one bucket, forgotten without harm."""

from pathlib import Path

import pytest

from eventlog.mirror.local import last_check
from eventlog.mirror.local.last_check import (
    LastCheck,
    MissingObject,
    check_path,
    load_check,
    save_check,
)

MISSING = tuple(MissingObject(f"assets/{number}", number, "ab" * 32) for number in range(3))
CHECK = LastCheck("file:///b", "ab" * 8, "2026-11-30T00:00:00.000000Z", False, MISSING)


def test_a_check_is_that_of_its_bucket_and_archive(tmp_path: Path) -> None:
    assert load_check(tmp_path, CHECK.address, CHECK.archive) is None
    save_check(tmp_path, CHECK)

    assert load_check(tmp_path, CHECK.address, CHECK.archive) == CHECK
    assert load_check(tmp_path, "file:///c", CHECK.archive) is None
    assert load_check(tmp_path, CHECK.address, None) is None
    check_path(tmp_path).write_bytes(b"{")
    assert load_check(tmp_path, CHECK.address, CHECK.archive) is None


def test_a_bounded_number_of_missing_objects_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_check, "MAX_MISSING", 2)
    save_check(tmp_path, CHECK)

    check = load_check(tmp_path, CHECK.address, CHECK.archive)
    assert check is not None and check.missing == MISSING[:2]
