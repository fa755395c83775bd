"""Starts the program and sends it signals, at a given call of one of its functions if needed."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.conftest import PATIENCE_S, environment


def popen_arguments(cwd: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """Returns the arguments of `Popen` for a program that does not ignore SIGINT."""
    return {
        "args": [sys.executable, "-m", "cli.main", *arguments],
        "cwd": cwd,
        "env": environment(**variables),
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    }


def wait(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Waits for the end of a process; returns exit code, stdout and stderr."""
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def run_with_signals(
    function: str, signals: dict[int, int], *arguments: str, cwd: Path
) -> "subprocess.CompletedProcess[str]":
    """Runs the program; after the n-th call of `function` it gets the signal `signals[n]`."""
    module, _, name = function.rpartition(".")
    numbers = {count: int(number) for count, number in signals.items()}
    program = f"""
import os, cli.main, {module} as module
calls, function, signals = [], module.{name}, {numbers!r}
def call_and_signal(*args, **kwargs):
    result = function(*args, **kwargs)
    calls.append(1)
    if len(calls) in signals:
        os.kill(os.getpid(), signals[len(calls)])
    return result
module.{name} = call_and_signal
cli.main.main({list(arguments)!r})
"""
    options = popen_arguments(cwd) | {"args": [sys.executable, "-c", program]}
    del options["stdout"], options["stderr"]
    return subprocess.run(**options, capture_output=True, check=False, timeout=PATIENCE_S)
