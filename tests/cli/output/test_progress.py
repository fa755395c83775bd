"""Progress: one line that moves on a terminal, one line a minute elsewhere, none if quiet."""

import os
import signal

import pytest

from cli.output.progress import progress
from cli.program import cli
from tests.cli.making import replaced, stream

SECOND = 1_000_000


def shown(*words: str, terminal: bool, steps: list[tuple[int, str]], ask: bool = False) -> str:
    """What stderr gets of texts that come at these microseconds."""
    now = [0]
    err = stream(is_terminal=terminal)
    with replaced(stream(), stream(), err), cli.make_context("hindlog", [*words, "status"]):
        before = signal.getsignal(signal.SIGUSR1)
        with progress(lambda: now[0]) as tell:
            for at, text in steps:
                now[0] = at
                tell(text)
            if ask:
                os.kill(os.getpid(), signal.SIGUSR1)
        signal.signal(signal.SIGUSR1, before)
    return err.buffer.getvalue().decode()  # type: ignore[attr-defined, no-any-return]


STEPS = [
    (0, "a"),
    (59 * SECOND, "b"),
    (60 * SECOND, "c"),
    (61 * SECOND, "d"),
    (119 * SECOND, "e"),
    (120 * SECOND, "f"),
]


def test_in_a_pipe_a_line_comes_every_minute() -> None:
    assert shown(terminal=False, steps=STEPS) == "c\nf\n"


def test_on_a_terminal_one_line_is_written_over_and_removed_in_the_end() -> None:
    steps = [(0, "a"), (SECOND // 10 - 1, "b"), (SECOND // 10, "c"), (SECOND, "d")]

    assert shown(terminal=True, steps=steps) == "\r\x1b[Kc\r\x1b[Kd\r\x1b[K"


def test_with_a_log_format_of_json_a_terminal_gets_no_moving_line() -> None:
    out = shown("--log-format", "json", terminal=True, steps=STEPS)

    assert out.count('"message": "c"') == out.count('"message": "f"') == 1
    assert "\x1b" not in out


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_shows_no_progress(terminal: bool) -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)

    assert shown("-q", terminal=terminal, steps=STEPS, ask=True) == ""


@pytest.mark.parametrize(
    ("steps", "line"), [([(0, "a"), (1, "b")], "b\n"), ([], "no progress yet\n")]
)
def test_sigusr1_shows_the_latest_at_once(steps: list[tuple[int, str]], line: str) -> None:
    assert shown(terminal=False, steps=steps, ask=True) == line
