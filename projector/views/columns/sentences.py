"""Sentences about views and columns: the one source of docs/views.md and of the comments in the
views file.

    header of a definition → sentence about its view, and about each sibling of the view
    projections/columns.toml → sentence by view, source or "provenance"
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from eventlog.errors import Invalid
from projector.definition import FOLDER, Definition
from projector.views import dependencies

FILE = FOLDER / "columns.toml"
PROVENANCE = "provenance"
"""Table of the sentences that apply to every view."""
SIBLINGS = tuple(suffix for _, suffix in dependencies.SIBLINGS if suffix)
"""Suffixes of the views beside a view of entities, and names of the tables with the sentences
of their additional columns."""
CHANGES = "_changes"
"""Suffix of the sibling whose rows are changes and not entities."""

Sentences = Mapping[str, Mapping[str, str]]
"""Sentence by table and column."""

_ABOUT_SIBLINGS = {
    "_all": "All rows of {}, those of absent entities, too.",
    "_versions": "Every version of the rows of {}, with the time for which it held.",
    CHANGES: "The changes of {}, field by field, without telemetry and schema waves.",
}


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


def about_view(definition: Definition) -> str:
    """Returns the sentence about the view or macro of a definition."""
    return f"{definition.summary[:1].upper()}{definition.summary[1:]}."


def about_siblings(definition: Definition) -> dict[str, str]:
    """Returns the sentence about the view of a definition of entities, and about each sibling and
    macro, by name as `source.view`."""
    name = definition.name
    views = {name: about_view(definition)}
    views |= {name + suffix: text.format(name) for suffix, text in _ABOUT_SIBLINGS.items()}
    marked = {name + CHANGES: ", with those of telemetry and schema waves"}
    macros = {
        f"{view}_at": f"The rows of {view} as of the instant t{marked.get(view, '')}."
        for view in views
    }
    return views | macros


def sentence_in_sibling(
    sentences: Sentences, view: str, suffix: str, column: str, key: str
) -> str | None:
    """Returns the sentence of a column of a view or sibling; None if it has none.

    `view`: name of the view without the suffix. `key`: its key column.
    """
    added = sentences.get(suffix, {}).get(column)
    table = table_of(sentences, view, column)
    own = None if table is None else sentences[table][column]
    is_of_change = suffix == CHANGES and column != key
    return (added or own) if is_of_change else (own or added)
