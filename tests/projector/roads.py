"""Roads to a view: what was built step by step against what is built from nothing."""

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
SIBLINGS = tuple(f"shop.things{each}_at" for each in ("", "_all", "_versions", "_changes"))
"""The view, and those beside it, as macros of an instant."""


def differing(
    root: Path,
    definitions: Sequence[Definition],
    macros: Sequence[str],
    instants: Iterable[int],
    jobs: int = 1,
    limits: Limits = LIMITS,
) -> list[tuple[str, str]]:
    """Macros and instants at which any row of the archive's views is another."""
    with temporary_views(root / "views") as beside:
        _, script = build_views(
            root, beside / "parts", definitions, definitions, jobs=jobs, limits=limits
        )
        write_views(beside, script)
        with contextlib.closing(open_views(root)) as shown:
            shown.execute("ATTACH ? AS rebuilt (READ_ONLY)", [str(beside / FILE)])
            return [
                (macro, instant)
                for instant in map(format_us, instants)
                for macro, *_ in _rows(shown, "hindlog", macros, instant)
                ^ _rows(shown, "rebuilt", macros, instant)
            ]


def _rows(
    shown: duckdb.DuckDBPyConnection, database: str, macros: Sequence[str], instant: str
) -> set[tuple[Any, ...]]:
    """Of each macro how many rows there are, and a hash that their order does not change."""
    columns = "count(*), sum(hash(shown)::HUGEINT)"
    each = [
        f"SELECT '{macro}', {columns} FROM {database}.{macro}($at) AS shown" for macro in macros
    ]
    return set(shown.execute(" UNION ALL ".join(each), {"at": instant}).fetchall())
