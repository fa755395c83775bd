"""Comparing a listing with what is committed equals comparing two sets of names."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.mirror.bucket.chain import StreamHead
from eventlog.mirror.check.compare import (
    Committed,
    ComparedObject,
    ExpectedObject,
    Finding,
    compare_listing,
    uncommitted,
)
from eventlog.mirror.local.ledger import PusherHead
from eventlog.stores.store import StoredObject
from tests.eventlog.making import OTHER, SOURCE, WRITER
from tests.eventlog.mirror.links import PUSHER

SEGMENT = f"{SOURCE}/2026-11-21/05-{WRITER}-000"
COMMITTED = Committed(
    {(SOURCE, WRITER): StreamHead(3, "ab" * 32, SEGMENT)}, {PUSHER: PusherHead(70, "ab" * 32)}
)
names = st.sampled_from(["a", "a/b", "a-b", "a0", "b", "é", "\U0001f600", "\uffff", "z"])
objects = st.dictionaries(names, st.integers(0, 2))


def compared(expected: dict[str, int], there: dict[str, int]) -> list[ComparedObject]:
    async def listing() -> AsyncGenerator[StoredObject, None]:
        for name in sorted(there, key=str.encode):
            yield StoredObject(name, there[name])

    async def all_of() -> list[ComparedObject]:
        wanted = [ExpectedObject(n, expected[n], "") for n in sorted(expected, key=str.encode)]
        return [item async for item in compare_listing(wanted, listing(), COMMITTED)]

    return asyncio.run(all_of())


@given(objects, objects)
def test_a_merge_finds_what_two_sets_differ_in(
    expected: dict[str, int], there: dict[str, int]
) -> None:
    findings = {item.name: item.finding for item in compared(expected, there)}

    assert findings == {
        name: Finding.MISSING
        if name not in there
        else Finding.FOREIGN
        if name not in expected
        else Finding.DIFFERENT
        if expected[name] != there[name]
        else None
        for name in expected.keys() | there.keys()
    }


def test_a_known_sha256_is_compared_too() -> None:
    async def listing() -> AsyncGenerator[StoredObject, None]:
        yield StoredObject("a", 1, "cd" * 32)

    async def only() -> list[ComparedObject]:
        wanted = [ExpectedObject("a", 1, "ab" * 32)]
        return [item async for item in compare_listing(wanted, listing(), COMMITTED)]

    [item] = asyncio.run(only())
    assert item.finding is Finding.DIFFERENT
    assert item.text == f"expected SHA-256 {'ab' * 8}…, found {'cd' * 8}…"


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("hindlog.json", None),
        ("live/openrouter/x.zst", None),
        ("exports/x/manifest.json", None),
        (f"mirror/{PUSHER}/0000000000.64.ndjson.zst", None),
        (f"mirror/{PUSHER}/0000000064.64.ndjson.zst", Finding.FOREIGN),
        (f"mirror/{PUSHER}/0000000070.json", Finding.IN_FLIGHT),
        (f"mirror/{PUSHER}/0000000069.json", Finding.FOREIGN),
        ("mirror/bb000001/0000000000.json", Finding.IN_FLIGHT),
        (f"assets/sha256/ab/{'ab' * 32}", Finding.IN_FLIGHT),
        (f"log/{SEGMENT}.ndjson.zst", Finding.FOREIGN),
        (f"log/{SOURCE}/2026-11-21/06-{WRITER}-000.ndjson.zst", Finding.IN_FLIGHT),
        (f"log/{SOURCE}/2026-11-21/04-{WRITER}-000.manifest.json", Finding.FOREIGN),
        (f"log/{SOURCE}/2026-11-21/04-{OTHER}-000.manifest.json", Finding.IN_FLIGHT),
        (f"log/{SEGMENT}.r1.ndjson.zst", None),
        (f"log/{SOURCE}/2026-11-21/04-{OTHER}-000.r1.ndjson.zst", Finding.FOREIGN),
        (f"log/{SEGMENT}.ndjson", Finding.FOREIGN),
        ("log/notes.txt", Finding.FOREIGN),
    ],
)
def test_what_no_record_names_is_foreign_unless_a_push_may_have_put_it(
    name: str, finding: Finding | None
) -> None:
    assert uncommitted(name, COMMITTED) is finding


@given(st.sets(st.integers(65, 80)))
def test_records_behind_a_hole_are_foreign_and_name_the_missing_one(numbers: set[int]) -> None:
    records = {number: f"mirror/{PUSHER}/{number:010d}.json" for number in numbers}
    items = compared({}, dict.fromkeys(records.values(), 1))

    for number, name in records.items():
        [item] = [item for item in items if item.name == name]
        missing = [n for n in range(70, number) if n not in numbers]
        if number < 70:
            assert (item.finding, item.text) == (Finding.FOREIGN, "")
        elif missing:
            text = f"record {missing[0]} of its pusher is missing"
            assert (item.finding, item.text) == (Finding.FOREIGN, text)
        else:
            assert (item.finding, item.text) == (Finding.IN_FLIGHT, "")
