"""Views: the SQL over the parts as they are, projection by projection.

Every view names the files it reads, chosen by the instant asked for; `views_file.py`
puts the text into `views/hindlog.duckdb`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import duckdb

from projector.changes.differences import FOLDER, folder_of_diffs, list_diffs
from projector.changes.version_pairs import History
from projector.definition import LOG, Definition
from projector.engine.parquet_files import SCHEMA
from projector.engine.sql_text import fill, identifier, literals
from projector.keyframes.rows_sql import OF_ENTITY, presence
from projector.limits import LIMITS, Limits
from projector.parts.part import open_name
from projector.parts.part_sql import shape_rank, shape_test
from projector.parts.plan import Listing
from projector.parts.quarantine import FOLDER as REFUSED
from projector.parts.quarantine import folder_of_refused, list_refused
from projector.views.as_of_sql import texts_of_an_instant
from projector.views.dependencies import SIBLINGS, in_dependency_order
from projector.views.file_lists import (
    Files,
    all_of,
    expression,
    files_of,
    near_files,
    timeless,
)

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


@attrs.frozen
class Script:
    """The text that makes a views file, and the parts it names, by path below `views`."""

    statements: tuple[str, ...]
    """All but the views over views, one each."""
    names: frozenset[str]
    plain: tuple[str, ...]
    """Views over views, each after those it names."""
    histories: tuple[History, ...]
    """What the neighbours of each source are found in."""


def script_for(
    root: Path,
    parts: Path,
    listings: Sequence[Listing],
    definitions: Sequence[Definition],
    connection: duckdb.DuckDBPyConnection,
    limits: Limits = LIMITS,
) -> Script:
    """The SQL of the views over the parts as they are."""
    files = {
        (listing.source, each.name): files_of(connection, root / "views", parts, listing, each)
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
        files |= near_files(connection, root / "views", parts, listing, definitions, files, limits)
    sources = sorted(each.source for each in listings)
    core = [f"CREATE SCHEMA IF NOT EXISTS {identifier(source)};" for source in (*sources, LOG)]
    core += [text for source in sources for text in _lookups(root, source, files)]
    core.append(_refused(root, definitions, files))
    rows = [each for each in definitions if each.has_parts]
    core += [_log_view(root, each, files) for each in rows if each.source == LOG]
    texts = [
        text for each in rows if each.source != LOG for text in _entity_views(root, each, files)
    ]
    over = in_dependency_order([each for each in definitions if not each.has_parts])
    return Script(
        tuple(each for each in (*core, *texts) if each),
        frozenset(path for each in files.values() for path in each.all),
        tuple(map(_plain_view, over)),
        tuple(_history(root, each, definitions, files) for each in listings),
    )


def _history(
    root: Path,
    listing: Listing,
    definitions: Sequence[Definition],
    files: Mapping[tuple[str, str], Files],
) -> History:
    source = listing.source
    opened = [path for path in files[source, "log.sightings"].always if "/open-" in path]
    stamps = {Path(path).name: (root / "views" / path).stat() for path in opened}
    return History(
        source,
        tuple(sorted({t for each in definitions if each.source == source for t in each.types})),
        (files[source, "log.sightings"].covers & files[source, "log.events"].covers)
        | {
            f"{name} {stamps[open_name(name)].st_mtime_ns}-{stamps[open_name(name)].st_size}"
            for name in listing.open
            if open_name(name) in stamps
        },
        *(
            all_of(root, files[source, name].all)
            for name in ("log.sightings", "log.pages", "log.events")
        ),
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
        "bodies": timeless(root, files[definition.source, definition.name]),
    }
    shown = fill("provenance", seen_at="version.valid_from", **OF_ENTITY)
    far = {
        "presence": presence(common),
        "spans": fill("spans", **common),
        "provenance": shown,
    }
    near = texts_of_an_instant(root, definition, files, common)
    texts = []
    for template, suffix in SIBLINGS:
        view = identifier(definition.view + suffix)
        macro = identifier(f"{definition.view}{suffix}_at")
        name, values = near.get(template, (template, far))
        texts.append(fill(name, at=macro, **common, **values) + ";")
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
    texts = []
    for template in ("entity", "history"):
        told, spans = presence(common), fill("spans", **common)
        texts.append(fill(template, presence=told, spans=spans, **common))
    return [f"{text};" for text in texts]


def _source_files(
    root: Path, source: str, files: Mapping[tuple[str, str], Files]
) -> dict[str, str]:
    return {
        "schema": identifier(source),
        "instant": fill("instant"),
        "sightings": expression(root, files[source, "log.sightings"]),
        "pages": expression(root, files[source, "log.pages"]),
        "events": timeless(root, files[source, "log.events"]),
        "diffs": all_of(root, files[source, FOLDER].all),
    }


def _log_view(root: Path, definition: Definition, files: Mapping[tuple[str, str], Files]) -> str:
    """A view over a definition's rows of every source, each row once.

    Source by source: a position is one within its source only.
    """
    sightings = definition.view == "sightings"
    rows = [
        fill(
            "log_rows",
            row=", _type, _id, _shape, _seq" if sightings else "",
            at="_at" if sightings else "observed_at",
            files=all_of(root, each.all),
            instant=fill("instant").replace("t::", "getvariable('as_of')::"),
        )
        for (_, name), each in files.items()
        if name == definition.name and each.all
    ]
    if not rows:
        return ""
    name = f"{identifier(definition.source)}.{identifier(definition.view)}"
    return f"CREATE VIEW {name} AS\n" + "UNION ALL\n".join(rows) + ";"


def _refused(
    root: Path, definitions: Sequence[Definition], files: Mapping[tuple[str, str], Files]
) -> str:
    """What was left out of the parts of the definitions as they are."""
    paths = [path for (_, name), each in files.items() if name == REFUSED for path in each.all]
    hashes = literals(each.hash for each in definitions)
    return fill("refused", files=all_of(root, paths), hashes=hashes or "NULL") + ";"


def _plain_view(definition: Definition) -> str:
    name = f"{identifier(definition.source)}.{identifier(definition.view)}"
    if definition.is_view:
        return f"CREATE VIEW {name} AS\n{definition.select};"
    takes = ", ".join(definition.takes)
    return f"CREATE MACRO {name}({takes}) AS TABLE\n{definition.select};"
