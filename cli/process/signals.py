"""Signals: how a command ends when it is asked to.

    first     raises, or is noted where work is finished first (`note_signals`)
    second    the process ends at once, also where Python waits for a library

Python runs its handlers only between its own steps; the second signal is therefore
read from the pipe that the interpreter writes to, by a thread.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

import attrs

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_SAME_S = 0.1
"""`timeout` and some shells send the one signal twice, to the process and to its group."""

_RAISED: list[type[BaseException]] = []
"""What handlers of signals raised in this process."""


class Terminated(BaseException):
    """SIGTERM came before the work was done."""


@attrs.frozen
class Stop:
    """Whether somebody asked to stop."""

    is_asked: Callable[[], bool]
    code: Callable[[], int]
    """What the command exits with when it has drained."""


def raise_on_signals() -> None:
    """From here on the first signal raises, and the second one leaves at once."""
    _leave_at_the_second()
    _handle(_raise)


def raise_every_time() -> None:
    """From here on no signal is the second one: a prompt outlives what it was asked."""
    signal.set_wakeup_fd(-1)


def stop_on_sigterm() -> None:
    """Let SIGTERM end the command between two lines, as drained: exit 0."""

    def leave(_number: int, _frame: object) -> None:
        raise SystemExit(0)

    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, leave)


def note_signals(wake: Callable[[], object] = lambda: None) -> Stop:
    """From here on the first signal is noted, for work that ends at its next step."""
    asked: list[int] = []

    def note(number: int, _frame: object) -> None:
        asked.append(number)
        wake()

    _handle(note)
    return Stop(
        lambda: bool(asked), lambda: 128 + signal.SIGINT if asked[:1] == [signal.SIGINT] else 0
    )


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in _STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and `&` want it
            signal.signal(number, handler)


def _raise(number: int, _frame: object) -> None:
    error = KeyboardInterrupt if number == signal.SIGINT else Terminated
    _RAISED.append(error)
    raise error


def as_raised(error: BaseException) -> BaseException:
    """What a signal raised, where DuckDB tells it in words of its own; else the error."""
    if _RAISED and isinstance(error, RuntimeError) and str(error) == "Query interrupted":
        return _RAISED[-1]()
    return error


def _leave_at_the_second() -> None:
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(ours,), name="signals", daemon=True).start()


def _watch(pipe: int) -> None:
    first: float | None = None
    while got := os.read(pipe, 1):
        number, now = got[0], time.monotonic()
        if number in _STOPPING:
            if first is not None and now - first > _SAME_S:
                os._exit(128 + number)
            first = now if first is None else first
