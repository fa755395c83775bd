"""NULL and the empty text: written differently, and read back by DuckDB."""

from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output.formats import Shown
from tests.cli.output.test_formats import written

VALUES = st.none() | st.text(st.characters(blacklist_categories=["Cs", "Cc"])) | st.just("")


@given(st.lists(st.tuples(VALUES, VALUES), max_size=5), st.sampled_from(["", "NULL", "n/a"]))
def test_csv_is_read_back_by_duckdb_with_null_and_the_empty_text(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str | None, str | None]],
    null: str,
) -> None:
    file = tmp_path_factory.getbasetemp() / "round_trip.csv"
    file.write_text(written(["a", "b"], rows, "csv", shown=Shown(null=null or None)))
    options = "header = true, all_varchar = true, auto_detect = false, allow_quoted_nulls = false"
    columns = "columns = {'a': 'VARCHAR', 'b': 'VARCHAR'}"
    query = f"FROM read_csv('{file}', {options}, {columns}, nullstr = '{null}')"

    with duckdb.connect() as connection:
        assert connection.execute(query).fetchall() == rows


def test_csv_is_what_duckdb_writes(tmp_path: Path) -> None:
    rows = [(None, ""), ("NULL", 'a"b'), ("x,y", " ")]
    file = tmp_path / "theirs.csv"
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (a VARCHAR, b VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        connection.execute(f"COPY t TO '{file}' (FORMAT csv)")
    lines = file.read_text().splitlines()

    assert written(["a", "b"], rows[:2], "csv").splitlines() == lines[:3]


def test_tsv_distinguishes_null_empty_text_and_two_quotes() -> None:
    text = written(["a", "b", "c"], [(None, "", '""')], "tsv")

    assert text == 'a\tb\tc\n\t""\t\\""\n'


@pytest.mark.parametrize("fmt", ["csv", "tsv", "markdown", "table"])
def test_the_text_for_null_can_be_chosen(fmt: str) -> None:
    text = written(["a", "b"], [(None, "x")], fmt, shown=Shown(null="nothing"))

    assert "nothing" in text


@pytest.mark.parametrize("fmt", ["json", "ndjson"])
def test_null_in_json_is_always_null(fmt: str) -> None:
    assert '"a":null' in written(["a"], [(None,)], fmt, shown=Shown(null="nothing"))
