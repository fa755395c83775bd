"""SQL: one SELECT over the views, read-only.

What is closed, each with a test: other statements and several at once; reading files
outside the archive (external access is off); writing by COPY, by EXPLAIN ANALYZE COPY
and by a COPY or INSERT inside WITH, which DuckDB takes for a SELECT.
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
from projector.archive import open_views
from projector.engine import close_doors
from projector.waiting import waited_for

CHUNK = 1000
Ask = Callable[[Callable[[], Any]], Any]
_LINE = re.compile(r"LINE (\d+):")
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
    close_doors(connection, root.resolve())
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
            return waited_for(connection, work, pool=pool, deadline=deadline)
        except TimeoutError as error:
            what = f"the query was stopped after {timeout_s:g} s"
            raise Unavailable(what, "give it more with --timeout, or ask for less") from error
        except (duckdb.Error, Invalid) as error:
            raise Invalid(_as_written(str(getattr(error, "what", error)))) from error

    return ask


def _check(
    connection: duckdb.DuckDBPyConnection, sql: str, params: Mapping[str, str] | None
) -> None:
    found = connection.extract_statements(sql)
    if len(found) != 1:
        raise Invalid(f"expected one SELECT, found {len(found)} statements")
    if found[0].type != duckdb.StatementType.SELECT:
        raise Invalid(f"expected a SELECT, found {found[0].type.name}")
    plan = connection.execute(
        "EXPLAIN (FORMAT json)\n" + found[0].query, dict(params) if params else None
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
