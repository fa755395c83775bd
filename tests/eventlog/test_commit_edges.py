"""Group commit: the size of a group, and what comes too late."""

import os
import threading
from pathlib import Path

import pytest

from eventlog.commit import GROUP, start_commits, stop_commits, submit
from eventlog.errors import Invalid
from eventlog.event import Draft
from eventlog.reader import read_events
from eventlog.writer import close_stream
from tests.eventlog.making import HOUR, Hand, disk_with, entity, opened


def test_no_more_than_a_group_shares_one_fsync(tmp_path: Path) -> None:
    synced: list[int] = []

    def fsync(handle: int) -> None:
        synced.append(os.fstat(handle).st_size)
        os.fsync(handle)

    gate = threading.Event()
    stream = opened(tmp_path, disk=disk_with(fsync=fsync))
    committer = start_commits(stream)
    first = submit(committer, lambda _s, _a: [entity(0)] if gate.wait(10) else [])
    while not first.running():
        threading.Event().wait(0.001)
    rest = [submit(committer, lambda _s, _a: [entity(1)]) for _ in range(2 * GROUP + 1)]
    gate.set()
    stop_commits(committer)
    close_stream(stream)

    assert len(synced) == 4
    assert [each.result(0).first.seq for each in rest] == list(range(2, 2 * GROUP + 3))


def test_what_is_submitted_behind_the_end_is_refused(tmp_path: Path) -> None:
    gate = threading.Event()
    stream = opened(tmp_path)
    committer = start_commits(stream)

    def build(_seq: int, _at: int) -> list[Draft]:
        gate.wait(10)
        return [entity(1)]

    first = submit(committer, build)
    committer.jobs.put(None)  # as `stop_commits` does before it waits
    given_up, late = submit(committer, build), submit(committer, build)
    given_up.cancel()
    gate.set()
    committer.thread.join(10)

    assert first.result(0).first.seq == 1
    with pytest.raises(Invalid, match="the writer has stopped"):
        late.result(10)
    close_stream(stream)
    assert [record.seq for record in read_events(tmp_path)] == [1]


def test_the_hours_are_kept_only_when_nothing_is_being_written(tmp_path: Path) -> None:
    hand = Hand()
    written: list[int] = []

    def fsync(handle: int) -> None:
        if not written:
            threading.Event().wait(0.2)  # long enough to roll the segment, were that allowed
        os.fsync(handle)
        written.append(handle)

    stream = opened(tmp_path, hand, disk=disk_with(fsync=fsync))
    committer = start_commits(stream, idle_s=0.01)

    def build(_seq: int, _at: int) -> list[Draft]:
        submit(committer, lambda _s, _a: [entity(2)]).cancel()  # something to look at meanwhile
        hand.at += HOUR
        return [entity(1)]

    first = submit(committer, build)
    failed = first.exception(10)
    committer.jobs.put(None)  # also where it failed: no thread is left behind
    committer.thread.join(10)
    close_stream(stream)

    assert failed is None
    assert first.result(0).segment.hour == "05"
    assert [record.seq for record in read_events(tmp_path)] == [1]
