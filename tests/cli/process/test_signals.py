"""Signals: the exception of a handler is restored if DuckDB replaced it."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import os, time
from cli.process.signals import restore_signal_error, raise_on_signals

raise_on_signals()
print(type(restore_signal_error(RuntimeError("Query interrupted"))).__name__)
try:
    os.kill(os.getpid(), {number})
    time.sleep(60)
except BaseException:
    print(type(restore_signal_error(RuntimeError("Query interrupted"))).__name__)
    print(type(restore_signal_error(RuntimeError("something else"))).__name__)
"""


@pytest.mark.parametrize(
    ("number", "expected"),
    [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "Terminated")],
)
def test_the_exception_of_a_signal_is_restored_from_the_error_of_duckdb(
    number: int, expected: str
) -> None:
    """DuckDB reports `Query interrupted`, whatever the handler raised."""
    program = PROGRAM.format(number=int(number))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.stdout.split() == ["RuntimeError", expected, "RuntimeError"], done.stderr
