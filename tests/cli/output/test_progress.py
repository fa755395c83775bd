"""Progress: one overwritten line on a terminal, one line per minute elsewhere, none if quiet."""

import os
import signal

import pytest

from cli.output.progress import progress
from cli.program import cli
from tests.cli.making import replaced, stream

SECOND = 1_000_000


def shown(*words: str, terminal: bool, steps: list[tuple[int, str]], ask: bool = False) -> str:
    """Returns the stderr of a progress whose texts arrive at these instants (microseconds)."""
    now = [0]
    err = stream(is_terminal=terminal)
    with replaced(stream(), stream(), err), cli.make_context("hindlog", [*words, "status"]):
        before = signal.getsignal(signal.SIGUSR1)
        with progress(lambda: now[0]) as show:
            for at, text in steps:
                now[0] = at
                show(text)
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


def test_in_a_pipe_one_line_per_minute_is_printed() -> None:
    assert shown(terminal=False, steps=STEPS) == "c\nf\n"


def test_on_a_terminal_one_line_is_overwritten_and_removed_at_the_end() -> None:
    steps = [(0, "a"), (SECOND // 10 - 1, "b"), (SECOND // 10, "c"), (SECOND, "d")]

    assert shown(terminal=True, steps=steps) == "\r\x1b[Kc\r\x1b[Kd\r\x1b[K"


def test_with_the_log_format_json_no_line_is_overwritten() -> None:
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
def test_sigusr1_prints_the_latest_text_at_once(steps: list[tuple[int, str]], line: str) -> None:
    assert shown(terminal=False, steps=steps, ask=True) == line
