"""Progress: one overwritten line on a terminal, one line per minute elsewhere, none if quiet."""

import os
import signal

import pytest

from cli.output.progress import days_reporter, progress
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


def shown_days(*words: str, terminal: bool, days: int, sources: tuple[str, ...] = ("x",)) -> str:
    """Returns the stderr of reading that many days of each source, one every 40 ms."""
    now = [0]
    err = stream(is_terminal=terminal)
    with replaced(stream(), stream(), err), cli.make_context("hindlog", [*words, "status"]):
        show = days_reporter(lambda: now[0])
        for source in sources:
            for done in range(1, days + 1):
                now[0] += SECOND // 25
                show(source, done, days)
    return err.buffer.getvalue().decode()  # type: ignore[attr-defined, no-any-return]


def test_reading_many_days_is_said_once_after_a_second() -> None:
    message = "reading 30 days of x, which the catalog of segments lacks\n"

    assert shown_days(terminal=False, days=30, sources=("x", "y")) == message
    assert shown_days(terminal=False, days=29, sources=("x", "y")) == ""
    assert '"message": "reading 30 days' in shown_days(
        "--log-format", "json", terminal=True, days=30
    )


def test_on_a_terminal_reading_days_is_one_line_that_is_removed_at_the_end() -> None:
    out = shown_days(terminal=True, days=30)
    lines = out.split("\r\x1b[K")

    assert lines[1] == "reading day 26 of 30 of x, which the catalog of segments lacks"
    assert (len(lines), lines[0], lines[-1]) == (6, "", "")


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_says_nothing_of_reading_days(terminal: bool) -> None:
    assert shown_days("--quiet", terminal=terminal, days=30) == ""


def test_a_thread_without_a_command_says_nothing_of_reading_days() -> None:
    err = stream(is_terminal=False)
    now = iter(range(0, 100 * SECOND, SECOND))
    show = days_reporter(lambda: next(now))
    with replaced(stream(), stream(), err):
        for done in range(1, 31):
            show("x", done, 30)

    assert err.buffer.getvalue() == b""  # type: ignore[attr-defined]


@pytest.mark.parametrize(("width", "text"), [(10, "abcdefgh…"), (27, "abcdefghijklmnopqrstuvwxyz")])
def test_a_line_that_is_overwritten_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, width: int, text: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    out = shown(terminal=True, steps=[(SECOND, "abcdefghijklmnopqrstuvwxyz")])

    assert out == f"\r\x1b[K{text}\r\x1b[K"
