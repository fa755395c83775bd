"""Group commit: many producers, one fsync, seqs and builds in one order."""

import asyncio
import errno
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import attrs
import pytest

from eventlog.check.verify import verify
from eventlog.errors import Invalid, LocalResource
from eventlog.files.disk import Disk
from eventlog.files.heads import read_head
from eventlog.format.event import HEARTBEAT, Draft
from eventlog.format.event_codec import decode
from eventlog.read.reader import read_events
from eventlog.write.append import commit as commit_composed
from eventlog.write.group_commit import Committer, commit, start_commits, stop_commits, submit
from eventlog.write.writer import (
    Appended,
    Build,
    Stream,
    close_stream,
    compose_behind,
    compose_each,
)
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    SOURCE,
    START,
    WRITER,
    Hand,
    disk_with,
    entity,
    opened,
)


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


@attrs.define
class Relay:
    """A first batch, the build of which submits a second: that is built while one is written."""

    committer: Committer | None = None
    second: Future[Appended] | None = None
    built: threading.Event = attrs.field(factory=threading.Event)
    seqs: list[int] = attrs.field(factory=list)

    def one(self, seq: int, _at: int) -> list[Draft]:
        assert self.committer is not None
        self.seqs.append(seq)
        self.second = submit(self.committer, self.two)
        return [entity(1), entity(1)]

    def two(self, seq: int, _at: int) -> list[Draft]:
        self.seqs.append(seq)
        self.built.set()
        return [entity(2)]


def relayed(root: Path, relay: Relay, disk: Disk) -> tuple[Stream, Future[Appended]]:
    stream = opened(root, disk=disk)
    relay.committer = start_commits(stream)
    return stream, submit(relay.committer, relay.one)


def test_the_next_group_is_built_while_one_is_synced(tmp_path: Path) -> None:
    relay = Relay()
    overlapped: list[bool] = []

    def fsync(handle: int) -> None:
        if relay.second and not overlapped:
            overlapped.append(relay.built.wait(10))
            assert not relay.second.done()
        os.fsync(handle)

    stream, first = relayed(tmp_path, relay, disk_with(fsync=fsync))
    assert first.result(10).last.seq == 2
    assert relay.second is not None
    assert relay.second.result(10).first.seq == 3
    assert relay.committer is not None
    stop_commits(relay.committer)
    close_stream(stream)

    assert overlapped == [True]
    assert relay.seqs == [1, 3]
    assert [decode(r.line).id for r in read_events(tmp_path)] == ["1", "1", "2"]


def test_a_group_is_acknowledged_after_its_own_fsync(tmp_path: Path) -> None:
    relay = Relay()
    gate = threading.Event()
    synced: list[int] = []

    def fsync(handle: int) -> None:
        size = os.fstat(handle).st_size
        if relay.second and not synced:
            relay.built.wait(10)
        elif relay.second and size > synced[-1]:
            gate.wait(10)
        os.fsync(handle)
        if relay.second:
            synced.append(size)

    stream, first = relayed(tmp_path, relay, disk_with(fsync=fsync))
    first.result(10)
    assert relay.second is not None
    with pytest.raises(TimeoutError):
        relay.second.result(0.05)
    durable = read_head(tmp_path, SOURCE, WRITER)
    gate.set()
    relay.second.result(10)
    assert relay.committer is not None
    stop_commits(relay.committer)
    close_stream(stream)

    assert durable is not None
    assert (durable.last_seq, durable.durable_bytes) == (2, synced[0])


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_what_was_built_behind_a_failed_group_is_never_written(
    tmp_path: Path, failing: str
) -> None:
    relay = Relay()
    failures: list[int] = []

    def fail(*_: object) -> int:
        if relay.second and not failures and relay.built.wait(10):
            failures.append(1)  # the next one would succeed
            raise OSError(errno.EIO, "Input/output error")
        return 0

    def write(handle: int, data: bytes) -> int:
        return (fail() if failing == "write" else 0) or os.write(handle, data)

    def fsync(handle: int) -> None:
        if failing == "fsync":
            fail()
        os.fsync(handle)

    stream, first = relayed(tmp_path, relay, disk_with(write=write, fsync=fsync))
    assert relay.committer is not None
    with pytest.raises(LocalResource):
        first.result(10)
    assert relay.second is not None
    with pytest.raises(LocalResource):
        relay.second.result(10)
    with pytest.raises(LocalResource):
        submit(relay.committer, one(3)).result(10)
    with pytest.raises(LocalResource):
        stop_commits(relay.committer)
    close_stream(stream)

    assert relay.seqs == [1, 3]
    assert [decode(r.line).id for r in read_events(tmp_path)] in ([], ["1", "1"])


def test_a_segment_begins_when_the_group_before_is_durable(tmp_path: Path) -> None:
    hand = Hand(START)
    relay = Relay()

    def fsync(handle: int) -> None:
        if relay.second and not relay.built.is_set():
            threading.Event().wait(0.1)  # long enough to build behind it, were that allowed
        os.fsync(handle)

    stream = opened(tmp_path, hand, disk=disk_with(fsync=fsync))
    relay.committer = start_commits(stream)

    def one_hour_on(seq: int, at: int) -> list[Draft]:
        hand.at = START + HOUR
        return relay.one(seq, at)

    submit(relay.committer, one_hour_on).result(10)
    assert relay.second is not None
    done = relay.second.result(10)
    stop_commits(relay.committer)
    close_stream(stream)

    assert (done.first.seq, done.segment.hour) == (3, "06")
    assert verify(tmp_path).damages == ()
    assert [r.seq for r in read_events(tmp_path)] == [1, 2, 3]


def test_segments_roll_between_groups_of_many_producers(tmp_path: Path) -> None:
    stream = opened(tmp_path, segment_bytes=3000)
    committer = start_commits(stream)
    with ThreadPoolExecutor(4) as pool:
        futures = list(pool.map(lambda n: submit(committer, one(n)), range(300)))
    done = {future.result(10).first.seq: str(n) for n, future in enumerate(futures)}
    stop_commits(committer)
    close_stream(stream)

    assert {r.seq: decode(r.line).id for r in read_events(tmp_path)} == done
    assert verify(tmp_path).damages == ()


def test_what_was_composed_behind_something_never_committed_is_refused(tmp_path: Path) -> None:
    stream = opened(tmp_path)
    first = compose_each(stream, [one(1)])
    second = compose_behind(stream, [one(2)], first)
    assert second is not None
    with pytest.raises(Invalid, match="did not become durable"):
        commit_composed(stream, second)
    commit_composed(stream, first)
    commit_composed(stream, second)
    with pytest.raises(Invalid, match="did not become durable"):
        commit_composed(stream, second)
    close_stream(stream)

    assert [decode(r.line).id for r in read_events(tmp_path)] == ["1", "2"]


def test_nothing_is_composed_behind_what_fills_its_segment(tmp_path: Path) -> None:
    stream = opened(tmp_path, segment_bytes=100)
    first = compose_each(stream, [one(1)])

    assert first.size > 100
    assert compose_behind(stream, [one(2)], first) is None
    close_stream(stream)


def test_time_does_not_go_back_behind_what_is_being_committed(tmp_path: Path) -> None:
    hand = Hand(START + 2 * MINUTE)
    stream = opened(tmp_path, hand)
    first = compose_each(stream, [one(1)])
    hand.at -= MINUTE // 2
    second = compose_behind(stream, [one(2)], first)
    close_stream(stream)

    assert second is not None
    assert second.at == first.at == START + 2 * MINUTE
