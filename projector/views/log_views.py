"""Statements of the views file that read the rows of every source: the views of the log. Pure."""

from collections.abc import Sequence
from pathlib import Path

from projector.definition import Definition
from projector.engine.sql_text import fill, literal, literals
from projector.parts.quarantine import FOLDER as REFUSED
from projector.views.columns.shown_columns import as_json_sql
from projector.views.file_lists import FileLists, list_sql
from projector.views.statement import Statement, quoted_name

_AS_OF = "getvariable('as_of')"
_NOTHING = """SELECT NULL::VARCHAR AS source, NULL::VARCHAR AS writer, NULL::BIGINT AS seq,
    NULL::TIMESTAMPTZ AS first_at, NULL::TIMESTAMPTZ AS last_at WHERE false"""
"""What `_seen_bodies` reads if there is no source."""


def log_view(root: Path, definition: Definition, files: FileLists) -> list[Statement]:
    """Returns the view over a definition's rows of every source; none if there is no source.

    Each row appears once. Duplicates are removed source by source, because positions are
    unique only within a source.
    """
    sightings = definition.view == "sightings"
    selects = [
        fill(
            "log_rows",
            row=", _type, _id, _shape, _seq" if sightings else "",
            at="_at" if sightings else "observed_at",
            as_json=as_json_sql(definition),
            files=list_sql(root, file_list.all),
            instant=fill("instant", value=_AS_OF),
        )
        for (_, name), file_list in files.items()
        if name == definition.name and file_list.all
    ]
    if not selects:
        return []
    return [Statement("VIEW", quoted_name(definition), " AS\n" + "\nUNION ALL\n".join(selects))]


def refused_macro(root: Path, definitions: Sequence[Definition], files: FileLists) -> Statement:
    """Returns the macro of the lines that the present definitions refused."""
    paths = [
        path for (_, kind), refused in files.items() if kind == REFUSED for path in refused.all
    ]
    hashes = literals(definition.hash for definition in definitions)
    body = fill("refused", files=list_sql(root, paths), hashes=hashes or "NULL")
    return Statement("MACRO", "log._refused", f"() AS TABLE\n{body}")


def seen_bodies_macro(root: Path, files: FileLists) -> Statement:
    """Returns the macro of the first and the last sighting of every body of every source.

    It reads the files of `log.sightings` itself: a row that is in several of them makes no
    difference here, and removing it would take most of the time.
    """
    selects = [
        fill(
            "seen_bodies",
            source=literal(source),
            files=list_sql(root, file_list.all),
            instant=fill("instant", value=_AS_OF),
        )
        for (source, name), file_list in files.items()
        if name == "log.sightings" and file_list.all
    ]
    body = "\nUNION ALL\n".join(selects or [_NOTHING])
    return Statement("MACRO", "log._seen_bodies", f"() AS TABLE\n{body}")
