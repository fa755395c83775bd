"""Roads to a view: what was built step by step against what is built from nothing."""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from eventlog.clock import format_us
from projector.archive import open_views
from projector.definition import FOLDER, Definition, load, parse
from projector.generation import aside
from projector.update import build_views
from projector.views_file import FILE, write_views

THINGS = parse(
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
    *(load(FOLDER / "log" / f"{name}.sql") for name in ("sightings", "pages", "events")),
)
SIBLINGS = tuple(f"shop.things{each}_at" for each in ("", "_all", "_versions", "_changes"))
"""The view, and those beside it, as macros of an instant."""


def differing(
    root: Path,
    definitions: Sequence[Definition],
    macros: Iterable[str],
    instants: Iterable[int],
    jobs: int = 1,
) -> list[tuple[str, str]]:
    """Macros and instants at which any row of the archive's views is another."""
    with aside(root / "views") as beside:
        _, script = build_views(root, beside / "parts", definitions, definitions, jobs=jobs)
        write_views(beside, script)
        with contextlib.closing(open_views(root)) as shown:
            shown.execute("ATTACH ? AS rebuilt (READ_ONLY)", [str(beside / FILE)])
            every = [(macro, format_us(instant)) for instant in instants for macro in macros]
            return [
                each
                for each in every
                if _rows(shown, "hindlog", *each) != _rows(shown, "rebuilt", *each)
            ]


def _rows(shown: duckdb.DuckDBPyConnection, database: str, macro: str, instant: str) -> object:
    """As many as there are, and a hash that their order does not change."""
    return shown.execute(
        f"SELECT count(*), sum(hash(shown)::HUGEINT) FROM {database}.{macro}(?) AS shown", [instant]
    ).fetchall()
