"""Views: the SQL over the parts as they are, projection by projection.

Every view names the files it reads, chosen by the instant asked for; `views_file.py`
puts the text into `views/hindlog.duckdb`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import duckdb

from eventlog.errors import Invalid
from projector.changes import FOLDER, folder_of_diffs, list_diffs
from projector.definition import LOG, Definition
from projector.parts import (
    SCHEMA,
    choose,
    folder_of,
    list_parts,
    open_name,
    shape_rank,
    shape_test,
)
from projector.plan import Listing
from projector.quarantine import FOLDER as REFUSED
from projector.quarantine import folder_of_refused, list_refused
from projector.texts import fill, identifier, literals

PROVENANCE = (
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

_SIBLINGS = (
    ("at", "", "winner.best['at']"),
    ("all", "_all", "winner.best['at']"),
    ("versions", "_versions", "version.valid_from"),
    ("changes", "_changes", ""),
)
"""Template, suffix of the view, and the instant of the sighting that it shows."""


@attrs.frozen
class Files:
    """The files of a definition: those always read, and those read from an instant on."""

    always: tuple[str, ...]
    dated: tuple[tuple[str, str], ...]

    @property
    def all(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.always, *(path for _, path in self.dated))


@attrs.frozen
class Script:
    """The text that makes a views file, and the parts it names, by path below `views`."""

    text: str
    """All but the views over views."""
    names: frozenset[str]
    core: str
    """The part of it that finds entities and pairs: no views of projections."""
    plain: tuple[str, ...]
    """Views over views, each after those it names."""


def script_for(
    root: Path,
    parts: Path,
    listings: Sequence[Listing],
    definitions: Sequence[Definition],
    connection: duckdb.DuckDBPyConnection,
) -> Script:
    """The SQL of the views over the parts as they are."""
    files = {
        (listing.source, each.name): _files(connection, root / "views", parts, listing, each)
        for each in definitions
        for listing in listings
        if each.has_parts and each.source in (LOG, listing.source)
    }
    for listing in listings:
        folder = folder_of_diffs(parts, listing.source)
        held = (folder / SCHEMA, *list_diffs(folder))
        relative = tuple(str(path.relative_to(root / "views")) for path in held)
        files[listing.source, FOLDER] = Files(relative, ())
        refused = list_refused(folder_of_refused(parts, listing.source))
        relative = tuple(str(path.relative_to(root / "views")) for path in refused)
        files[listing.source, REFUSED] = Files(relative, ())
    sources = sorted(each.source for each in listings)
    core = [f"CREATE SCHEMA {identifier(source)};" for source in (*sources, LOG)]
    core += [text for source in sources for text in _lookups(root, source, files)]
    core.append(_refused(root, definitions, files))
    rows = [each for each in definitions if each.has_parts]
    core += [_log_view(root, each, files) for each in rows if each.source == LOG]
    texts = [
        text for each in rows if each.source != LOG for text in _entity_views(root, each, files)
    ]
    over = _needed_first([each for each in definitions if not each.has_parts])
    names = frozenset(path for each in files.values() for path in each.all)
    return Script(
        "\n".join([*core, *texts]) + "\n", names, "\n".join(core), tuple(map(_plain_view, over))
    )


def _files(
    connection: duckdb.DuckDBPyConnection,
    views: Path,
    parts: Path,
    listing: Listing,
    definition: Definition,
) -> Files:
    folder = folder_of(parts, listing.source, definition)
    chosen = choose(list_parts(connection, folder), listing.sealed_names)
    opened = [folder / open_name(name) for name in listing.open]
    relative = folder.relative_to(views)
    always = [relative / SCHEMA, *(relative / path.name for path in opened if path.exists())]
    return Files(
        tuple(str(path) for path in always),
        tuple((part.first, str(relative / part.path.name)) for part in chosen),
    )


def _timeless(files: Files) -> Files:
    """Bodies are read whatever their time: a later import may hold those of an earlier one."""
    return Files(files.always, tuple(("0", path) for _, path in files.dated))


def _expression(root: Path, files: Files) -> str:
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


def _entity_views(
    root: Path, definition: Definition, files: Mapping[tuple[str, str], Files]
) -> list[str]:
    """The macro and the view of each sibling."""
    many = definition.many
    common = {
        **_source_files(root, definition.source, files),
        "key": identifier(definition.key[0]),
        "key_type": definition.key[1],
        "hidden": ", ".join((*PROVENANCE, "_row") if many else PROVENANCE),
        "row": ", body._row" if many else "",
        "given": "AND body._row > 0" if many else "",
        "types": literals(definition.types),
        "shapes": shape_test(definition, "_shape"),
        "rank": shape_rank(definition, "_shape"),
        "one": "",
        "one_event": "",
        "bodies": _expression(root, _timeless(files[definition.source, definition.name])),
    }
    common["presence"] = fill("presence", **common)
    common["spans"] = fill("spans", **common)
    texts = []
    for template, suffix, seen_at in _SIBLINGS:
        view = identifier(definition.view + suffix)
        macro = identifier(f"{definition.view}{suffix}_at")
        shown = fill("provenance", seen_at=seen_at)
        texts.append(fill(template, at=macro, provenance=shown, **common) + ";")
        shown = "WHERE NOT is_telemetry AND NOT is_wave" if template == "changes" else ""
        texts.append(
            f"CREATE VIEW {common['schema']}.{view} AS "
            f"FROM {common['schema']}.{macro}(getvariable('as_of')) {shown};"
        )
    return texts


def _lookups(root: Path, source: str, files: Mapping[tuple[str, str], Files]) -> list[str]:
    """The macros that find one entity of any type."""
    common = {
        **_source_files(root, source, files),
        "types": "of_type",
        "shapes": "true",
        "rank": "0",
        "one": "AND _id = of_id",
        "one_event": "AND id = of_id",
    }
    every = {**common, "one": "", "one_event": ""}
    texts = [fill("diffs", **common)]
    for template, held in (("entity", common), ("history", common), ("pairs", every)):
        presence, spans = fill("presence", **held), fill("spans", **held)
        texts.append(fill(template, presence=presence, spans=spans, **held))
    return [f"{text};" for text in texts]


def _source_files(
    root: Path, source: str, files: Mapping[tuple[str, str], Files]
) -> dict[str, str]:
    return {
        "schema": identifier(source),
        "instant": fill("instant"),
        "sightings": _expression(root, files[source, "log.sightings"]),
        "pages": _expression(root, files[source, "log.pages"]),
        "events": _expression(root, _timeless(files[source, "log.events"])),
        "diffs": _all_of(root, files[source, FOLDER].all),
    }


def _log_view(root: Path, definition: Definition, files: Mapping[tuple[str, str], Files]) -> str:
    """A view over a definition's rows of every source, each row once."""
    every = [
        path for (_, name), each in files.items() if name == definition.name for path in each.all
    ]
    if not every:
        return ""
    sightings = definition.view == "sightings"
    return (
        fill(
            "log_view",
            schema=identifier(definition.source),
            name=identifier(definition.view),
            row=", _type, _id, _shape, _seq" if sightings else "",
            at="_at" if sightings else "observed_at",
            files=_all_of(root, every),
            instant=fill("instant").replace("t::", "getvariable('as_of')::"),
        )
        + ";"
    )


