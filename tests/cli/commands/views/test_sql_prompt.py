"""The prompt takes statements apart as a reader would."""

import io
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from cli.commands.views.sql_prompt import HELP, run_prompt, statements
from cli.process.signals import Terminated, raise_on_signals
from cli.program import cli
from tests.cli.making import Done, hindlog, replaced, stream


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
    monkeypatch.setattr("cli.process.signals._exit_on_second_signal", lambda: None)
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


def prompted(root: Path, *lines: str, more: tuple[str, ...] = ()) -> Done:
    """The prompt of `sql` over an archive, with these lines typed."""
    typed = "".join(f"{line}\n" for line in lines).encode()
    return hindlog("sql", *more, at=root, stdin=typed, terminals=["stdin"])


def test_the_prompt_answers_each_statement_and_goes_on_after_an_error(archive: Path) -> None:
    done = prompted(archive, "SELEC;", "SELECT count(*) AS n", "FROM openrouter.models;")

    assert (done.code, done.out) == (0, "n\n2\n")
    assert "hindlog: " in done.err
    assert done.err.startswith(HELP)
    assert "Traceback" not in done.err


def test_only_data_goes_to_a_stdout_that_is_no_terminal(archive: Path) -> None:
    done = prompted(archive, "SELECT 1", "AS n;")

    assert done.out == "n\n1\n"
    assert done.err == f"{HELP}\nhindlog>     ...> hindlog> \n"


@pytest.mark.parametrize(
    ("lines", "counts"),
    [
        ((".as-of 2026-11-01T00:30", "{};", ".as-of now", "{};"), ["3", "2"]),
        ((".as-of 2026-11-01T00:30", "{};", ".as-of", "{};"), ["3", "2"]),
        ((".as-of 2099-01-01", "{};"), ["2"]),
        (("{};", ".quit", "{};"), ["2"]),
        (("{};", ".exit", "{};"), ["2"]),
    ],
)
def test_the_prompt_asks_about_the_instant_that_was_set(
    archive: Path, lines: tuple[str, ...], counts: list[str]
) -> None:
    query = "SELECT count(*) AS n FROM openrouter.models"
    done = prompted(archive, *(line.format(query) for line in lines))

    assert (done.code, done.out) == (0, "".join(f"n\n{count}\n" for count in counts))


def test_the_prompt_begins_with_the_instant_and_parameters_of_its_command(archive: Path) -> None:
    query = "SELECT count(*) || $x AS n FROM openrouter.models;"
    done = prompted(archive, query, more=("--as-of", "2026-11-01T00:30", "--param", "x=!"))

    assert done.out == "n\n3!\n"


def test_the_prompt_lists_views_and_shows_its_help(archive: Path) -> None:
    done = prompted(archive, ".views", ".help")

    assert "openrouter.models\t" in done.out
    assert "openrouter._" not in done.out
    assert done.err.count(HELP) == 2


def test_the_prompt_keeps_its_history_in_the_state_of_the_archive(archive: Path) -> None:
    shutil.rmtree(archive / "state", ignore_errors=True)
    prompted(archive, ".help")

    assert (archive / "state" / "sql_history").is_file()
    assert prompted(archive, ".help").code == 0


def test_ctrl_c_in_a_query_is_told_and_the_prompt_goes_on(tmp_path: Path) -> None:
    def ask(text: str, as_of: int | None) -> tuple[tuple[str, ...], Iterator[tuple[object, ...]]]:
        if text == "SELECT 1;":
            raise KeyboardInterrupt
        return ("n",), iter([(2,)])

    given, out, err = stream(b"SELECT 1;\nSELECT 2;\n"), stream(), stream()
    with replaced(given, out, err), cli.make_context("hindlog", ["sql"]):
        run_prompt(ask, tmp_path / "history", lambda text: None)

    assert out.buffer.getvalue() == b"n\n2\n"  # type: ignore[attr-defined]
    assert b"stopped\n" in err.buffer.getvalue()  # type: ignore[attr-defined]
