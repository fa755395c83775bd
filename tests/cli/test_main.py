"""The entry point: exit codes, and signals before and after a command."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def python(program: str) -> "subprocess.CompletedProcess[str]":
    """Runs a Python program that can import hindlog."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["frobnicate"], 2)])
def test_the_process_ends_with_the_exit_code_of_the_command(
    arguments: list[str], code: int
) -> None:
    done = python(f"import cli.main; cli.main.main({arguments!r})")

    assert done.returncode == code, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_command_ends_the_process_without_output(number: int) -> None:
    done = python(
        "import os, sys, cli.main, cli.program\n"
        "cli.program.run = lambda arguments: 0\n"
        f"sys.exit = lambda code: os.kill(os.getpid(), {int(number)})\n"
        "cli.main.main([])"
    )

    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "")


def test_sigusr1_does_not_end_a_command_without_progress() -> None:
    done = python(
        "import os, signal, cli.main, cli.program\n"
        "cli.program.run = lambda arguments: os.kill(os.getpid(), signal.SIGUSR1) or 0\n"
        "cli.main.main([])"
    )

    assert done.returncode == 0, done.stderr


def test_importing_the_entry_point_imports_no_other_module_of_hindlog() -> None:
    done = python(
        "import sys, cli.main\n"
        "print([name for name in sys.modules if name.startswith(('cli', 'eventlog'))])"
    )

    assert done.stdout.strip() == "['cli', 'cli.main']"