def _refused(
    root: Path, definitions: Sequence[Definition], files: Mapping[tuple[str, str], Files]
) -> str:
    """What was left out of the parts of the definitions as they are."""
    paths = [path for (_, name), each in files.items() if name == REFUSED for path in each.all]
    hashes = literals(each.hash for each in definitions)
    return fill("refused", files=_all_of(root, paths), hashes=hashes or "NULL") + ";"


def _needed_first(definitions: Sequence[Definition]) -> list[Definition]:
    """Views over views, each after those that it names."""
    waiting, ordered = list(definitions), list[Definition]()
    while waiting:
        ready = [
            each
            for each in waiting
            if not any(other.name in each.select for other in waiting if other is not each)
        ]
        if not ready:
            raise Invalid(f"views that need each other: {', '.join(d.name for d in waiting)}")
        ordered += ready
        waiting = [each for each in waiting if each not in ready]
    return ordered


def _plain_view(definition: Definition) -> str:
    name = f"{identifier(definition.source)}.{identifier(definition.view)}"
    if definition.is_view:
        return f"CREATE VIEW {name} AS\n{definition.select};"
    takes = ", ".join(definition.takes)
    return f"CREATE MACRO {name}({takes}) AS TABLE\n{definition.select};"


def _all_of(root: Path, paths: Sequence[str]) -> str:
    """The list of files whatever the instant."""
    return fill("every", files=",".join(paths), root=_quoted(root))


def _quoted(root: Path) -> str:
    return str(root).replace("'", "''")
