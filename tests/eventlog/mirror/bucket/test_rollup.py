"""Roll-ups: they are their records, joined, and are found by number alone."""

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from eventlog.errors import Corrupt
from eventlog.mirror.bucket import rollup as rollups
from eventlog.mirror.bucket.names import ROLLUP_SIZES
from eventlog.mirror.bucket.rollup import (
    RollUp,
    join_records,
    rollups_due,
    sizes_at,
    split_rollup,
)

lines = st.binary(max_size=20).map(
    lambda data: data.replace(b"\n", b"").replace(b"\r", b"") + b"\n"
)


@given(st.lists(st.lists(lines, min_size=1, max_size=5), min_size=1, max_size=4))
def test_a_rollup_is_its_records_joined(parts: list[list[bytes]]) -> None:
    frames = [join_records(records) or b"" for records in parts]
    records = [record for part in parts for record in part]

    assert split_rollup(b"".join(frames), len(records), "here") == records
    assert b"".join(map(zstandard.decompress, frames)) == b"".join(records)


@given(st.lists(lines, min_size=1, max_size=5), st.data())
def test_a_damaged_rollup_is_noticed(records: list[bytes], data: st.DataObject) -> None:
    rollup = join_records(records) or b""
    at = data.draw(st.integers(0, len(rollup) - 1))
    flipped = (
        rollup[:at] + bytes([rollup[at] ^ (1 << data.draw(st.integers(0, 7)))]) + rollup[at + 1 :]
    )

    for damaged in (rollup[:at], flipped):
        try:
            assert split_rollup(damaged, len(records), "here") == records
        except Corrupt as error:
            assert error.what.startswith("here: ")


def test_a_rollup_with_another_number_of_records_is_refused() -> None:
    for records, size in (([b"a\n"], 2), ([b"a\n", b"b\n"], 1), ([b"a\n", b"b"], 2)):
        with pytest.raises(Corrupt, match=f"expected {size} records"):
            split_rollup(join_records(records) or b"", size, "here")


def test_a_rollup_that_would_be_too_large_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "MAX_FRAME_BYTES", 10)

    assert join_records([b"12345678\n"]) is not None
    assert join_records([b"12345678\n", b"9\n"]) is None
    with pytest.raises(Corrupt, match="declares 12 bytes"):
        split_rollup(zstandard.compress(b"12345678\n9\n\n"), 3, "here")


def found_head(end: int, missing: set[RollUp]) -> tuple[int, int]:
    """Returns the number that reading forward finds as the next one, and the requests it took."""
    exists = {RollUp(number, 1) for number in range(end)}
    exists |= set(rollups_due(0, end)) - missing
    number = requests = 0
    while True:
        for size in sizes_at(number):
            requests += 1
            if RollUp(number, size) in exists:
                number += size
                break
        else:
            return number, requests


@given(st.integers(0, 9000), st.sets(st.integers(0, 200)))
def test_the_last_record_is_found_whichever_rollups_are_missing(
    end: int, missing: set[int]
) -> None:
    due = rollups_due(0, end)
    absent = {due[number % len(due)] for number in missing if due}

    assert found_head(end, absent)[0] == end


def test_three_years_of_hourly_records_are_read_with_75_requests() -> None:
    assert found_head(3 * 365 * 24, set()) == (26_280, 75)


@given(st.lists(st.integers(0, 150), max_size=80))
@example([4095, 1, 4096])
def test_each_rollup_is_due_once_however_the_records_arrive(steps: list[int]) -> None:
    end = 0
    due = []
    for step in steps:
        due += rollups_due(end, end + step)
        end += step

    assert due == rollups_due(0, end)
    assert len(due) == end // 64 + end // 4096
    for number, rollup in enumerate(due):
        assert rollup.size in ROLLUP_SIZES and rollup.first % rollup.size == 0
        inside = {part for part in due[:number] if rollup.first <= part.first < rollup.end}
        assert rollup.size == 64 or len(inside) == 64
