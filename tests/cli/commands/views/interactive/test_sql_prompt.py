"""The SQL prompt: statements, commands, signals and its history."""

import io
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from cli.commands.views.interactive.sql_prompt import (
    HELP,
    completions,
    history_file,
    is_complete,
    line_reader,
    read_statements,
    run_prompt,
)
from cli.process.signals import Terminated, raise_on_signals
from cli.program import cli
from tests.cli.making import Done, hindlog, replaced, stream


def read_from(lines: list[str | type[BaseException]]) -> list[str]:
    """Returns the statements of typed lines; an exception in `lines` is raised."""
    remaining = iter(lines)

    def read_line(_prompt: str) -> str | None:
        line = next(remaining, None)
        if isinstance(line, type):
            raise line
        return line

    return list(read_statements(read_line))


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


def test_ctrl_c_discards_an_incomplete_statement() -> None:
    assert read_from(["SELECT bad", KeyboardInterrupt, "SELECT 1;"]) == ["SELECT 1;"]


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Makes signals raise, as in the program, and types one statement."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr("cli.process.signals._exit_on_second_signal", lambda: None)
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 1;\n"))
    raise_on_signals()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupted_by_duckdb(number: int) -> NoReturn:
    """Raises a signal, and replaces its exception with an error as DuckDB does."""
    try:
        signal.raise_signal(number)
        raise AssertionError("no handler raised")
    except (KeyboardInterrupt, Terminated):
        raise RuntimeError("Query interrupted") from None


@pytest.mark.usefixtures("raising")
def test_ctrl_c_that_duckdb_reports_as_an_error_ends_the_query_and_not_the_prompt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_prompt(
        lambda _text, _as_of: interrupted_by_duckdb(signal.SIGINT),
        line_reader(),
        lambda _: None,
    )

    assert "stopped" in capsys.readouterr().err


@pytest.mark.usefixtures("raising")
def test_sigterm_ends_the_prompt(tmp_path: Path) -> None:
    with pytest.raises(Terminated):
        run_prompt(
            lambda _, __: interrupted_by_duckdb(signal.SIGTERM),
            line_reader(),
            lambda _: None,
        )


def prompted(root: Path, *lines: str, options: tuple[str, ...] = ()) -> Done:
    """Runs the prompt of `sql` over an archive, with these lines typed."""
    typed = "".join(f"{line}\n" for line in lines).encode()
    return hindlog("sql", *options, at=root, stdin=typed, terminals=["stdin"])


def test_the_prompt_runs_each_statement_and_continues_after_an_error(archive: Path) -> None:
    done = prompted(archive, "SELEC;", "SELECT count(*) AS n", "FROM openrouter.models;")

    assert (done.code, done.out) == (0, "n\n2\n")
    assert "hindlog: " in done.err
    assert done.err.startswith(HELP)
    assert "Traceback" not in done.err


def test_only_data_is_written_to_a_stdout_that_is_not_a_terminal(archive: Path) -> None:
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
def test_as_of_in_the_prompt_sets_the_instant_of_later_queries(
    archive: Path, lines: tuple[str, ...], counts: list[str]
) -> None:
    query = "SELECT count(*) AS n FROM openrouter.models"
    done = prompted(archive, *(line.format(query) for line in lines))

    assert (done.code, done.out) == (0, "".join(f"n\n{count}\n" for count in counts))


def test_the_prompt_uses_the_instant_and_parameters_of_its_command(archive: Path) -> None:
    query = "SELECT count(*) || $x AS n FROM openrouter.models;"
    done = prompted(archive, query, options=("--as-of", "2026-11-01T00:30", "--param", "x=!"))

    assert done.out == "n\n3!\n"


@pytest.mark.parametrize("command", [".tables", ".views", "SHOW TABLES;", "show all tables ;"])
def test_the_prompt_lists_the_views(archive: Path, command: str) -> None:
    done = prompted(archive, command)

    assert "openrouter.models\t" in done.out
    assert "openrouter._" not in done.out


