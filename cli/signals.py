"""Signals: how a reading command ends when it is asked to."""

import os
import signal
from collections.abc import Callable


def stop_on_sigterm() -> None:
    """Let SIGTERM end the command between two lines, as drained: exit 0."""

    def leave(_number: int, _frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)


def stop_flag() -> Callable[[], bool]:
    """Whether somebody asked to stop: the first signal is noted, the second leaves at once."""
    asked: list[int] = []

    def note(number: int, _frame: object) -> None:
        if asked:
            os._exit(128 + number)
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    return lambda: bool(asked)
