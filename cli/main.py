"""The entry: there before anything else is loaded, so that a signal finds somebody home."""

import os
import signal
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and end the process with its exit code."""
    _leave_on_signals()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # asks for progress, which not all have
    from cli.process.signals import raise_on_signals
    from cli.process.streams import open_streams
    from cli.program import run

    open_streams()
    raise_on_signals()
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    _leave_on_signals()
    sys.exit(code)


def _leave_on_signals() -> None:
    """While the program is loaded, and once it is done, there is nothing to finish."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and `&` want it
            signal.signal(number, lambda got, _frame: os._exit(128 + got))


if __name__ == "__main__":
    main()
