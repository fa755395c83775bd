"""The prompt takes statements apart as a reader would."""

import io
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from cli.prompt import run_prompt, statements
from cli.signals import Terminated, raise_on_signals


def read_from(lines: list[str | type[BaseException]]) -> list[str]:
    left = iter(lines)

    def read(_prompt: str) -> str | None:
        found = next(left, None)
        if isinstance(found, type):
            raise found
        return found

    return list(statements(read))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], []),
        (["SELECT 1;"], ["SELECT 1;"]),
        (["SELECT 1", "  + 1;", "SELECT 2;"], ["SELECT 1\n  + 1;", "SELECT 2;"]),
        (["", "  ", ".views"], [".views"]),
        (["SELECT", ".5;"], ["SELECT\n.5;"]),
        (["SELECT 1"], []),
    ],
)
def test_a_statement_ends_with_a_semicolon_or_begins_with_a_dot(
    lines: list[str | type[BaseException]], expected: list[str]
) -> None:
    assert read_from(lines) == expected


def test_ctrl_c_drops_what_was_begun() -> None:
    assert read_from(["SELECT bad", KeyboardInterrupt, "SELECT 1;"]) == ["SELECT 1;"]


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Signals raise, as they do in the program; one statement is typed."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr("cli.signals._leave_at_the_second", lambda: None)
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 1;\n"))
    raise_on_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def renamed(number: int) -> NoReturn:
    """A signal comes, and DuckDB tells it in words of its own."""
    try:
        signal.raise_signal(number)
        raise AssertionError("no handler raised")
    except (KeyboardInterrupt, Terminated):
        raise RuntimeError("Query interrupted") from None


@pytest.mark.usefixtures("raising")
def test_ctrl_c_ends_the_query_and_not_the_prompt_whatever_duckdb_makes_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_prompt(lambda _text, _as_of: renamed(signal.SIGINT), tmp_path / "history", lambda _: None)

    assert "stopped" in capsys.readouterr().err


@pytest.mark.usefixtures("raising")
def test_sigterm_ends_the_prompt(tmp_path: Path) -> None:
    with pytest.raises(Terminated):
        run_prompt(lambda _, __: renamed(signal.SIGTERM), tmp_path / "history", lambda _: None)
