"""Columns of the views: names and types as DuckDB reports them, and a sentence for each.

    every definition → views of an empty archive → DESCRIBE → (name, type)
    projections/columns.toml → sentence by view, source or "provenance"

The views are built in a temporary folder; no archive is read.
"""

import contextlib
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import duckdb

from eventlog.errors import Invalid
from projector.definition import FOLDER, LOG, Definition, load_definitions
from projector.engine.connections import sql_errors
from projector.engine.sql_text import identifier
from projector.query.open_views import open_views
from projector.update.update import update
from projector.views import dependencies

FILE = FOLDER / "columns.toml"
PROVENANCE = "provenance"
"""Table of the sentences that apply to every view."""
SIBLINGS = tuple(suffix for _, suffix in dependencies.SIBLINGS if suffix)
"""Suffixes of the views beside a view of entities, and names of the tables with the sentences
of their additional columns."""

Columns = tuple[tuple[str, str], ...]
"""Name and SQL type of each column of a view, in order."""
Sentences = Mapping[str, Mapping[str, str]]
"""Sentence by table and column."""


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
        with contextlib.closing(open_views(root)) as connection, sql_errors("views"):
            return {
                name: _describe(connection, each, name)
                for each in known
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


def read_sentences(path: Path = FILE) -> Sentences:
    """Returns the sentences in a file. Raises `Invalid` if a value is not text in a table."""
    tables = tomllib.loads(path.read_text())
    for name, table in tables.items():
        if not isinstance(table, dict) or not all(isinstance(v, str) for v in table.values()):
            raise Invalid(f"{path.name}: expected only texts in [{name}]")
    return tables


def sentence_of(sentences: Sentences, view: str, column: str) -> str:
    """Returns the sentence of a column. Raises `Invalid` if it has none.

    `view`: its view, or the suffix of a sibling for what that has beyond its view.
    """
    table = table_of(sentences, view, column)
    if table is None:
        raise Invalid(
            f"{view}: no sentence for the column {column!r}", f"add it to [{view!r}] in {FILE.name}"
        )
    return sentences[table][column]


def table_of(sentences: Sentences, view: str, column: str) -> str | None:
    """Returns the most specific table with a sentence for a column: view, source, provenance."""
    tables = (view, view.partition(".")[0], PROVENANCE)
    return next((table for table in tables if column in sentences.get(table, {})), None)


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
    if suffix == "_changes":
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
