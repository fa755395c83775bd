"""SQL queries of the views: one read-only SELECT; also an EXPLAIN of one, and a PIVOT.

Refused, each with a test: any other statement, and several at once; files outside the archive
(external access is off); writing by COPY, by EXPLAIN ANALYZE COPY, and by a COPY or INSERT
inside WITH, which DuckDB classifies as a SELECT.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import duckdb

from eventlog.errors import Invalid, Unavailable
from projector.engine.connections import restrict_access
from projector.engine.duckdb_errors import find_damaged_file
from projector.engine.interruptible import run_cancellable
from projector.folders import is_utf8
from projector.query.open_views import open_views

CHUNK_ROWS = 1000
"""Number of rows that are fetched at once."""
RunStep = Callable[[Callable[[], Any]], Any]
"""Runs a step of a query and returns its result."""
_LINE = re.compile(r"LINE (\d+):")
_EXPLAIN = re.compile(
    r"\s*EXPLAIN\b\s*(ANALYZE\b|ANALYSE\b)?\s*"
    r"(\(\s*(ANALYZE|ANALYSE|FORMAT)\b[^()]*\))?(?P<query>.*)",
    re.IGNORECASE | re.DOTALL,
)
_PIVOT_STARTS = ("PIVOT", "PIVOT_WIDER", "SELECT", "FROM", "WITH")
"""First words of a statement that may contain a PIVOT."""
_WRITES = ("COPY", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "ATTACH", "EXPORT")
"""Words that a statement or the operators of its plan contain if it writes."""
_TEXT_RUNNERS = ("QUERY", "EXECUTE")
"""Words in the names of functions that run SQL text, which may be put together from pieces."""


@attrs.frozen
class QueryResult:
    """The result of a query."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    """DuckDB's names of the columns' types."""
    rows: Iterator[tuple[Any, ...]]
    """Rows in order, fetched while they are read, once; raises as `run_query` does."""


def run_query(
    root: Path,
    sql: str,
    *,
    as_of: int | None = None,
    params: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> QueryResult:
    """Returns the rows of one SELECT over the views as of an instant (µs).

    `params` are the values of `$name` in it. Raises `Invalid` with DuckDB's message, and
    `Unavailable` after `timeout_s`. A signal's exception stops the query, too.
    """
    for text in (sql, *(params or {}), *(params or {}).values()):
        if not is_utf8(text):
            raise Invalid(f"{text[:80]!r}: expected a query and parameters in UTF-8")
    connection = open_views(root, as_of)
    restrict_access(connection, root.resolve())
    run_step = _step_runner(connection, timeout_s)
    values = dict(params) if params else None
    try:
        run_step(lambda: _check(connection, sql, params))
        run_step(lambda: connection.execute(sql, values))
        description = connection.description or []
    except BaseException:
        connection.close()
        raise
    names = tuple(str(column[0]) for column in description)
    types = tuple(str(column[1]) for column in description)
    return QueryResult(names, types, _rows(connection, run_step))


def _step_runner(connection: duckdb.DuckDBPyConnection, timeout_s: float | None) -> RunStep:
    """Returns a function that runs steps so that a signal or the timeout stops them.

    All steps of a query share the timeout, which begins now.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="sql")
    deadline = None if timeout_s is None else time.monotonic() + timeout_s

    def run_step(work: Callable[[], Any]) -> Any:
        try:
            return run_cancellable(connection, work, pool=pool, deadline=deadline)
        except TimeoutError as error:
            message = f"the query was stopped after {timeout_s:g} s"
            raise Unavailable(message, "raise --timeout, or select less") from error
        except (duckdb.Error, Invalid) as error:
            invalid = Invalid(str(getattr(error, "what", error)), getattr(error, "hint", None))
            raise find_damaged_file(error) or invalid from error

    return run_step


def _check(
    connection: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, str] | None
) -> None:
    """Raises `Invalid` unless the text is one statement that only reads."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise Invalid(f"expected one SELECT, found {len(statements)} statements")
    (statement,) = statements
    match statement.type:
        case duckdb.StatementType.SELECT:
            _check_plan(connection, statement.query, params)
        case duckdb.StatementType.EXPLAIN:
            explained = _EXPLAIN.match(statement.query)
            if explained is None:
                raise Invalid("EXPLAIN: expected EXPLAIN or EXPLAIN ANALYZE, then a SELECT")
            _check(connection, explained["query"], params)
        case duckdb.StatementType.MULTI:
            _check_pivot(statement.query)
            _check_plan(connection, statement.query, params)
        case other_type:
            hint = "hindlog export writes files" if other_type.name.startswith("COPY") else None
            raise Invalid(f"expected a SELECT, found {other_type.name}", hint)


def _check_pivot(sql: str) -> None:
    """Raises `Invalid` for several statements in one that are no PIVOT, or that write.

    DuckDB expands a PIVOT without IN into several statements, because it must read the values
    first; no plan shows them all. A part that writes is at the top level of the text, or DuckDB
    refuses it.
    """
    words = _words(sql)
    if not words or words[0] not in _PIVOT_STARTS or "PIVOT" not in " ".join(words):
        raise Invalid("expected one SELECT, found several statements in one")
    for word in words:
        if word in _WRITES:
            raise Invalid(f"expected a PIVOT that only reads, found {word}")


def _words(sql: str) -> list[str]:
    """Returns the keywords and the unquoted names of a statement, in capitals."""
    data = sql.encode()  # offsets of tokens are in bytes
    tokens = duckdb.tokenize(sql)
    ends = [start for start, _ in tokens[1:]] + [len(data)]
    word_types = (duckdb.token_type.keyword, duckdb.token_type.identifier)
    words = [
        data[start:end].decode().strip().upper()
        for (start, token_type), end in zip(tokens, ends, strict=True)
        if token_type in word_types
    ]
    return [word for word in words if not word.startswith('"')]


def _check_plan(
    connection: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, str] | None
) -> None:
    """Raises `Invalid` if the plan of a statement contains an operator that writes.

    A text without a word of `_WRITES`, and without a function that runs text, cannot contain
    one, and is not planned here: for the views planning is most of the time of a small query.
    """
    upper = sql.upper()
    if not any(word in upper for word in (*_WRITES, *_TEXT_RUNNERS)):
        return
    try:
        plan = connection.execute(
            "EXPLAIN (FORMAT json)\n" + sql, dict(params) if params else None
        ).fetchall()
    except duckdb.Error as error:
        raise find_damaged_file(error) or Invalid(_with_user_lines(str(error))) from error
    for operator in _operators(json.loads(plan[0][1])):
        if any(word in operator for word in _WRITES):
            raise Invalid(f"expected a SELECT that only reads, found {operator}")


def _with_user_lines(message: str) -> str:
    """Returns DuckDB's message about an EXPLAIN with the line numbers of the explained text."""
    return _LINE.sub(lambda match: f"LINE {int(match[1]) - 1}:", message)


def _operators(plan: Any) -> Iterator[str]:
    """Yields the names of all operators of a plan, in capitals."""
    for node in plan:
        yield str(node.get("name", "")).upper()
        yield from _operators(node.get("children", []))


def _rows(connection: duckdb.DuckDBPyConnection, run_step: RunStep) -> Iterator[tuple[Any, ...]]:
    """Yields the remaining rows, and closes the connection at the end."""
    try:
        while rows := run_step(lambda: connection.fetchmany(CHUNK_ROWS)):
            yield from rows
    finally:
        connection.close()
