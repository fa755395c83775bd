"""What a push says, and which errors its streams are."""

import asyncio
from pathlib import Path

import pytest

from cli.config.settings import MirrorSettings
from cli.mirror.push.pushing import Pushed, PushJob, opened_push, push_lines, raise_for_stopped
from eventlog.errors import Corrupt, Partial
from eventlog.mirror.plan.push_plan import StoppedStream
from eventlog.mirror.push.push import PushResult
from tests.eventlog.mirror.buckets import add_hour, pusher_on

DAMAGED = StoppedStream(("s", "0a0b0c0d"), "damaged")
CONFLICT = StoppedStream(("t", "0a0b0c0d"), "other bytes", is_conflict=True)


@pytest.mark.parametrize(
    ("segments", "stopped", "lines"),
    [
        (0, (), ["nothing to push: everything sealed is in file:///b"]),
        (2, (), ["pushed 2 segments, 3.0 MB, in 7 requests"]),
        (0, (DAMAGED,), ["left out: s, 0a0b0c0d: damaged"]),
        (
            1,
            (DAMAGED, CONFLICT),
            [
                "pushed 1 segment, 3.0 MB, in 7 requests",
                "left out: s, 0a0b0c0d: damaged",
                "left out: t, 0a0b0c0d: other bytes",
            ],
        ),
    ],
)
def test_a_push_says_what_it_put_and_what_it_left_out(
    segments: int, stopped: tuple[StoppedStream, ...], lines: list[str]
) -> None:
    result = PushResult(segments, 2 * segments, 3_000_000, stopped)

    assert push_lines(Pushed(result, "file:///b", 7)) == lines


def test_a_conflict_is_damage_and_a_damaged_stream_is_a_part() -> None:
    raise_for_stopped(PushResult(1, 2, 3, ()))
    with pytest.raises(Partial, match="s/0a0b0c0d"):
        raise_for_stopped(PushResult(1, 2, 3, (DAMAGED,)))
    result = PushResult(1, 2, 3, (DAMAGED, CONFLICT))
    with pytest.raises(Corrupt, match="other bytes"):
        raise_for_stopped(result)
    lines = push_lines(Pushed(result, "file:///b", 7), with_conflicts=False)
    assert lines[1:] == ["left out: s, 0a0b0c0d: damaged"]


def test_requests_are_counted_for_each_push(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    root = tmp_path / "a"
    add_hour(root, 0)
    job = PushJob(root, MirrorSettings(url=f"file://{tmp_path}/bucket"), pusher_on(root))

    async def push_twice() -> tuple[Pushed, Pushed]:
        async with opened_push(job) as push_once:
            return await push_once(), await push_once()

    first, second = asyncio.run(push_twice())
    assert (first.result.segments, second.result.segments, second.requests) == (1, 0, 1)
    assert first.requests > 3 and first.address == f"file://{tmp_path}/bucket"
