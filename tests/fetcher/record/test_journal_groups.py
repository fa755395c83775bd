"""Group commit in the journal: many tasks, one fsync, seqs and builds in one order."""

import asyncio
import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from eventlog.check.verify import verify
from eventlog.errors import Invalid, LocalResource
from eventlog.format.event import Draft
from eventlog.format.event_codec import decode
from eventlog.read.reader import read_events
from eventlog.write.append import Appended, BuildBatch
from fetcher.record.journal import Journal, append_batch, close_journal, open_journal
from tests.fetcher.making import WRITER, SteppingClock

SOURCE = "civitai"


def batch(number: int, count: int = 1) -> BuildBatch:
    """Builds a batch of `count` equal entities with this number as their id."""
    entity = Draft(
        kind="entity", type="model", id=str(number), shape="list", hash="c1:0", body=b"{}"
    )
    return lambda _seq, _at: [entity] * count


def open_with_disk(root: Path, clock: SteppingClock | None = None, **disk: Any) -> Journal:
    """Opens a journal whose disk has some operations replaced."""
    journal = open_journal(root, SOURCE, WRITER, clock=clock or SteppingClock())
    journal.stream.disk = attrs.evolve(journal.stream.disk, **disk)
    return journal


def append_all(journal: Journal, builds: Sequence[BuildBatch]) -> list[BaseException | None]:
    """Records all batches at once, as tasks of one crawl, and returns the error of each."""

    async def all_at_once() -> list[BaseException | None]:
        tasks = [asyncio.create_task(append_batch(journal, build)) for build in builds]
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(all_at_once())


def ids(root: Path) -> list[str | None]:
    return [decode(event.line).id for event in read_events(root)]


def test_a_batch_is_fsynced_before_append_batch_returns(tmp_path: Path) -> None:
    sizes: list[int] = []

    def fsync(handle: int) -> None:
        os.fsync(handle)
        sizes.append(os.fstat(handle).st_size)

    journal = open_with_disk(tmp_path, fsync=fsync)

    async def append_one() -> int:
        await append_batch(journal, batch(1))
        return len(sizes)

    assert asyncio.run(append_one()) > 0
    close_journal(journal)
    assert ids(tmp_path) == ["1"]


def test_waiting_batches_share_one_write_in_the_order_of_their_calls(tmp_path: Path) -> None:
    writes: list[int] = []

    def write(handle: int, data: bytes) -> int:
        writes.append(bytes(data).count(b"\n"))
        return os.write(handle, data)

    journal = open_with_disk(tmp_path, write=write)

    assert append_all(journal, [batch(number, 2) for number in range(50)]) == [None] * 50
    close_journal(journal)

    assert writes[:2] == [2, 98], "the first task writes alone, the others wait meanwhile"
    assert ids(tmp_path) == [str(number) for number in range(50) for _ in range(2)]


def test_batches_that_arrive_during_a_write_are_part_of_the_next_one(tmp_path: Path) -> None:
    writes: list[int] = []
    may_write = threading.Event()

    def write(handle: int, data: bytes) -> int:
        assert may_write.wait(60)
        writes.append(bytes(data).count(b"\n"))
        return os.write(handle, data)

    journal = open_with_disk(tmp_path, write=write)

    async def produce() -> None:
        first = asyncio.create_task(append_batch(journal, batch(0)))
        while not journal.lock.locked():
            await asyncio.sleep(0)
        others = [
            asyncio.create_task(append_batch(journal, batch(number))) for number in range(1, 9)
        ]
        while len(journal.waiting) < 8:
            await asyncio.sleep(0)
        may_write.set()
        await asyncio.gather(first, *others)

    asyncio.run(produce())
    close_journal(journal)

    assert writes[:2] == [1, 8]
    assert ids(tmp_path) == [str(number) for number in range(9)]


def test_listeners_are_called_with_every_durable_batch(tmp_path: Path) -> None:
    journal = open_with_disk(tmp_path)
    durable: list[Appended] = []
    journal.listeners.append(durable.append)
    append_all(journal, [batch(number, 3) for number in range(4)])
    close_journal(journal)

    assert [(batch.first.seq, batch.last.seq) for batch in durable] == [
        (1, 3),
        (4, 6),
        (7, 9),
        (10, 12),
    ]


