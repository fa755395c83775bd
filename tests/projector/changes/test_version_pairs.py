"""The record of what was compared, and from which instant on facts are examined."""

from pathlib import Path

import pytest

from eventlog.clock import parse_us
from projector.changes.version_pairs import (
    Compared,
    History,
    first_new_instant,
    read_compared,
    recorded_files,
    write_compared,
)

NINE, TEN = "shop/2026-11-01/09-0a0b0c0d-000", "shop/2026-11-01/10-0a0b0c0d-000"
COMPARED = Compared(frozenset([NINE]), (5,))


def history(*segments: str) -> History:
    return History("shop", ("book",), frozenset(segments), "[]", "[]", "[]")


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_compared(tmp_path, ["book", "author"], COMPARED, [])

    assert read_compared(tmp_path, ["author"]) == COMPARED


@pytest.mark.parametrize("record", [None, b"", b"{"])
def test_without_a_readable_record_nothing_was_compared(
    tmp_path: Path, record: bytes | None
) -> None:
    if record is not None:
        (tmp_path / "compared.json").write_bytes(record)

    assert read_compared(tmp_path, ["book"]) == Compared()


def test_a_record_without_one_of_the_types_does_not_count(tmp_path: Path) -> None:
    write_compared(tmp_path, ["book"], COMPARED, [])

    assert read_compared(tmp_path, ["book", "author"]) == Compared()


def test_a_record_of_a_file_that_is_missing_does_not_count(tmp_path: Path) -> None:
    for name in ("d-1", "d-2"):
        (tmp_path / name).touch()
    write_compared(tmp_path, ["book"], COMPARED, ["d-2", "d-1"])

    assert read_compared(tmp_path, ["book"]) == COMPARED
    (tmp_path / "d-2").unlink()
    assert read_compared(tmp_path, ["book"]) == Compared()
    assert recorded_files(tmp_path) == [tmp_path / "d-1"]


def test_facts_are_examined_from_the_first_new_hour_or_the_first_missing_body() -> None:
    ten = parse_us("2026-11-01T10:00:00Z")
    seen = Compared(frozenset([NINE]))
    waiting = Compared(frozenset([NINE]), (ten - 1,))

    assert first_new_instant(history(NINE, TEN), Compared()) is None, "all of history"
    assert first_new_instant(history(NINE, TEN), seen) == ten
    assert first_new_instant(history(NINE, f"{TEN} 12"), seen) == ten, "an open segment"
    assert first_new_instant(history(NINE, TEN), waiting) == ten - 1
