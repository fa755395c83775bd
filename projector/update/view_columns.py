"""Columns of the views: names and types as DuckDB reports them.

    every definition → views of an empty archive → DESCRIBE → (name, type)

The views are built in a temporary folder; no archive is read.
"""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import duckdb

from eventlog.errors import Invalid
from projector.definition import LOG, Definition, load_definitions
from projector.engine.connections import sql_errors
from projector.engine.sql_text import identifier
from projector.query.open_views import open_views
from projector.update.update import update
from projector.views.columns.sentences import CHANGES, SIBLINGS, Sentences, table_of

Columns = tuple[tuple[str, str], ...]
"""Name and SQL type of each column of a view, in order."""


@attrs.frozen
class Use:
    """A column of a view, and where its sentence is."""

    view: str
    column: str
    table: str | None
    """None if it has no sentence."""


def describe_views(definitions: Sequence[Definition] | None = None) -> dict[str, Columns]:
    """Returns the columns of every view, macro and sibling, by name as `source.view`.

    Builds the views of an empty archive, which takes about two seconds.
    """
    known = load_definitions() if definitions is None else tuple(definitions)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "log").mkdir()
        failed = update(root, definitions=known).failed
        if failed:
            raise Invalid(f"views of an empty archive: {'; '.join(failed)}")
        return columns_of_views(root, known)


def columns_of_views(root: Path, definitions: Sequence[Definition]) -> dict[str, Columns]:
    """Returns the columns of the views, macros and siblings of an archive, by name."""
    with contextlib.closing(open_views(root)) as connection, sql_errors("views"):
        return {
            name: _describe(connection, each, name)
            for each in definitions
            for name in (each.name, *siblings(each))
        }


def siblings(definition: Definition) -> tuple[str, ...]:
    """Returns the names of the views beside a view: none unless it is a view of entities."""
    if not definition.has_parts or definition.source == LOG:
        return ()
    return tuple(definition.name + suffix for suffix in SIBLINGS)


def _describe(connection: duckdb.DuckDBPyConnection, definition: Definition, name: str) -> Columns:
    source, _, view = name.partition(".")
    nothing = (
        f"({', '.join('NULL' for _ in definition.parameters)})" if definition.parameters else ""
    )
    query = f"DESCRIBE FROM {identifier(source)}.{identifier(view)}{nothing}"
    return tuple((str(row[0]), str(row[1])) for row in connection.execute(query).fetchall())


def twin_of(sentences: Sentences, columns: Mapping[str, Columns], view: str) -> str | None:
    """Returns the view that a view without sentences has its columns from, if there is one.

    This is for macros that select rows of another view and have the same columns.
    """
    if view in sentences:
        return None
    same = (name for name in columns if name in sentences and columns[name] == columns[view])
    return next(same, None)


def added_by(columns: Mapping[str, Columns], sibling: str) -> Columns:
    """Returns the columns of a sibling that are not those of its view, in order.

    For `_changes`, whose rows are changes and not entities, these are all columns but the key,
    which is the first.
    """
    suffix = next(suffix for suffix in SIBLINGS if sibling.endswith(suffix))
    if suffix == CHANGES:
        return columns[sibling][1:]
    known = columns[sibling.removesuffix(suffix)]
    return tuple(column for column in columns[sibling] if column not in known)


def uses(
    sentences: Sentences, columns: Mapping[str, Columns], definitions: Sequence[Definition]
) -> Iterator[Use]:
    """Yields every column that the page of the views describes, sibling by sibling."""
    for definition in definitions:
        name = definition.name
        if twin_of(sentences, columns, name) is None:
            for column, _ in columns[name]:
                yield Use(name, column, table_of(sentences, name, column))
        for sibling, suffix in zip(siblings(definition), SIBLINGS, strict=False):
            for column, _ in added_by(columns, sibling):
                yield Use(sibling, column, table_of(sentences, suffix, column))