@pytest.mark.parametrize("place", range(4))
def test_an_error_of_one_build_affects_its_own_batch_only(tmp_path: Path, place: int) -> None:
    def failing(_seq: int, _at: int) -> list[Draft]:
        raise KeyError("planted")

    journal = open_with_disk(tmp_path)
    builds = [batch(1), batch(2), batch(3)]
    errors = append_all(journal, [*builds[:place], failing, *builds[place:]])
    close_journal(journal)

    assert [number for number, error in enumerate(errors) if error] == [place]
    assert isinstance(errors[place], KeyError)
    assert ids(tmp_path) == ["1", "2", "3"]


def test_a_batch_without_events_is_refused_and_the_others_are_written(tmp_path: Path) -> None:
    journal = open_with_disk(tmp_path)
    errors = append_all(journal, [batch(1), lambda _seq, _at: [], batch(2)])
    close_journal(journal)

    assert [type(error) for error in errors] == [type(None), Invalid, type(None)]
    assert ids(tmp_path) == ["1", "2"]


def test_after_a_failed_fsync_nothing_is_acknowledged(tmp_path: Path) -> None:
    failing = False

    def fsync(handle: int) -> None:
        if failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fsync(handle)

    journal = open_with_disk(tmp_path, fsync=fsync)
    assert append_all(journal, [batch(1)]) == [None]
    failing = True
    journal.lock = asyncio.Lock()
    broken = append_all(journal, [batch(2), batch(3)])
    failing = False
    journal.lock = asyncio.Lock()
    later = append_all(journal, [batch(4)])
    close_journal(journal)

    assert [type(error) for error in (*broken, *later)] == [LocalResource] * 3
    assert "4" not in ids(tmp_path)


def test_a_task_that_is_cancelled_during_the_write_leaves_the_others_in_order(
    tmp_path: Path,
) -> None:
    may_write = threading.Event()

    def write(handle: int, data: bytes) -> int:
        assert may_write.wait(60)
        return os.write(handle, data)

    journal = open_with_disk(tmp_path, write=write)

    async def produce() -> list[BaseException | None]:
        first = asyncio.create_task(append_batch(journal, batch(0)))
        while not journal.lock.locked():
            await asyncio.sleep(0)
        others = [asyncio.create_task(append_batch(journal, batch(number))) for number in (1, 2)]
        await asyncio.sleep(0)
        first.cancel()
        may_write.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    first, *others = asyncio.run(produce())
    close_journal(journal)

    assert isinstance(first, asyncio.CancelledError)
    assert others == [None, None]
    assert ids(tmp_path) == ["0", "1", "2"]


def test_batches_after_those_of_a_cancelled_and_a_failed_task_are_written(
    tmp_path: Path,
) -> None:
    may_write = threading.Event()

    def write(handle: int, data: bytes) -> int:
        assert may_write.wait(60)
        return os.write(handle, data)

    def failing(_seq: int, _at: int) -> list[Draft]:
        raise KeyError("planted")

    journal = open_with_disk(tmp_path, write=write)

    async def produce() -> list[BaseException | None]:
        first = asyncio.create_task(append_batch(journal, batch(0)))
        while not journal.lock.locked():
            await asyncio.sleep(0)
        builds = (batch(1), failing, batch(2))
        cancelled, *others = [asyncio.create_task(append_batch(journal, b)) for b in builds]
        while len(journal.waiting) < 3:
            await asyncio.sleep(0)
        cancelled.cancel()
        may_write.set()
        return await asyncio.wait_for(
            asyncio.gather(first, cancelled, *others, return_exceptions=True), 60
        )

    errors = asyncio.run(produce())
    close_journal(journal)

    assert [type(error) for error in errors] == [
        type(None),
        asyncio.CancelledError,
        KeyError,
        type(None),
    ]
    assert ids(tmp_path) == ["0", "1", "2"]


def test_segments_roll_between_groups(tmp_path: Path) -> None:
    journal = open_with_disk(tmp_path)
    journal.stream.segment_bytes = 300

    async def produce() -> None:
        await asyncio.gather(*(one_after_another(number) for number in range(4)))

    async def one_after_another(number: int) -> None:
        for step in range(5):
            await append_batch(journal, batch(number * 10 + step))

    asyncio.run(produce())
    close_journal(journal, seal_open=True)
    result = verify(tmp_path)

    assert result.damages == ()
    assert result.segments > 1
    assert len(ids(tmp_path)) == 20
