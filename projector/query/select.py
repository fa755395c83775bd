"""SQL: one SELECT over the views, read-only.

EXPLAIN of a SELECT, and PIVOT, are such too. What is closed, each with a test: other
statements and several at once; reading files outside the archive (external access is
off); writing by COPY, by EXPLAIN ANALYZE COPY and by a COPY or INSERT inside WITH, which
DuckDB takes for a SELECT.
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
from projector.query.open_views import open_views

CHUNK = 1000
Ask = Callable[[Callable[[], Any]], Any]
_LINE = re.compile(r"LINE (\d+):")
_EXPLAIN = re.compile(
    r"\s*EXPLAIN\b\s*(ANALYZE\b|ANALYSE\b)?\s*"
    r"(\(\s*(ANALYZE|ANALYSE|FORMAT)\b[^()]*\))?(?P<query>.*)",
    re.IGNORECASE | re.DOTALL,
)
_READING = (["PIVOT"], ["PIVOT_WIDER"], ["SELECT"], ["FROM"], ["WITH"])
_WRITES = ("COPY", "INSERT", "UPDATE", "DELETE", "MERGE", "CREATE", "ATTACH", "EXPORT")


@attrs.frozen
class Result:
    """What a query gave."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    """DuckDB's names of their types."""
    rows: Iterator[tuple[Any, ...]]
    """Read once, as they come; raises as `query` does."""


def query(
    root: Path,
    sql: str,
    *,
    as_of: int | None = None,
    params: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> Result:
    """The rows of one SELECT over the views as of an instant.

    `params` fill `$name` in it. Raises `Invalid` with DuckDB's own words, `Unavailable`
    when the time is over; the query also ends where the waiting for it does.
    """
    connection = open_views(root, as_of)
    restrict_access(connection, root.resolve())
    ask = _asker(connection, timeout_s)
    values = dict(params) if params else None
    try:
        ask(lambda: _check(connection, sql, params))
        ask(lambda: connection.execute(sql, values))
        described = connection.description or []
    except BaseException:
        connection.close()
        raise
    names = tuple(str(each[0]) for each in described)
    types = tuple(str(each[1]) for each in described)
    return Result(names, types, _rows(connection, ask))


def _asker(connection: duckdb.DuckDBPyConnection, timeout_s: float | None) -> Ask:
    """How a step of the query is done: to be interrupted, within the time of all of them."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="sql")
    deadline = None if timeout_s is None else time.monotonic() + timeout_s

    def ask(work: Callable[[], Any]) -> Any:
        try:
            return run_cancellable(connection, work, pool=pool, deadline=deadline)
        except TimeoutError as error:
            what = f"the query was stopped after {timeout_s:g} s"
            raise Unavailable(what, "give it more with --timeout, or ask for less") from error
        except (duckdb.Error, Invalid) as error:
            what = _as_written(str(getattr(error, "what", error)))
            told = Invalid(what, getattr(error, "hint", None))
            raise find_damaged_file(error) or told from error

    return ask


def _check(
    connection: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, str] | None
) -> None:
    """Raises `Invalid` for what is not one statement that only reads."""
    found = connection.extract_statements(sql)
    if len(found) != 1:
        raise Invalid(f"expected one SELECT, found {len(found)} statements")
    match found[0].type:
        case duckdb.StatementType.SELECT:
            _check_plan(connection, found[0].query, params)
        case duckdb.StatementType.EXPLAIN:
            inner = _EXPLAIN.match(found[0].query)
            if inner is None:
                raise Invalid("EXPLAIN: expected EXPLAIN or EXPLAIN ANALYZE, then a SELECT")
            _check(connection, inner["query"], params)
        case duckdb.StatementType.MULTI:
            _check_pivot(found[0].query)
            _check_plan(connection, found[0].query, params)
        case other:
            hint = "hindlog export writes files" if other.name.startswith("COPY") else None
            raise Invalid(f"expected a SELECT, found {other.name}", hint)


def _check_pivot(sql: str) -> None:
    """A PIVOT without IN comes as several statements, which no plan shows: it looks first.

    What writes inside of it stands at its top level, or DuckDB refuses it.
    """
    words = _words(sql)
    if words[:1] not in _READING or "PIVOT" not in " ".join(words):
        raise Invalid("expected one SELECT, found several statements in one")
    for word in words:
        if word in _WRITES:
            raise Invalid(f"expected a PIVOT that only reads, found {word}")


def _words(sql: str) -> list[str]:
    """The words of a statement that are neither text nor quoted, in capitals."""
    data = sql.encode()  # places are in bytes
    starts = [at for at, _ in duckdb.tokenize(sql)]
    kinds = [kind for _, kind in duckdb.tokenize(sql)]
    ends = [*starts[1:], len(data)]
    texts = [data[a:b].decode().strip().upper() for a, b in zip(starts, ends, strict=True)]
    plain = (duckdb.token_type.keyword, duckdb.token_type.identifier)
    return [
        text for text, kind in zip(texts, kinds, strict=True) if kind in plain and text[:1] != '"'
    ]


def _check_plan(
    connection: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, str] | None
) -> None:
    plan = connection.execute(
        "EXPLAIN (FORMAT json)\n" + sql, dict(params) if params else None
    ).fetchall()
    for operator in _operators(json.loads(plan[0][1])):
        if any(word in operator for word in _WRITES):
            raise Invalid(f"expected a SELECT that only reads, found {operator}")


def _as_written(message: str) -> str:
    """DuckDB's message about a query whose plan was asked for on a line of its own."""
    return _LINE.sub(lambda found: f"LINE {max(1, int(found[1]) - 1)}:", message)


def _operators(plan: Any) -> Iterator[str]:
    for node in plan:
        yield str(node.get("name", "")).upper()
        yield from _operators(node.get("children", []))


def _rows(connection: duckdb.DuckDBPyConnection, ask: Ask) -> Iterator[tuple[Any, ...]]:
    try:
        while rows := ask(lambda: connection.fetchmany(CHUNK)):
            yield from rows
    finally:
        connection.close()
