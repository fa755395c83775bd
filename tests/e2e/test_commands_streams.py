"""Streams of the program as a process: closed pipes, closed and unwritable streams."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import PATIENCE_S, Begin, environment, hindlog


def test_tail_with_follow_ends_quietly_on_sigterm(crawled: Path, begin: Begin) -> None:
    process = begin(
        [sys.executable, "-m", "cli.main", "tail", "-f", "-n", "1"],
        cwd=crawled,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE_S)

    assert (process.returncode, out, err) == (0, b"", b"")


def test_a_closed_pipe_ends_quietly(crawled: Path) -> None:
    command = f"{sys.executable} -m cli.main log | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=crawled,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("sql", "SELECT 1"), ("log",), ("segment", "list")])
@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_an_unwritable_stdout_is_an_error_that_names_it(
    crawled: Path, arguments: tuple[str, ...], redirection: str
) -> None:
    command = f'exec "$@" {redirection}'
    done = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "cli.main", *arguments],
        cwd=crawled,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 8, done.stderr
    assert done.stderr.startswith("hindlog: stdout: ")
    assert "Traceback" not in done.stderr


def test_closed_streams_do_not_affect_commands_that_do_not_use_them(archive: Path) -> None:
    command = f"{sys.executable} -m cli.main segment seal --all <&- >&- 2>&-"
    done = subprocess.run(["sh", "-c", command], cwd=archive, env=environment(), check=False)

    assert done.returncode == 0
    assert hindlog("verify", cwd=archive).returncode == 0
