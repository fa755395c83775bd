"""The pager: which one, and that it gets everything or nothing."""

import os
import pty
import sys
from pathlib import Path

import pytest

from cli.output.terminal.pager import pager_command
from tests.cli.making import hindlog

PATH = os.environ["PATH"]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"PAGER": "cat"}, None),
        ({"PAGER": ""}, None),
        ({"PAGER": "no-such-program-here -x"}, None),
        ({"PAGER": "sh -c cat"}, "sh -c cat"),
        ({"PAGER": "cat", "HINDLOG_PAGER": "sh"}, "sh"),
        ({"PAGER": "sh", "HINDLOG_PAGER": "cat"}, None),
        ({"PAGER": "sh", "TERM": "dumb"}, None),
    ],
)
def test_the_variables_name_the_pager(env: dict[str, str], expected: str | None) -> None:
    assert pager_command({"PATH": PATH, "TERM": "xterm", **env}) == expected


def on_a_terminal(
    command: str, at: Path, monkeypatch: pytest.MonkeyPatch, *options: str
) -> tuple[str, int]:
    """Returns what `hindlog changes` writes to a terminal, with this pager, and its exit code."""
    monkeypatch.setenv("HINDLOG_PAGER", command)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(Path(__file__).parents[4])
        words = ["changes", "--since", "2026-11-01", "-C", str(at), *options]
        os.execv(sys.executable, [sys.executable, "-m", "cli.main", *words])
    output = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        output += data
    os.close(terminal)
    return output.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_pager_gets_the_output_of_a_terminal(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paged, code = on_a_terminal("sed s/openrouter/PAGED/", shared, monkeypatch)
    plain, plain_code = on_a_terminal("sed s/o/PAGED/", shared, monkeypatch, "--no-pager")

    assert (code, plain_code) == (0, 0)
    assert "PAGED/model/x/a" in paged
    assert "openrouter/model/x/a" in plain


def test_leaving_the_pager_early_is_no_error(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output, code = on_a_terminal("head -n 1", shared, monkeypatch)

    assert code == 0
    assert "Traceback" not in output
    assert "Broken" not in output


def test_no_pager_is_started_if_stdout_is_no_terminal(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDLOG_PAGER", "false")
    done = hindlog("changes", "--since", "2026-11-01", at=shared)

    assert done.code == 0
    assert len(done.rows) > 5
