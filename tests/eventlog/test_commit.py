"""Group commit: many producers, one fsync, seqs and builds in one order."""

import asyncio
import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from eventlog.commit import commit, start_commits, stop_commits, submit
from eventlog.errors import Invalid, LocalResource
from eventlog.event import HEARTBEAT, Draft, decode
from eventlog.reader import read_events
from eventlog.verify import verify
from eventlog.writer import Appended, Build, close_stream
from tests.eventlog.making import HOUR, MINUTE, START, Hand, disk_with, entity, opened


def one(number: int) -> Build:
    return lambda _seq, _at: [entity(number)]


def test_a_future_is_done_when_its_batch_is_durable(tmp_path: Path) -> None:
    synced: list[int] = []

    def fsync(handle: int) -> None:
        os.fsync(handle)
        synced.append(os.fstat(handle).st_size)

    stream = opened(tmp_path, disk=disk_with(fsync=fsync))
    committer = start_commits(stream)
    done = submit(committer, one(1)).result(10)

    assert synced
    assert done.first.seq == done.last.seq == 1
    stop_commits(committer)
    close_stream(stream)


def test_many_producers_share_fsyncs_and_nothing_is_lost(tmp_path: Path) -> None:
    fsyncs: list[int] = []

    def fsync(handle: int) -> None:
        fsyncs.append(handle)
        threading.Event().wait(0.002)
        os.fsync(handle)

    stream = opened(tmp_path, disk=disk_with(fsync=fsync))
    committer = start_commits(stream)
    with ThreadPoolExecutor(8) as pool:
        futures = list(pool.map(lambda n: submit(committer, one(n)), range(400)))
    acknowledged = [future.result(10) for future in futures]
    stop_commits(committer)
    close_stream(stream)
    written = {r.seq: decode(r.line).id for r in read_events(tmp_path)}

    assert len(fsyncs) < 200
    assert {done.first.seq: str(n) for n, done in enumerate(acknowledged)} == written
    assert sorted(written) == list(range(1, 401))


def test_builds_run_in_the_order_of_submission(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    stream = opened(tmp_path)
    committer = start_commits(stream)

    def build(number: int) -> Build:
        def make(seq: int, _at: int) -> list[Draft]:
            seen.append((number, seq))
            return [entity(number), entity(number)]

        return make

    wait([submit(committer, build(number)) for number in range(50)])
    stop_commits(committer)
    close_stream(stream)

    assert seen == [(number, 1 + 2 * number) for number in range(50)]


def test_tasks_wait_for_their_batches(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    committer = start_commits(stream)

    async def produce() -> list[Appended]:
        return await asyncio.gather(*[commit(committer, one(n)) for n in range(30)])

    done = asyncio.run(produce())
    stop_commits(committer)
    close_stream(stream)
    assert [each.first.seq for each in done] == list(range(1, 31))


def test_an_error_of_one_build_concerns_its_own_batch_alone(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    committer = start_commits(stream)
    futures = [submit(committer, build) for build in (one(1), lambda s, a: 1 // 0, one(2))]  # type: ignore[arg-type,return-value]

    assert [type(future.exception(10)) for future in futures] == [
        type(None),
        ZeroDivisionError,
        type(None),
    ]
    stop_commits(committer)
    close_stream(stream)
    assert [r.seq for r in read_events(tmp_path)] == [1, 2]


def test_after_a_failed_fsync_nothing_is_acknowledged_any_more(tmp_path: Path) -> None:
    failing = False

    def fsync(handle: int) -> None:
        if failing:
            raise OSError(errno.EIO, "Input/output error")
        os.fsync(handle)

    stream = opened(tmp_path, disk=disk_with(fsync=fsync))
    committer = start_commits(stream)
    submit(committer, one(1)).result(10)
    failing = True
    with pytest.raises(LocalResource, match="fsync"):
        submit(committer, one(2)).result(10)
    failing = False
    with pytest.raises(LocalResource, match="fsync"):
        submit(committer, one(3)).result(10)
    with pytest.raises(LocalResource, match="fsync"):
        stop_commits(committer)
    close_stream(stream)


def test_what_was_queued_is_appended_before_the_end(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    committer = start_commits(stream)
    futures = [submit(committer, one(n)) for n in range(2500)]
    stop_commits(committer)
    with pytest.raises(Invalid, match="the writer has stopped"):
        submit(committer, one(0))
    close_stream(stream)

    assert [future.result(0).first.seq for future in futures] == list(range(1, 2501))


def test_a_batch_nobody_waits_for_is_not_appended(tmp_path: Path) -> None:
    gate = threading.Event()
    stream = opened(tmp_path)
    committer = start_commits(stream)
    first = submit(committer, lambda _s, _a: [entity(1)] if gate.wait(10) else [])
    second = submit(committer, one(2))
    third = submit(committer, one(3))
    cancelled = second.cancel()
    gate.set()
    third.result(10)
    stop_commits(committer)
    close_stream(stream)

    expected = ["1", "3"] if cancelled else ["1", "2", "3"]
    assert [decode(r.line).id for r in read_events(tmp_path)] == expected
    assert first.result(0).first.seq == 1


def test_a_committer_with_nothing_to_do_keeps_the_hours(tmp_path: Path) -> None:
    hand = Hand(START)
    stream = opened(tmp_path, hand)
    committer = start_commits(stream, idle_s=0.001)
    submit(committer, one(1)).result(10)
    hand.at = START + HOUR + 10 * MINUTE
    for _ in range(2000):
        if stream.last_seq == 2:
            break
        threading.Event().wait(0.005)
    stop_commits(committer)
    close_stream(stream)

    assert [decode(r.line).kind for r in read_events(tmp_path)] == ["entity", HEARTBEAT]
    assert verify(tmp_path).damages == ()
