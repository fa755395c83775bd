"""Handling of SIGINT, SIGTERM and SIGUSR1.

    first     raises, or is recorded by commands that finish their step (`record_signals`)
    second    ends the process at once, even inside a call into a C library
    SIGUSR1   calls a function that answers it, also inside a call into a C library

Python runs signal handlers only between bytecode instructions. Therefore a thread reads the
second signal, and SIGUSR1, from the wakeup pipe of the interpreter.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_DUPLICATE_S = 0.1
"""Signals within this many seconds count as one: `timeout` and some shells signal the
process and its process group."""

_ANSWERS: list[Callable[[], None]] = []
"""What SIGUSR1 calls: the last one."""
_IS_WATCHED = [False]
"""Whether a thread reads the wakeup pipe."""

_RAISED: list[type[BaseException]] = []
"""The exceptions that signal handlers raised in this process."""


class Terminated(BaseException):
    """SIGTERM arrived before the command was done."""


class StopRequest(NamedTuple):  # not attrs, which takes as long to import as click
    """State of the recorded signals: whether the command must stop."""

    is_requested: Callable[[], bool]
    code: Callable[[], int]
    """Returns the exit code of a command that stopped after its current step."""


def raise_on_signals() -> None:
    """Makes the first signal raise and the second one end the process at once."""
    _exit_on_second_signal()
    _handle(_raise)


def raise_on_every_signal() -> None:
    """Makes every signal raise; none ends the process: a prompt survives its queries."""
    signal.set_wakeup_fd(-1)
    _IS_WATCHED[0] = False


def exit_on_sigterm() -> None:
    """Makes SIGTERM end the command between two lines with exit code 0."""

    def leave(_number: int, _frame: object) -> None:
        raise SystemExit(0)

    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, leave)


def record_signals(wake: Callable[[], object] = lambda: None) -> StopRequest:
    """Records signals from now on, for commands that finish their current step.

    `wake` is called on each signal, in the handler.
    """
    received: list[int] = []

    def record(number: int, _frame: object) -> None:
        received.append(number)
        wake()

    _handle(record)
    return StopRequest(
        lambda: bool(received),
        lambda: 128 + signal.SIGINT if received[:1] == [signal.SIGINT] else 0,
    )


@contextmanager
def answer_sigusr1(answer: Callable[[], None]) -> Iterator[None]:
    """Calls `answer` on each SIGUSR1 of the block, in any thread; ignores the signal afterwards.

    Not in a thread other than the main one, which cannot handle signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _ANSWERS.append(answer)
    signal.signal(signal.SIGUSR1, _answer_unless_watched)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        _ANSWERS.pop()


def _answer_unless_watched(_number: int, _frame: object) -> None:
    if not _IS_WATCHED[0]:
        _answer()


def _answer() -> None:
    for answer in _ANSWERS[-1:]:
        answer()


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in _STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` and `&` ignore signals
            signal.signal(number, handler)


def _raise(number: int, _frame: object) -> None:
    error = KeyboardInterrupt if number == signal.SIGINT else Terminated
    _RAISED.append(error)
    raise error


def restore_signal_error(error: BaseException) -> BaseException:
    """Returns the exception of a signal that DuckDB reported as `Query interrupted`.

    Returns any other error unchanged.
    """
    if _RAISED and isinstance(error, RuntimeError) and str(error) == "Query interrupted":
        return _RAISED[-1]()
    return error


def _exit_on_second_signal() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    _IS_WATCHED[0] = True
    threading.Thread(target=_watch, args=(reader,), name="signals", daemon=True).start()


def _watch(pipe: int) -> None:
    first: float | None = None
    while data := os.read(pipe, 1):
        number, now = data[0], time.monotonic()
        if number == signal.SIGUSR1:
            _answer()
        if number in _STOPPING:
            if first is not None and now - first > _DUPLICATE_S:
                os._exit(128 + number)
            first = now if first is None else first
