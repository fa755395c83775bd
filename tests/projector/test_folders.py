"""Folders of parts: which one is current, and when unused parts are deleted."""

import os
from pathlib import Path

import pytest

from eventlog.clock import HOUR
from eventlog.errors import NotFound
from projector.folders import (
    CURRENT,
    current_parts,
    delete_unused_parts,
    find_views_file,
    next_parts,
    scratch_folder,
    set_current_parts,
)

NOW = 1_800_000_000_000_000


def put(views: Path, name: str, age_us: int) -> Path:
    path = views / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    os.utime(path, ns=((NOW - age_us) * 1000, (NOW - age_us) * 1000))
    return path


def remaining(views: Path) -> list[str]:
    return sorted(str(path.relative_to(views)) for path in views.rglob("*.parquet*"))


NO_FILES: frozenset[str] = frozenset()


def test_parts_that_no_views_file_names_are_deleted_after_an_hour_and_named_ones_stay(
    tmp_path: Path,
) -> None:
    put(tmp_path, "parts/s/d/h/old.parquet", HOUR + 1_000_000)
    put(tmp_path, "parts/s/d/h/young.parquet", HOUR - 1_000_000)
    put(tmp_path, "parts/s/d/h/named.parquet", 9 * HOUR)
    put(tmp_path, "parts/s/d/h/.x.parquet.1.tmp", 9 * HOUR)
    put(tmp_path, "elsewhere/old.parquet", 9 * HOUR)
    delete_unused_parts(tmp_path, NO_FILES, frozenset({"parts/s/d/h/named.parquet"}), NOW)

    assert remaining(tmp_path) == [
        "elsewhere/old.parquet",
        "parts/s/d/h/named.parquet",
        "parts/s/d/h/young.parquet",
    ]


def test_a_part_stays_for_an_hour_after_the_views_file_stopped_naming_it(tmp_path: Path) -> None:
    put(tmp_path, "parts/unnamed.parquet", 9 * HOUR)
    delete_unused_parts(
        tmp_path, frozenset({"parts/unnamed.parquet", "parts/gone.parquet"}), NO_FILES, NOW
    )
    assert remaining(tmp_path) == ["parts/unnamed.parquet"]

    delete_unused_parts(tmp_path, NO_FILES, NO_FILES, NOW + HOUR + 1_000_000)
    assert remaining(tmp_path) == []


def test_other_folders_of_parts_are_deleted_when_they_are_empty(tmp_path: Path) -> None:
    put(tmp_path, "parts/s/d/old.parquet", 9 * HOUR)
    put(tmp_path, "parts-1/s/d/old.parquet", 9 * HOUR)
    (tmp_path / "parts-2" / "s").mkdir(parents=True)
    (tmp_path / "aside-77" / "s").mkdir(parents=True)
    (tmp_path / "asides").mkdir()
    (tmp_path / CURRENT).write_text("parts-2\n")
    delete_unused_parts(tmp_path, NO_FILES, NO_FILES, NOW)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["asides", "current", "parts-2"]
    assert (tmp_path / "parts-2" / "s").is_dir()


@pytest.mark.parametrize(
    ("text", "name"),
    [(None, "parts"), ("parts-12\n", "parts-12"), ("parts", "parts"), ("../log", "parts")],
)
def test_the_current_folder_is_the_named_one_or_the_first(
    tmp_path: Path, text: str | None, name: str
) -> None:
    if text is not None:
        (tmp_path / CURRENT).write_text(text)

    assert current_parts(tmp_path) == tmp_path / name


def test_the_next_folder_of_parts_has_a_name_that_was_never_used(tmp_path: Path) -> None:
    assert next_parts(tmp_path) == tmp_path / "parts-1"
    for name in ("parts", "parts-2", "parts-10", "parts-x", "aside-99"):
        (tmp_path / name).mkdir()

    assert next_parts(tmp_path) == tmp_path / "parts-11"
    set_current_parts(tmp_path / "parts-10")
    assert current_parts(tmp_path) == tmp_path / "parts-10"


def test_the_scratch_folder_is_empty_at_first_and_deleted_afterwards(tmp_path: Path) -> None:
    (tmp_path / "tmp" / "1" / "left").mkdir(parents=True)
    (tmp_path / "spill-0x").mkdir()
    (tmp_path / f"spill-{os.getpid()}").mkdir()
    with scratch_folder(tmp_path) as folder:
        assert list(folder.iterdir()) == []
        (folder / "copy").write_bytes(b"x")

    assert sorted(path.name for path in tmp_path.rglob("*")) == [f"spill-{os.getpid()}", "tmp"]


def test_a_missing_views_file_is_an_error_that_names_the_command_that_writes_it(
    tmp_path: Path,
) -> None:
    with pytest.raises(NotFound) as error:
        find_views_file(tmp_path)
    (tmp_path / "hindlog.duckdb").touch()

    assert (error.value.what, error.value.hint) == (
        f"{tmp_path}/hindlog.duckdb: no views yet",
        "hindlog view update",
    )
    assert find_views_file(tmp_path) == tmp_path / "hindlog.duckdb"
