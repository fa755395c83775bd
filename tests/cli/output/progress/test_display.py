"""A display draws a line on a terminal, prints one per minute elsewhere, and nothing if quiet."""

import os
import re
import signal

import pytest

from cli.options.global_options import current_options, print_message
from cli.output.progress.display import answering_sigusr1, progress
from cli.program import cli
from tests.cli.making import replaced, stream

SECOND = 1_000_000
STEPS = [(0, 1), (59, 2), (60, 3), (61, 4), (119, 5), (120, 6)]
"""Seconds, and the number that is done then."""
FRAME = re.compile(r"\r\x1b\[2K|\r|\n")
STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def shown(
    *words: str,
    terminal: bool,
    steps: list[tuple[int, int]],
    unit: str = "segments read",
    ask: bool = False,
    say: str | None = None,
) -> str:
    """Returns the stderr of a progress with these steps; `ask`: with a SIGUSR1 after them."""
    now = [0]
    clock = lambda: now[0]  # noqa: E731
    err = stream(is_terminal=terminal)
    with (
        replaced(stream(), stream(), err),
        cli.make_context("hindlog", [*words, "status"]),
        answering_sigusr1(clock, current_options),
        progress(clock) as show,
    ):
        for seconds, done in steps:
            now[0] = seconds * SECOND
            show(unit, done, 2_000)
        if say is not None:
            print_message(say)
        if ask:
            os.kill(os.getpid(), signal.SIGUSR1)
    return err.buffer.getvalue().decode()  # type: ignore[attr-defined, no-any-return]


def frames_of(out: str) -> list[str]:
    """Returns the lines that a terminal showed one after the other, without their style."""
    return [text for text in (STYLE.sub("", frame) for frame in FRAME.split(out)) if text]


def test_in_a_pipe_one_line_per_minute_is_printed() -> None:
    assert shown(terminal=False, steps=STEPS) == (
        "3 of 2,000 segments read, 0%, 2.0/min, 17 h left\n"
        "6 of 2,000 segments read, 0%, 2.5/min, 13 h left\n"
    )


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("unit", ["segments read", "pairs of versions of a-long-name compared"])
def test_on_a_terminal_one_line_is_drawn_that_never_wraps(
    monkeypatch: pytest.MonkeyPatch, width: int, unit: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))

    out = shown(terminal=True, steps=[*STEPS, (900, 1_999)], unit=unit)
    frames = frames_of(out)

    assert any(f"1,999 of 2,000 {unit[:20]}"[: width - 2] in frame for frame in frames)
    assert max(map(len, frames)) <= width
    assert out.endswith("\x1b[2K"), "the line is removed at the end"


def test_what_ends_at_once_draws_nothing() -> None:
    assert shown(terminal=True, steps=[(0, 1), (0, 2)]) == ""


def test_a_message_is_printed_above_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    out = shown(terminal=True, steps=[(1, 1)], say="a message")

    assert "\r\x1b[2Ka message\n" in out
    assert shown(terminal=False, steps=[(1, 1)], say="a message") == "a message\n"


def test_with_the_log_format_json_no_line_is_drawn() -> None:
    out = shown("--log-format", "json", terminal=True, steps=STEPS, ask=True)

    assert out.count('"message": "3 of') == 1
    assert out.count('"message": "6 of') == 2
    assert "\x1b" not in out


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_on_a_dumb_terminal_no_line_is_drawn(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    monkeypatch.setenv("TERM", term)

    assert shown(terminal=True, steps=STEPS) == shown(terminal=False, steps=STEPS)


def test_without_color_the_line_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[3" not in shown(terminal=True, steps=STEPS)
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[3" in shown(terminal=True, steps=STEPS)
    assert "\x1b[3" not in shown("--color", "never", terminal=True, steps=STEPS)


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_shows_no_progress_but_answers_sigusr1(terminal: bool) -> None:
    assert shown("-q", terminal=terminal, steps=STEPS) == ""
    assert shown("-q", terminal=terminal, steps=STEPS, ask=True) == (
        "6 of 2,000 segments read, 0%, 2.5/min, 13 h left\n"
    )


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ([(0, 1), (1, 2)], "2 of 2,000 segments read, 0%, 1.0/s, 33 min left\n"),
        ([], "running for 0 s\n"),
    ],
)
def test_sigusr1_prints_one_line_at_once(steps: list[tuple[int, int]], line: str) -> None:
    assert shown(terminal=False, steps=steps, ask=True) == line


def test_sigusr1_is_ignored_after_the_command() -> None:
    with cli.make_context("hindlog", ["status"]), replaced(stream(), stream(), stream()):
        with answering_sigusr1(lambda: 0, current_options):
            pass

        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
