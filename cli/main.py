"""Entry point: installs signal handlers before it imports the rest of the program."""

import os
import signal
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    _leave_on_signals()
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # until a command answers it
    from cli.process.signals import raise_on_signals
    from cli.process.streams import replace_closed_streams
    from cli.program import run

    replace_closed_streams()
    raise_on_signals()
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    _leave_on_signals()
    sys.exit(code)


def _leave_on_signals() -> None:
    """Makes SIGINT and SIGTERM end the process at once: before and after a command."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` and `&` ignore signals
            signal.signal(number, lambda got, _frame: os._exit(128 + got))


if __name__ == "__main__":
    main()
