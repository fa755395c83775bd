"""Retries with backoff, and the bandwidth limit."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import NotFound, Unavailable
from eventlog.stores.memory import memory_store
from eventlog.stores.store import Store, StoredObject
from eventlog.stores.transfer import PIECE_BYTES, upload_of_bytes
from eventlog.stores.wrappers import (
    RetryLimits,
    limited,
    pace_of,
    retrying,
)
from tests.eventlog.stores.places import filled_store, names_in, new_name, wanted


@attrs.define
class Timeline:
    """A clock that only sleeping moves on."""

    now_s: float = 0.0
    waits: list[float] = attrs.field(factory=list)

    def clock(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.sleep_in_thread(seconds)

    def sleep_in_thread(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds


def failing(store: Store, times: int) -> Store:
    """Returns a store whose `get` is `Unavailable` so many times."""
    failures = iter(range(times))

    async def get(name: str, part: object) -> bytes:
        if next(failures, None) is not None:
            raise Unavailable("server busy", "later")
        return await store.get(name, part)

    return attrs.evolve(store, get=get)


def retried(store: Store, time: Timeline, limits: RetryLimits, chance: float = 1.0) -> Store:
    return retrying(store, limits, lambda: chance, sleep=time.sleep, clock=time.clock)


def test_waits_double_up_to_a_bound_and_are_a_part_of_it_by_chance() -> None:
    for chance in (1.0, 0.25, 0.0):
        time = Timeline()
        limits = RetryLimits(None, base_s=0.5, max_wait_s=3.0)
        store = retried(failing(filled_store(), 6), time, limits, chance)

        assert asyncio.run(store.get("a", None)) == b"bytes"
        assert time.waits == [chance * bound for bound in (0.5, 1, 2, 3, 3, 3)]


def test_what_is_unavailable_for_too_long_says_how_often_it_was_tried() -> None:
    time = Timeline()
    store = retried(failing(filled_store(), 99), time, RetryLimits(10.0, 1.0, 4.0))

    with pytest.raises(Unavailable) as failure:
        asyncio.run(store.get("a", None))
    assert failure.value.what == "server busy; 4 attempts in 7 s"
    assert failure.value.hint == "later"
    assert time.waits == [1, 2, 4]


def test_without_a_limit_a_call_is_retried_for_ever() -> None:
    time = Timeline()
    store = retried(failing(filled_store(), 500), time, RetryLimits(None, 1.0, 1.0))

    assert asyncio.run(store.get("a", None)) == b"bytes"
    assert time.now_s == 500


def test_each_wait_is_reported_before_it_begins() -> None:
    reports: list[tuple[str, float]] = []
    time = Timeline()
    store = retrying(
        failing(filled_store(), 2),
        RetryLimits(),
        lambda: 1.0,
        lambda error, wait_s: reports.append((error.what, wait_s)),
        time.sleep,
        time.clock,
    )
    asyncio.run(store.get("a", None))

    assert reports == [("server busy", 0.5), ("server busy", 1.0)]


def test_other_errors_are_not_retried() -> None:
    time = Timeline()
    store = retried(memory_store(new_name()), time, RetryLimits())

    with pytest.raises(NotFound):
        asyncio.run(store.get("a", None))
    assert time.waits == []


def test_a_put_whose_response_was_lost_was_there_before() -> None:
    store = memory_store(new_name())
    lost = iter([True])

    async def put_new(name: str, upload: object) -> bool:
        is_new = await store.put_new(name, upload)
        if next(lost, False):
            raise Unavailable("response lost")
        return is_new

    time = Timeline()
    again = retried(attrs.evolve(store, put_new=put_new), time, RetryLimits())

    assert not asyncio.run(again.put_new("a", upload_of_bytes(b"x")))
    assert len(time.waits) == 1


@given(st.lists(st.integers(0, 3), max_size=6))
def test_a_listing_that_is_interrupted_continues_behind_its_last_name(cuts: list[int]) -> None:
    store = memory_store(new_name())
    names = [f"n{number}" for number in range(8)]
    interruptions = iter(cuts)

    async def list_after(prefix: str, after: str) -> AsyncGenerator[StoredObject, None]:
        left = next(interruptions, 99)
        async for entry in store.list_after(prefix, after):
            if left == 0:
                raise Unavailable("connection lost")
            left -= 1
            yield entry

    async def scenario() -> list[str]:
        for name in names:
            await store.put_new(name, upload_of_bytes(b"x"))
        time = Timeline()
        return await names_in(
            retried(attrs.evolve(store, list_after=list_after), time, RetryLimits(None))
        )

    assert asyncio.run(scenario()) == names


def test_a_listing_that_never_advances_is_given_up() -> None:
    async def list_after(_prefix: str, _after: str) -> AsyncGenerator[StoredObject, None]:
        raise Unavailable("connection lost")
        yield

    time = Timeline()
    store = retried(
        attrs.evolve(filled_store(), list_after=list_after), time, RetryLimits(3.0, 1.0)
    )

    with pytest.raises(Unavailable, match="connection lost; 3 attempts in 3 s"):
        asyncio.run(names_in(store))


@given(st.lists(st.tuples(st.integers(0, 500), st.floats(0, 9)), min_size=1))
def test_a_pace_lets_no_more_pass_than_its_rate(sizes: list[tuple[int, float]]) -> None:
    time = Timeline()
    pace = pace_of(100.0, time.clock)
    passed = 0
    for size, pause_s in sizes:
        time.now_s += pace(size)
        assert passed <= 100 * time.now_s + 1e-6
        passed += size
        time.now_s += pause_s


def test_a_pace_waits_only_for_what_passed_before() -> None:
    time = Timeline()
    pace = pace_of(100.0, time.clock)

    assert [pace(50), pace(100), pace(0)] == [0, 0.5, 1.5]


def test_sending_and_receiving_share_a_limit(tmp_path: Path) -> None:
    data = b"x" * (3 * PIECE_BYTES)
    time = Timeline()
    pace = pace_of(PIECE_BYTES, time.clock)
    store = limited(memory_store(new_name()), pace, time.sleep, time.sleep_in_thread)
    sizes: list[int] = []

    async def received(size: int) -> None:
        sizes.append(size)

    async def scenario() -> None:
        await store.put_new("a", attrs.evolve(upload_of_bytes(data), sent=sizes.append))
        assert time.now_s == 2
        await store.get_to_file(
            "a", attrs.evolve(wanted(tmp_path / "file", data), received=received)
        )
        assert 5 <= time.now_s < 6
        await store.get("a", None)
        assert time.now_s == 6

    asyncio.run(scenario())
    assert sum(sizes) == 2 * len(data)
