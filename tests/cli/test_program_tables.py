"""Rules that the tables of every command follow on terminals of 40, 80 and 200 columns."""

from pathlib import Path

import pytest

from tests.cli.making import hindlog
from tests.cli.test_program import PRINTS_ROWS, ROWS, options_of, words

WIDTHS = (40, 80, 200)


def shown(name: str, width: int, at: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> str:
    """Returns what a command prints as a table on a terminal of this width."""
    monkeypatch.setenv("COLUMNS", str(width))
    done = hindlog(
        *words(name), *options, "-F", "table", "--color=never", at=at, terminals=["stdout"]
    )
    assert done.code == 0
    return done.out


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PRINTS_ROWS)
def test_a_table_breaks_no_id_number_or_time(
    name: str, width: int, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = hindlog(*words(name), "--json", at=shared).json()
    text = shown(name, width, shared, monkeypatch, "--exact")

    expected = [str(value).split() for row in rows for value in row.values() if is_plain(value)]
    assert {word for value in expected for word in value} <= set(text.split())


def is_plain(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PRINTS_ROWS)
def test_a_table_that_is_not_of_records_fits_the_terminal(
    name: str, width: int, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(name, width, shared, monkeypatch).splitlines()

    assert lines[0] == "── 1 ──" or max(map(len, lines)) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_the_id_of_a_run_can_be_copied(
    width: int, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [row["run"] for row in hindlog("fetch", "list", "--json", at=shared).json()]
    text = shown("fetch list", width, shared, monkeypatch)

    assert set(runs) <= set(text.split())


def test_columns_that_were_left_out_are_named_and_can_be_asked_for(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    narrow = hindlog("segment", "list", at=shared, terminals=["stdout"])
    exact = hindlog("segment", "list", "--exact", at=shared, terminals=["stdout"])

    assert narrow.err.startswith("left out to fit the terminal: first_seq, ")
    assert narrow.err.endswith("(--exact shows them)\n")
    assert "first_seq:" in exact.out
    assert exact.err == ""


def test_a_command_without_the_option_says_that_a_pipe_gets_them(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    narrow = hindlog("fetch", "run", "openrouter", "--dry-run", at=shared, terminals=["stdout"])

    assert narrow.code == 0 and not narrow.out.startswith("── 1 ──")
    assert narrow.err.splitlines()[-1].startswith("left out to fit the terminal: url")
    assert narrow.err.endswith(" (a pipe gets them)\n")


@pytest.mark.parametrize("name", ROWS)
def test_every_command_that_prints_rows_has_a_text_for_null(name: str) -> None:
    assert {"--null", "--exact"} <= options_of(name)


def test_null_is_not_the_empty_text(shared: Path) -> None:
    query = ("sql", "SELECT NULL AS a, '' AS b")
    table = hindlog(*query, "--color", "always", at=shared, terminals=["stdout"])

    assert "\x1b[2mNULL\x1b[0m" in table.out
    assert hindlog(*query, "-F", "csv", at=shared).out == 'a,b\n,""\n'
    assert hindlog(*query, "-F", "tsv", "--null", r"\N", at=shared).out == 'a\tb\n\\N\t""\n'
    assert hindlog(*query, "-F", "table", "--null", "~", at=shared).out == "a  b\n~\n"
    assert hindlog(*query, "--json", "--null", "~", at=shared).json() == [{"a": None, "b": ""}]


def test_times_are_ages_on_a_terminal_and_exact_elsewhere(shared: Path) -> None:
    terminal = hindlog("segment", "list", at=shared, terminals=["stdout"])
    exact = hindlog("segment", "list", "--exact", at=shared, terminals=["stdout"])
    pipe = hindlog("segment", "list", at=shared)

    assert "2026-11-01 02:00" in terminal.out
    assert "2026-11-01T02:00:00.000000Z" in exact.out
    assert "2026-11-01T02:00:00.000000Z" in pipe.out


def test_a_query_has_all_its_columns_and_exact_times(shared: Path) -> None:
    query = "SELECT NULL AS nothing, now() AS at, md5('x') AS hash"
    done = hindlog("sql", query, "--color=never", at=shared, terminals=["stdout"])

    assert done.out.split()[:3] == ["nothing", "at", "hash"]
    assert "9dd4e461268c8034f5c8564e155c67a6" in done.out
    assert "ago" not in done.out
