"""Reading many days for the catalog is shown, also before a command begins its own work."""

import pytest

from cli.output.progress.days import days_reporter
from cli.program import cli
from tests.cli.making import replaced, stream
from tests.cli.output.progress.test_display import SECOND, frames_of


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
    message = "reading 30 days of x that the catalog lacks\n"

    assert shown_days(terminal=False, days=30, sources=("x", "y")) == message
    assert shown_days(terminal=False, days=29, sources=("x", "y")) == ""
    assert '"message": "reading 30 days' in shown_days(
        "--log-format", "json", terminal=True, days=30
    )


def test_on_a_terminal_reading_days_is_one_line_that_is_removed_at_the_end() -> None:
    out = shown_days(terminal=True, days=30)

    assert any("of 30 days of x read" in frame for frame in frames_of(out))
    assert out.endswith("\x1b[2K")


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
