"""Comments of the views file: every view, macro and column is described where it is found.

DuckDB knows the columns only when a view is created, so the statements are made afterwards.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256

import attrs
import duckdb

from projector.definition import LOG, Definition
from projector.engine.sql_text import identifier, literal
from projector.views.columns.sentences import (
    SIBLINGS,
    Sentences,
    about_siblings,
    about_view,
    read_sentences,
    sentence_in_sibling,
)

_INTERNAL = "Used by hindlog itself; may change with any release."
_OBJECTS = """
    SELECT 'VIEW', schema_name, view_name FROM duckdb_views()
    WHERE database_name = current_database() AND NOT internal
    UNION ALL
    SELECT 'MACRO TABLE', schema_name, function_name FROM duckdb_functions()
    WHERE database_name = current_database() AND NOT internal
"""
_COLUMNS = """
    SELECT schema_name, table_name, column_name FROM duckdb_columns()
    WHERE database_name = current_database() AND NOT internal
"""


@attrs.frozen
class Comments:
    """What the comments of a views file are made from."""

    sentences: Sentences
    objects: Mapping[str, str]
    """Sentence about each view and macro, by name as `source.view`."""
    bases: Mapping[str, tuple[str, str, str]]
    """For each view, by name: the view of its definition, the suffix that it adds, and the key."""

    @property
    def digest(self) -> str:
        """Digest of all sentences."""
        texts = json.dumps([self.sentences, self.objects], sort_keys=True)
        return sha256(texts.encode()).hexdigest()[:12]


def comments_for(definitions: Sequence[Definition]) -> Comments:
    """Returns the comments of the views of these definitions and of their siblings."""
    objects: dict[str, str] = {}
    bases: dict[str, tuple[str, str, str]] = {}
    for definition in definitions:
        name, key = definition.name, definition.key[0]
        if definition.has_parts and definition.source != LOG:
            objects |= about_siblings(definition)
            bases |= {name + suffix: (name, suffix, key) for suffix in ("", *SIBLINGS)}
        else:
            objects[name] = about_view(definition)
            bases[name] = (name, "", key)
    return Comments(read_sentences(), objects, bases)


def comment_statements(
    connection: duckdb.DuckDBPyConnection,
    comments: Comments,
    changed: Collection[str] | None = None,
) -> Iterator[str]:
    """Yields a COMMENT for every view, macro and column of the default database.

    `changed`: only these views and macros, as `source.view`; None for all.
    """
    for kind, schema, view in connection.execute(_OBJECTS).fetchall():
        quoted = f"{identifier(schema)}.{identifier(view)}"
        if changed is None or f"{schema}.{view}" in changed:
            text = comments.objects.get(f"{schema}.{view}", _INTERNAL)
            yield f"COMMENT ON {kind} {quoted} IS {literal(text)}"
    for schema, view, column in connection.execute(_COLUMNS).fetchall():
        base = comments.bases.get(f"{schema}.{view}")
        if base is not None and (changed is None or f"{schema}.{view}" in changed):
            name, suffix, key = base
            sentence = sentence_in_sibling(comments.sentences, name, suffix, column, key)
            if sentence is not None:
                quoted = f"{identifier(schema)}.{identifier(view)}.{_quoted(column)}"
                yield f"COMMENT ON COLUMN {quoted} IS {literal(sentence)}"


def _quoted(column: str) -> str:
    """Returns a quoted column, which may have any name in a definition of the user."""
    return '"' + column.replace('"', '""') + '"'