@pytest.mark.parametrize("command", [".schema {}", "DESCRIBE {};", "desc {};"])
def test_the_prompt_lists_the_columns_of_a_view(archive: Path, command: str) -> None:
    done = prompted(archive, command.format("openrouter.models"))
    unknown = prompted(archive, command.format("openrouter.modles"))

    assert done.rows[0] == ["column", "type"]
    assert ["id", "VARCHAR"] in done.rows
    assert "the nearest known one is openrouter.models" in unknown.err


def test_schema_without_a_view_lists_the_columns_of_all(archive: Path) -> None:
    assert ["openrouter.models", "id", "VARCHAR"] in prompted(archive, ".schema").rows


@pytest.mark.parametrize("word", [".quit", ".exit", "exit", "quit", "QUIT;", "exit ;"])
def test_the_words_that_leave(archive: Path, word: str) -> None:
    assert prompted(archive, word, "SELECT 1 AS n;").out == ""


def test_an_unknown_dot_command_is_answered_with_the_nearest(archive: Path) -> None:
    assert "the nearest one is .tables" in prompted(archive, ".tabels").err
    assert prompted(archive, ".help").err.count(HELP) == 2


@pytest.mark.parametrize(
    ("statement", "count"),
    [
        ("SET VARIABLE as_of = TIMESTAMPTZ '2026-11-01 00:30:00+00';", "3"),
        ("set variable as_of to '2026-11-01 00:30:00+00';", "3"),
        ("SET VARIABLE as_of = NULL;", "2"),
        ("SET VARIABLE as_of = '2026-11-01 00:30:00+00'; ", "3"),
    ],
)
def test_set_variable_as_of_sets_the_instant_of_later_queries(
    archive: Path, statement: str, count: str
) -> None:
    query = "SELECT count(*) AS n FROM openrouter.models;"
    done = prompted(archive, statement, query, "RESET VARIABLE as_of;", query)

    assert done.out == f"n\n{count}\nn\n2\n"


def test_as_of_now_is_the_latest_state_also_if_the_command_named_an_instant(archive: Path) -> None:
    query = "SELECT count(*) AS n FROM openrouter.models;"
    options = ("--as-of", "2026-11-01T00:30")

    assert prompted(archive, query, ".as-of now", query, options=options).out == "n\n3\nn\n2\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".tables", True),
        ("exit", True),
        ("SELECT 1;", True),
        ("SELECT 1\n;  ", True),
        ("", True),
        ("SELECT 1", False),
        ("SELECT\n.5", False),
    ],
)
def test_enter_ends_a_whole_statement(text: str, expected: bool) -> None:
    assert is_complete(text) is expected


def test_completion_offers_views_and_columns() -> None:
    rows = [("a.b", "id", "VARCHAR"), ("a.b", "name", "VARCHAR"), ("a.c", "id", "VARCHAR")]

    assert completions(lambda _text, _as_of: ((), iter(rows))) == ["a.b", "id", "name", "a.c"]


def test_the_history_is_in_the_folder_for_states() -> None:
    home = Path("/home/me")

    assert history_file({}, home) == home / ".local/state/hindlog/sql_history"
    assert history_file({"XDG_STATE_HOME": "/s"}, home) == Path("/s/hindlog/sql_history")


def test_ctrl_c_in_a_query_is_reported_and_the_prompt_continues(tmp_path: Path) -> None:
    def ask(text: str, as_of: int | None) -> tuple[tuple[str, ...], Iterator[tuple[object, ...]]]:
        if text == "SELECT 1;":
            raise KeyboardInterrupt
        return ("n",), iter([(2,)])

    typed, out, err = stream(b"SELECT 1;\nSELECT 2;\n"), stream(), stream()
    with replaced(typed, out, err), cli.make_context("hindlog", ["sql"]):
        run_prompt(ask, line_reader(), lambda text: None)

    assert out.buffer.getvalue() == b"n\n2\n"  # type: ignore[attr-defined]
    assert b"stopped\n" in err.buffer.getvalue()  # type: ignore[attr-defined]
