"""Compares a view with one by a changed definition, over all of history."""

import contextlib
from pathlib import Path

import attrs
import duckdb

from eventlog.errors import Invalid
from eventlog.progress import ReportProgress, no_progress
from projector.definition import (
    ENTITY_ROWS,
    Definition,
    find_definitions,
    load_definitions,
    parse_definition,
)
from projector.engine.connections import attach_read_only, builder, sql_errors
from projector.engine.interruptible import fetch_all
from projector.engine.parquet_files import SCHEMA
from projector.engine.sql_text import fill, identifier, literal
from projector.folders import temporary_views, views_dir, views_lock
from projector.parts.part import build_part
from projector.parts.staging import stage_empty
from projector.query.open_views import open_views, require_views
from projector.query.view_info import set_as_of_last
from projector.update.update import build_views
from projector.views.dependencies import with_inputs
from projector.views.views_database import FILE, write_views

_PLACE = ("_segment", "_seq", "_shape", "valid_from")
_ID = "_id"
"""Column of the id as text. The key may be NULL; views of an earlier release have only the key."""


@attrs.frozen
class VersionDifference:
    """A value, or a row, in which the versions of an entity by two definitions differ."""

    change: str
    """`changed`, `added` or `removed`."""
    id: str
    valid_from: int
    column: str | None
    """None for a whole row; rows are compared if the view has several per version."""
    old: str | None
    """Value by the old definition, as JSON."""
    new: str | None
    """Value by the new definition, as JSON."""
    segment: str
    """Segment of the event that contains the body."""
    seq: int
    """Seq of this event."""


@attrs.frozen
class Comparison:
    """Differences between the archive's view and the view by another definition."""

    added_columns: tuple[str, ...]
    removed_columns: tuple[str, ...]
    differences: tuple[VersionDifference, ...]

    @property
    def is_same(self) -> bool:
        """Whether the views are equal."""
        return not (self.added_columns or self.removed_columns or self.differences)


def compare(
    root: Path,
    name: str,
    text: str,
    *,
    jobs: int = 1,
    report: ReportProgress = no_progress,
    definitions: tuple[Definition, ...] | None = None,
) -> Comparison:
    """Builds a view by the definition `text` and compares every version of every entity.

    It is built in a temporary folder and compared as of the last instant that the archive's views
    have read; these are not changed. Raises `Invalid` if a definition has no versions to compare or
    `text` is no valid definition.
    """
    known = load_definitions() if definitions is None else definitions
    (old,) = find_definitions(known, [name])
    new = parse_definition(text, old.source, old.view)
    if not (old.has_parts and new.has_parts) or old.source == "log":
        raise Invalid(f"{name}: a view over views has no versions to compare")
    root = root.resolve()
    folder = views_dir(root)
    with views_lock(folder), temporary_views(folder) as temporary:
        _refuse_broken(new, temporary)
        wanted = [new, *with_inputs(known, [])]
        _, script = build_views(root, temporary / "parts", wanted, wanted, jobs=jobs, report=report)
        write_views(temporary, script)
        with contextlib.closing(open_views(root)) as connection, sql_errors(name):
            require_views(connection, [name])
            set_as_of_last(connection)
            attach_read_only(connection, temporary / FILE, "made")
            return _compared(connection, old, new)


def _refuse_broken(definition: Definition, scratch: Path) -> None:
    """Raises `Invalid`, before the log is read, if a definition fails even without any event."""
    if definition.reads == ENTITY_ROWS and not definition.types:
        raise Invalid(
            f"{definition.name}: no definition: it names no types of entities",
            "begin it as the files of projector/projections do",
        )
    with contextlib.closing(builder(scratch, 1)) as connection, sql_errors(definition.name):
        stage_empty(connection, scratch)
        build_part(connection, definition, scratch / SCHEMA, [])


def _compared(
    connection: duckdb.DuckDBPyConnection, old: Definition, new: Definition
) -> Comparison:
    view = f"{identifier(old.source)}.{identifier(old.view + '_versions')}"
    before, after = _columns(connection, "hindlog", view), _columns(connection, "made", view)
    uncompared = (*_PLACE, old.key[0])
    shared = [name for name in before if name in after and name not in uncompared]
    common = {
        "old": view,
        "new": view,
        "old_key": identifier(_ID if _ID in before else old.key[0]),
        "new_key": identifier(_ID),
    }
    if old.has_many_rows or new.has_many_rows:
        row = ", ".join(f"{literal(name)}: {identifier(name)}" for name in shared)
        query = fill("compare_many", row=row, **common)
    else:
        query = fill("compare", fields=", ".join(map(_field, shared)), **common)
    rows = fetch_all(connection, query)
    return Comparison(
        tuple(name for name in after if name not in before),
        tuple(name for name in before if name not in after),
        tuple(VersionDifference(*row) for row in rows),
    )


def _field(column: str) -> str:
    name = identifier(column)
    old, new = (f"to_json({side}.{name})::VARCHAR" for side in ("old", "new"))
    return f"{{'column': {literal(column)}, 'old': {old}, 'new': {new}}}"


def _columns(connection: duckdb.DuckDBPyConnection, database: str, view: str) -> list[str]:
    rows = connection.execute(f"DESCRIBE FROM {database}.{view}").fetchall()
    return [str(row[0]) for row in rows]
