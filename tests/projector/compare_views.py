"""Comparison of an archive's views, built step by step, with views built from nothing."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from eventlog.clock import format_us
from projector.definition import FOLDER, Definition, load_definition, parse_definition
from projector.folders import temporary_views
from projector.limits import LIMITS, Limits
from projector.query.open_views import open_views
from projector.update.update import build_views
from projector.views.views_database import FILE, write_views

THINGS = parse_definition(
    """-- shop.things: things of a test
-- types: thing
-- shapes: list* detail*
-- key: id VARCHAR
-- columns:
--   value  /value  int
SELECT * FROM event
""",
    "shop",
    "things",
)
DEFINITIONS = (
    THINGS,
    *(load_definition(FOLDER / "log" / f"{name}.sql") for name in ("sightings", "pages", "events")),
)
SIBLINGS = tuple(f"shop.things{suffix}_at" for suffix in ("", "_all", "_versions", "_changes"))
"""Macros `(t)` of the view of things and of its siblings."""


def views_that_differ(
    root: Path,
    definitions: Sequence[Definition],
    macros: Sequence[str],
    instants: Iterable[int],
    jobs: int = 1,
    limits: Limits = LIMITS,
) -> list[tuple[str, str]]:
    """Returns the (macro, instant) pairs for which the archive's views and rebuilt ones differ."""
    with temporary_views(root / "views") as folder:
        _, script = build_views(
            root, folder / "parts", definitions, definitions, jobs=jobs, limits=limits
        )
        write_views(folder, script)
        with contextlib.closing(open_views(root)) as views:
            views.execute("ATTACH ? AS rebuilt (READ_ONLY)", [str(folder / FILE)])
            return [
                (macro, instant)
                for instant in map(format_us, instants)
                for macro, *_ in _rows(views, "hindlog", macros, instant)
                ^ _rows(views, "rebuilt", macros, instant)
            ]


def _rows(
    views: duckdb.DuckDBPyConnection, database: str, macros: Sequence[str], instant: str
) -> set[tuple[Any, ...]]:
    """Returns for each macro its name, number of rows, and a hash that ignores their order."""
    columns = "count(*), sum(hash(views)::HUGEINT)"
    selects = [
        f"SELECT '{macro}', {columns} FROM {database}.{macro}($at) AS views" for macro in macros
    ]
    return set(views.execute(" UNION ALL ".join(selects), {"at": instant}).fetchall())
