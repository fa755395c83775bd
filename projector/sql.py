"""SQL: one SELECT over the views, read-only.

What is closed, each with a test: other statements and several at once; reading files
outside the archive (external access is off); writing by COPY, by EXPLAIN ANALYZE COPY
and by a COPY or INSERT inside WITH, which DuckDB takes for a SELECT.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import duckdb

from eventlog.errors import Invalid, Unavailable
from projector.archive import open_views
from projector.damage import damage
from projector.engine import close_doors

CHUNK = 1000
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
    when the time is over.
    """
    connection = open_views(root, as_of)
    close_doors(connection, root.resolve())
    timer = _stop_after(connection, timeout_s)
    try:
        _check(connection, sql, params)
        connection.execute(sql, dict(params) if params else None)
        described = connection.description or []
    except duckdb.InterruptException as error:
        timer.cancel()
        connection.close()
        raise _late(timeout_s) from error
    except (duckdb.Error, Invalid) as error:
        timer.cancel()
        connection.close()
        told = Invalid(_as_written(str(getattr(error, "what", error))))
        raise damage(error) or told from error
    names = tuple(str(each[0]) for each in described)
    types = tuple(str(each[1]) for each in described)
    return Result(names, types, _rows(connection, timer, timeout_s))


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


def _stop_after(connection: duckdb.DuckDBPyConnection, timeout_s: float | None) -> threading.Timer:
    timer = threading.Timer(timeout_s or 0, connection.interrupt)
    timer.daemon = True
    if timeout_s is not None:
        timer.start()
    return timer


def _late(timeout_s: float | None) -> Unavailable:
    return Unavailable(
        f"the query was stopped after {timeout_s} s", "give it more with --timeout, or ask for less"
    )


def _rows(
    connection: duckdb.DuckDBPyConnection, timer: threading.Timer, timeout_s: float | None
) -> Iterator[tuple[Any, ...]]:
    try:
        while rows := connection.fetchmany(CHUNK):
            yield from rows
    except duckdb.InterruptException as error:
        raise _late(timeout_s) from error
    except duckdb.Error as error:
        raise damage(error) or Invalid(str(error)) from error
    finally:
        timer.cancel()
        connection.close()
