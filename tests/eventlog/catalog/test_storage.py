"""Files of the catalog: anything but the bytes that were written is ignored."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.catalog.day import DayFolder, FolderStamp, SealedFacts, SegmentEntry
from eventlog.catalog.storage import encode_catalog, load, parse_catalog, save

FACTS = SealedFacts(1, 3, "2026-11-21T05:00:00.000000Z", "2026-11-21T05:01:00.000000Z", 3, 90, 50)
ENTRY = SegmentEntry("05", "1a2b3c4d", 0, False, True, True, False, FACTS)
DAY = DayFolder("openrouter", "2026-11-21", FolderStamp(5, 6), (ENTRY,))
DATA = encode_catalog(DAY)


def test_a_value_is_read_as_it_was_written() -> None:
    assert parse_catalog(DATA, DayFolder) == DAY


@given(at=st.integers(0, len(DATA) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_makes_a_file_unusable(at: int, bit: int) -> None:
    damaged = DATA[:at] + bytes([DATA[at] ^ 1 << bit]) + DATA[at + 1 :]

    assert parse_catalog(damaged, DayFolder) is None


def test_a_torn_or_longer_file_or_another_version_is_unusable() -> None:
    for size in range(len(DATA)):
        assert parse_catalog(DATA[:size], DayFolder) is None
    assert parse_catalog(DATA + b"\0", DayFolder) is None
    assert parse_catalog(DATA.replace(b"catalog 2", b"catalog 1"), DayFolder) is None
    assert parse_catalog(encode_catalog([1, "x"]), DayFolder) is None


def test_a_file_that_is_missing_or_a_folder_has_no_value(tmp_path: Path) -> None:
    assert load(tmp_path / "x.msgpack", DayFolder) is None
    assert load(tmp_path, DayFolder) is None


def test_a_file_is_replaced_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state" / "x.msgpack"
    save(path, [1])
    save(path, DAY)

    assert load(path, DayFolder) == DAY
    assert [*path.parent.iterdir()] == [path]


@pytest.mark.parametrize("place", ["x/y.msgpack", "folder"])
def test_a_file_that_cannot_be_written_is_no_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "x").write_bytes(b"a file where a folder should be")
    (tmp_path / "folder").mkdir()
    save(tmp_path / place, DAY)

    assert load(tmp_path / place, DayFolder) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "x"]
