"""Pushes again and again what was sealed: for `sync push --watch` and `fetch run`.

    look for sealed segments ──> push ──> wait ──> look …

A failure is reported once, and its end once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import attrs

from cli.mirror.push.pushing import Pushed, PushOnce, push_lines
from eventlog.errors import HindlogError, Unavailable

WATCH_S = 10.0
"""Seconds between two looks at the log, and between attempts to reach the bucket."""
REFUSED_S = 300.0
"""Seconds until another attempt after a failure that does not pass by itself."""

Failures = tuple[type[Exception], ...]
TEMPORARY: Failures = (Unavailable,)
"""Failures that pass by themselves."""
ALL: Failures = (HindlogError, OSError)
"""All failures that are no bug."""

Backlog = tuple[int, int]
"""Number of segments that are not committed, and their bytes."""


@attrs.frozen
class Watch:
    """What is done again and again."""

    opening: Callable[[], AbstractAsyncContextManager[PushOnce]]
    """Opens the bucket."""
    backlog: Callable[[], Awaitable[Backlog]]
    """Looks for what is not committed; no request."""
    say: Callable[[str], None]
    """Takes a line for the user."""
    survived: Failures
    """Failures that are reported and tried again; others are raised."""


@attrs.frozen
class WatchState:
    """What the next attempt needs to know of the ones before it."""

    failure: str | None = None
    """The failure that was reported last; None if the last push succeeded."""
    stopped: frozenset[object] = frozenset()
    """Streams that were reported as left out."""
    left: Backlog | None = None
    """What the last push left behind, so that only something new is pushed; None: push."""


async def keep_pushing(watch: Watch, finishing: asyncio.Event) -> None:
    """Pushes whatever is sealed until `finishing` is set, and then once more.

    May be cancelled at any time: the next push continues.
    """
    state, is_last = WatchState(), False
    while not is_last:
        try:
            async with watch.opening() as push:
                while not is_last:
                    is_last = finishing.is_set()
                    state = await _push_if_due(watch, push, state)
                    await _wait(finishing, WATCH_S)
        except watch.survived as error:
            state = _reported(watch, *after_failure(state, error))
            is_last = finishing.is_set()
            await _wait(finishing, REFUSED_S)


async def _push_if_due(watch: Watch, push: PushOnce, state: WatchState) -> WatchState:
    try:
        if state.left is not None and await watch.backlog() in ((0, 0), state.left):
            return state
        pushed = await push()
        left = await watch.backlog() if pushed.result.stopped else (0, 0)
    except TEMPORARY as error:
        return _reported(watch, *after_failure(state, error))
    return _reported(watch, *after_push(state, pushed, left))


def _reported(watch: Watch, state: WatchState, lines: list[str]) -> WatchState:
    for line in lines:
        watch.say(line)
    return state


def after_push(state: WatchState, pushed: Pushed, left: Backlog) -> tuple[WatchState, list[str]]:
    """Returns the state after a push, and the lines to print. Pure."""
    stopped = frozenset(pushed.result.stopped)
    is_news = pushed.result.segments > 0 or bool(stopped - state.stopped)
    lines = ["mirror: pushing works again"] if state.failure else []
    lines += push_lines(pushed) if is_news else []
    return WatchState(None, stopped, left), lines


def after_failure(state: WatchState, error: Exception) -> tuple[WatchState, list[str]]:
    """Returns the state after a failure, and the lines to print: none if it was reported. Pure."""
    message = error.what if isinstance(error, HindlogError) else str(error)
    is_temporary = isinstance(error, TEMPORARY)
    failure = "unreachable" if is_temporary else message
    after = attrs.evolve(state, failure=failure, left=None)
    if failure == state.failure:
        return after, []
    if is_temporary:
        return after, [f"mirror unreachable: {message}; pushing is tried again, nothing is lost"]
    hint = error.hint if isinstance(error, HindlogError) else None
    again = f"tried again every {REFUSED_S / 60:.0f} minutes"
    return after, [f"mirror: {message}; {again}", *([f"  {hint}"] if hint else [])]


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Waits until an event is set, but no longer than this."""
    if event.is_set():
        return
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
