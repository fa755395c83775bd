"""Pushing again and again: when, and what is said about failures."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.mirror.push import watching
from cli.mirror.push.pushing import Pushed, PushOnce
from cli.mirror.push.watching import (
    ALL,
    TEMPORARY,
    Backlog,
    Failures,
    Watch,
    WatchState,
    after_failure,
    after_push,
    keep_pushing,
)
from eventlog.errors import Invalid, Refused, Unavailable
from eventlog.mirror.plan.push_plan import StoppedStream
from eventlog.mirror.push.push import PushResult

STOPPED = StoppedStream(("s", "0a0b0c0d"), "damaged")
NOTHING: Backlog = (0, 0)


def pushed(segments: int = 1, *stopped: StoppedStream) -> Pushed:
    return Pushed(PushResult(segments, 2, 30, stopped), "file:///b", 4)


@attrs.define
class FakeMirror:
    """A mirror whose pushes end as the test says. When one is left, the end begins."""

    outcomes: list[Pushed | Exception]
    unpushed: list[Backlog] = attrs.field(factory=list)
    """What is there to push at each look; one segment when the list is empty."""
    survived: Failures = ALL
    said: list[str] = attrs.field(factory=list)
    opened: int = 0
    finishing: asyncio.Event = attrs.field(factory=asyncio.Event)

    def _next(self) -> Pushed:
        outcome = self.outcomes.pop(0)
        if len(self.outcomes) <= 1:
            self.finishing.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    @asynccontextmanager
    async def opening(self) -> AsyncGenerator[PushOnce, None]:
        self.opened += 1
        if isinstance(self.outcomes[0], Invalid):
            self._next()
        yield self.push

    async def push(self) -> Pushed:
        return self._next()

    async def look(self) -> Backlog:
        return self.unpushed.pop(0) if self.unpushed else (1, 30)

    def run(self) -> list[str]:
        """Pushes until the end. Returns what was said."""
        watch = Watch(self.opening, self.look, self.said.append, self.survived)
        asyncio.run(keep_pushing(watch, self.finishing))
        return self.said


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "WATCH_S", 0.0)
    monkeypatch.setattr(watching, "REFUSED_S", 0.0)


AWAY = Unavailable("no answer")
FORBIDDEN = Refused("wrong key", "check the key")
OUTCOMES = st.sampled_from([pushed(), pushed(0), AWAY, Unavailable("cut"), FORBIDDEN])


@given(st.lists(OUTCOMES))
def test_a_failure_is_said_once_and_its_end_once(outcomes: list[Pushed | Exception]) -> None:
    state, said = WatchState(), []
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            state, lines = after_failure(state, outcome)
        else:
            state, lines = after_push(state, outcome, NOTHING)
        said.append(lines)

    # slow reference: compare each outcome with the one before it
    kinds = [type(x).__name__ for x in outcomes]
    for before, kind, outcome, lines in zip(
        ["Pushed", *kinds], kinds, outcomes, said, strict=False
    ):
        reported = [line for line in lines if line.startswith("mirror") and "again" in line]
        assert len(reported) == (kind != before)
        assert ("mirror: pushing works again" in lines) == (kind == "Pushed" != before)
        segments = outcome.result.segments if isinstance(outcome, Pushed) else 0
        assert any(line.startswith("pushed 1 segment") for line in lines) == (segments > 0)


def test_a_failure_says_what_happens_next_and_the_hint() -> None:
    _, away = after_failure(WatchState(), AWAY)
    _, refused = after_failure(WatchState(), FORBIDDEN)
    _, full = after_failure(WatchState(), OSError("disk full"))

    assert away == ["mirror unreachable: no answer; pushing is tried again, nothing is lost"]
    assert refused[0].startswith("mirror: wrong key; tried again every ")
    assert refused[1:] == ["  check the key"] and len(full) == 1 and "disk full" in full[0]


def test_a_stream_that_is_left_out_is_said_once() -> None:
    state, first = after_push(WatchState(), pushed(0, STOPPED), (1, 30))
    state, second = after_push(state, pushed(0, STOPPED), (1, 30))

    assert (first, second) == (["left out: s, 0a0b0c0d: damaged"], [])
    assert state.left == (1, 30)


def test_only_what_is_new_is_pushed() -> None:
    mirror = FakeMirror([pushed(), pushed(), pushed()], [NOTHING, NOTHING, (1, 30), NOTHING])
    mirror.run()

    assert mirror.unpushed == [] and len(mirror.outcomes) == 1


def test_what_a_push_had_to_leave_behind_is_not_read_again_until_something_is_sealed() -> None:
    left = (1, 30)
    looks = [left, left, left, (2, 60), left]
    mirror = FakeMirror([pushed(0, STOPPED), pushed(1, STOPPED), pushed()], looks)
    mirror.run()

    assert mirror.unpushed == [] and len(mirror.outcomes) == 1


@pytest.mark.parametrize(
    ("outcomes", "not_tried"),
    [
        ([pushed(1), pushed(1)], 0),
        ([pushed(1), FORBIDDEN], 0),
        ([AWAY, AWAY], 0),
        ([FORBIDDEN, pushed(1)], 1),
        ([Invalid("no bucket"), pushed(1)], 1),
    ],
)
def test_at_the_end_there_is_one_more_push_unless_the_mirror_refused_the_last_one(
    outcomes: list[Pushed | Exception], not_tried: int
) -> None:
    mirror = FakeMirror(outcomes)
    mirror.run()

    assert len(mirror.outcomes) == not_tried


def test_the_bucket_is_opened_again_after_a_failure_that_does_not_pass_by_itself() -> None:
    mirror = FakeMirror([AWAY, FORBIDDEN, Invalid("no bucket"), pushed(), pushed(0)])
    said = mirror.run()

    assert mirror.opened == 3
    assert [line.split(";")[0] for line in said if not line.startswith(" ")] == [
        *("mirror unreachable: no answer", "mirror: wrong key", "mirror: no bucket"),
        *("mirror: pushing works again", "pushed 1 segment, 0.0 kB, in 4 requests"),
    ]


def test_a_failure_that_is_not_survived_is_raised() -> None:
    with pytest.raises(Refused):
        FakeMirror([AWAY, FORBIDDEN, pushed()], survived=TEMPORARY).run()
