"""Views: `views/hindlog.duckdb`, only views and macros over the parts.

It names the archive's absolute path and every file it reads, and is swapped in one
step: a reader that has it open keeps its snapshot. The text that made it lies beside
it (`hindlog.sql`); where that would be the same, nothing is written.
"""

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
import duckdb

from projector.definition import LOG, Definition
from projector.engine import sql_errors
from projector.parts import SCHEMA, choose, folder_of, list_parts, open_name, shape_test
from projector.plan import Listing
from projector.texts import fill, identifier, literals

FILE = "hindlog.duckdb"
SCRIPT = "hindlog.sql"
STORAGE = "v1.4.0"

HIDDEN = (
    "_position",
    "_writer",
    "_seq",
    "_body_at",
    "_type",
    "_id",
    "_parent_type",
    "_parent_id",
    "_hash",
    "_shape",
    "_endpoint",
    "_params",
    "_run",
    "_epoch",
    "_segment",
    "_errors",
)
"""Columns of bodies that views show in their own order, or not at all."""


@attrs.frozen
class _Files:
    """The files of a definition: always read, and read from an instant on."""

    always: tuple[str, ...]
    dated: tuple[tuple[str, str], ...]

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.always, *(path for _, path in self.dated))


def write_views(
    root: Path,
    parts: Path,
    listings: Sequence[Listing],
    definitions: Sequence[Definition],
    connection: duckdb.DuckDBPyConnection,
) -> bool:
    """Write the views file beside `parts` anew if it would say something else; whether it did."""
    script = script_for(root, parts, listings, definitions, connection)
    target = parts.parent
    held = target / SCRIPT
    if (target / FILE).exists() and held.exists() and held.read_text() == script:
        return False
    temporary = target / f".{FILE}.{os.getpid()}.tmp"
    temporary.unlink(missing_ok=True)
    with contextlib.closing(duckdb.connect()) as memory, sql_errors(FILE):
        memory.execute("ATTACH ? AS made (STORAGE_VERSION 'v1.4.0')", [str(temporary)])
        memory.execute("USE made")
        memory.execute(script)
        memory.execute("USE memory")
        memory.execute("DETACH made")
    temporary.replace(target / FILE)
    held.write_text(script)
    return True


def script_for(
    root: Path,
    parts: Path,
    listings: Sequence[Listing],
    definitions: Sequence[Definition],
    connection: duckdb.DuckDBPyConnection,
) -> str:
    """The SQL of the views over the parts as they are."""
    builtin = {each.view: each for each in definitions if each.source == LOG}
    texts = [f"CREATE SCHEMA {identifier(s)};" for s in sorted({d.source for d in definitions})]
    for definition in definitions:
        if definition.source == LOG:
            files = [_files(connection, parts, each, definition) for each in listings]
            texts.append(_log_view(root, definition, files))
            continue
        listing = next(each for each in listings if each.source == definition.source)
        of = {
            name: _expression(root, _files(connection, parts, listing, builtin[name]))
            for name in ("sightings", "pages")
        }
        bodies = _files(connection, parts, listing, definition)
        of["bodies"] = _expression(root, _timeless(bodies))
        texts += _entity_views(definition, of)
    return "\n".join(texts) + "\n"


def _files(
    connection: duckdb.DuckDBPyConnection,
    parts: Path,
    listing: Listing,
    definition: Definition,
) -> _Files:
    folder = folder_of(parts, listing.source, definition)
    chosen = choose(list_parts(connection, folder), listing.sealed_names)
    opened = [folder / open_name(name) for name in listing.open]
    relative = folder.relative_to(parts.parent)
    always = [relative / SCHEMA, *(relative / path.name for path in opened if path.exists())]
    return _Files(
        tuple(str(path) for path in always),
        tuple((part.first, str(relative / part.path.name)) for part in chosen),
    )


def _expression(root: Path, files: _Files) -> str:
    """The list of files as of T: a constant expression, folded when a query is planned.

    One text that is split costs a thirtieth of a list of literals.
    """
    return fill(
        "files",
        always="', '".join(files.always),
        dated=",".join(f"{first}~{path}" for first, path in files.dated),
        root=_quoted(root),
        instant=fill("instant"),
    )


def _timeless(files: _Files) -> _Files:
    """Bodies are read whatever their time: a later import may hold those of an earlier one."""
    return _Files(files.always, tuple(("0", path) for _, path in files.dated))


def _entity_views(definition: Definition, files: dict[str, str]) -> list[str]:
    common = {
        "schema": identifier(definition.source),
        "key": identifier(definition.key[0]),
        "key_type": definition.key[1],
        "hidden": ", ".join(HIDDEN + (("_row",) if definition.many else ())),
        "row": ", body._row" if definition.many else "",
        "given": "AND body._row > 0" if definition.many else "",
        "types": literals(definition.types),
        "shapes": shape_test(definition, "_shape"),
        "sightings": files["sightings"],
        "bodies": files["bodies"],
        "instant": fill("instant"),
    }
    presence = fill("presence", pages=files["pages"], **common)
    texts = []
    for template, suffix, seen in (
        ("at", "", "winner.seen_at"),
        ("all", "_all", "winner.seen_at"),
        ("versions", "_versions", "version.valid_from"),
    ):
        name = definition.view + suffix
        macro = identifier(f"{name}_at")
        texts.append(
            fill(
                template,
                at=macro,
                presence=presence,
                provenance=fill("provenance", seen_at=seen),
                **common,
            )
            + ";"
        )
        texts.append(
            f"CREATE VIEW {common['schema']}.{identifier(name)} AS "
            f"FROM {common['schema']}.{macro}(getvariable('as_of'));"
        )
    return texts


def _log_view(root: Path, definition: Definition, files: Iterable[_Files]) -> str:
    every = [path for each in files for path in each.all]
    return (
        fill(
            "log_view",
            schema=identifier(LOG),
            name=identifier(definition.view),
            row=", _type, _id, _shape, _seq" if definition.view == "sightings" else "",
            at="_at" if definition.view == "sightings" else "observed_at",
            files=",".join(every),
            root=_quoted(root),
            instant=fill("instant").replace("t::", "getvariable('as_of')::"),
        )
        + ";"
        if every
        else ""
    )


def _quoted(root: Path) -> str:
    return str(root).replace("'", "''")
