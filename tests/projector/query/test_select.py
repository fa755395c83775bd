"""Queries of users: a single SELECT that reads nothing outside the archive."""

import pytest

from eventlog.errors import Invalid, Unavailable
from projector.query.select import run_query
from tests.projector.logs import hours


def test_a_select_gives_columns_types_and_rows(shared):
    result = run_query(
        shared, "SELECT id, prompt FROM openrouter.models_at('2026-11-01T00:30') LIMIT 1"
    )

    assert result.columns == ("id", "prompt")
    assert result.types == ("VARCHAR", "DECIMAL(38,24)")
    assert len(list(result.rows)) == 1


def test_parameters_are_values_and_never_part_of_the_sql_text(shared):
    sql = "SELECT name FROM openrouter.models WHERE id = $id"

    assert list(run_query(shared, sql, params={"id": "a"}).rows) == [("A2",)]
    assert list(run_query(shared, sql, params={"id": "a' OR 'x' = 'x"}).rows) == []


def test_the_same_query_reads_the_past(shared):
    sql = "SELECT count(*) FROM openrouter.models"

    assert list(run_query(shared, sql).rows) == [(2,)]
    assert list(run_query(shared, sql, as_of=hours(1)).rows) == [(1,)]


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ("EXPLAIN SELECT 1", "explain_value"),
        ("explain analyze\nFROM openrouter.models", "explain_value"),
        ("EXPLAIN (FORMAT json) SELECT 'COPY'", "explain_value"),
        ("PIVOT (SELECT 'COPY' AS a, 2 AS b) ON a USING sum(b)", "COPY"),
        ("SELECT * FROM (PIVOT openrouter.models ON id USING count(*) GROUP BY author)", "a"),
        ("FROM openrouter.models PIVOT (count(*) FOR id IN ('a', 'b') GROUP BY author)", "b"),
    ],
)
def test_explaining_and_pivoting_only_read(shared, sql, column):
    result = run_query(shared, sql)

    assert column in result.columns
    assert len(list(result.rows)) >= 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "",
        "COPY (SELECT 1) TO '{out}'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'",
        "EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO '{out}'",
        "EXPLAIN ANALYZE WITH x AS (COPY (SELECT 1) TO '{out}') SELECT 1",
        "EXPLAIN SET VARIABLE as_of = '2026-11-01'",
        "WITH x AS (COPY (SELECT 1) TO '{out}') FROM (PIVOT (SELECT 1 AS a) ON a USING count(*))",
        "PIVOT (WITH x AS (COPY (SELECT 1) TO '{out}') SELECT 1 AS a, 2 AS b) ON a USING sum(b)",
        "CREATE TABLE x AS PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b)",
        "COPY (PIVOT (SELECT 1 AS a, 2 AS b) ON a USING sum(b)) TO '{out}'",
        "WITH x AS (COPY (SELECT 1) TO '{out}') SELECT 1",
        "WITH x AS MATERIALIZED (COPY (SELECT 1) TO '{out}') SELECT 1 WHERE false",
        "SELECT * FROM query('WITH x AS (COPY (SELECT 1) TO ''{out}'') SELECT 1')",
        "FROM Query('WITH x AS (CO' || 'PY (SELECT 1) TO ''{out}'') SELECT 1')",
        "FROM \"query\"('WITH x AS (\\x43OPY (SELECT 1) TO ''{out}'') SELECT 1')",
        "with x as (copy (SELECT 1) TO '{out}') SELECT 1",
        "WITH x AS (INSERT INTO t VALUES (1) RETURNING *) FROM x",
        "ATTACH '{out}' AS x",
        "SET enable_external_access = true",
        "SET VARIABLE as_of = '2026-11-01'",
        "CREATE TABLE x (a int)",
        "CALL pragma_version()",
        "EXPORT DATABASE '{out}'",
        "INSTALL httpfs",
        "LOAD httpfs",
    ],
)
def test_anything_but_a_single_select_is_refused_and_writes_nothing(shared, sql):
    out = shared / "out.file"
    with pytest.raises(Invalid):
        list(run_query(shared, sql.replace("{out}", str(out))).rows)

    assert not out.exists()


@pytest.mark.parametrize(
    ("sql", "hint"),
    [("COPY (SELECT 1) TO 'x'", "hindlog export writes files"), ("CHECKPOINT", None)],
)
def test_a_copy_is_refused_with_the_command_that_writes_files(shared, sql, hint):
    with pytest.raises(Invalid, match="expected a SELECT, found") as refused:
        run_query(shared, sql)

    assert refused.value.hint == hint


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_text('/etc/hostname')",
        "FROM read_csv('/etc/passwd')",
        "FROM '/etc/passwd'",
        "FROM glob('/etc/*')",
        "FROM read_parquet('https://example.com/x.parquet')",
    ],
)
def test_nothing_outside_the_archive_is_read(shared, sql):
    with pytest.raises(Invalid):
        list(run_query(shared, sql).rows)


def test_variables_of_python_are_not_tables(shared):
    archive_rows = [1]  # noqa: F841
    with pytest.raises(Invalid, match="archive_rows"):
        run_query(shared, "FROM archive_rows")


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("SELECT nope FROM openrouter.models", "LINE 1: SELECT nope"),
        ("SELECT 1,\n\n nope\nFROM openrouter.models", "LINE 3:  nope"),
        ("SELECT 'COPY',\n\n nope\nFROM openrouter.models", "LINE 3:  nope"),
        ("SELECT 1,\n\n, 2", "LINE 3: , 2"),
        ("SELECT 'COPY',\n\n, 2", "LINE 3: , 2"),
    ],
    ids=["first line", "third", "third, planned first", "syntax", "syntax, planned first"],
)
def test_an_error_shows_the_line_of_the_query(shared, sql, line):
    with pytest.raises(Invalid) as refused:
        run_query(shared, sql)

    assert line in refused.value.what


def test_a_query_is_stopped_at_its_timeout(shared):
    with pytest.raises(Unavailable, match=r"stopped after 0\.2 s"):
        list(run_query(shared, "SELECT count(*) FROM range(100000000000)", timeout_s=0.2).rows)


def test_the_future_is_refused(shared):
    with pytest.raises(Invalid, match="after now"):
        run_query(shared, "SELECT 1", as_of=2**52)
