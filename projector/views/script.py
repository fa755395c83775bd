"""The statements of the views file, over the parts as they are. Pure apart from reading
which parts there are.

Every view names the files it reads and chooses among them by the instant of the query.
`views_database.py` writes the statements into `views/hindlog.duckdb`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from projector.changes.differences import FOLDER, folder_of_diffs, list_diffs
from projector.changes.value_starts import FOLDER as STARTS
from projector.changes.value_starts import file_of_starts, folder_of_starts
from projector.changes.version_pairs import History
from projector.definition import LOG, Definition
from projector.engine.parquet_files import SCHEMA
from projector.engine.sql_text import fill, identifier, literals
from projector.keyframes.keyframe import SourceParts
from projector.keyframes.rows_sql import OF_ENTITY
from projector.parts.part import open_name
from projector.parts.part_sql import shape_rank, shape_test
from projector.parts.plan import SegmentListing
from projector.parts.quarantine import FOLDER as REFUSED
from projector.parts.quarantine import folder_of_refused, list_refused
from projector.presence import presence_sql, spans_sql
from projector.views.as_of_sql import as_of_templates, seen_since_sql
from projector.views.changed_types import types_changed_macro
from projector.views.columns.comments import Comments, comments_for
from projector.views.columns.shown_columns import as_json_sql, computed_sql
from projector.views.dependencies import SIBLINGS, in_dependency_order
from projector.views.file_lists import (
    FileList,
    FileLists,
    all_bodies_sql,
    as_of_files,
    as_of_list_sql,
    definition_files,
    list_sql,
)
from projector.views.inlined import ViewSelect, selects_of, with_inlined_views
from projector.views.log_views import log_view, refused_macro, seen_bodies_macro
from projector.views.statement import Statement, quoted_name

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
"""Columns of bodies that a view does not show, or shows in another order (`provenance.sql`)."""


@attrs.frozen
class Script:
    """The content of a views file."""

    statements: tuple[Statement, ...]
    """Schemas, and the views and macros over parts."""
    derived: tuple[Statement, ...]
    """Views and macros over other views, each after those it reads."""
    files: frozenset[str]
    """Files of the parts that the views may read, as paths below `views`."""
    histories: tuple[History, ...]
    """For each source the files in which neighbouring versions are found and compared."""
    comments: Comments

    @property
    def texts(self) -> tuple[str, ...]:
        """Texts of all statements, and the digest of the comments, as they are stored."""
        statements = (*self.statements, *self.derived)
        return (*(each.text for each in statements), f"-- comments {self.comments.digest}")


def script_for(
    root: Path,
    parts: Path,
    loaded: Sequence[SourceParts],
    definitions: Sequence[Definition],
) -> Script:
    """Returns the content of the views file over the parts that were loaded."""
    files = _list_files(root / "views", parts, loaded, definitions)
    sources = sorted(source.listing.source for source in loaded)
    over_parts = [definition for definition in definitions if definition.has_parts]
    statements = [Statement("SCHEMA", identifier(source)) for source in (*sources, LOG)]
    for source in sources:
        statements += _lookup_macros(root, source, files)
        statements.append(types_changed_macro(root, source, definitions, files))
    statements += [refused_macro(root, definitions, files), seen_bodies_macro(root, files)]
    for definition in over_parts:
        if definition.source == LOG:
            statements += log_view(root, definition, files)
    for definition in over_parts:
        if definition.source != LOG:
            statements += _entity_views(root, definition, files)
    derived = in_dependency_order([each for each in definitions if not each.has_parts])
    return Script(
        tuple(statements),
        tuple(_derived_views(derived, statements)),
        frozenset(path for file_list in files.values() for path in file_list.all),
        tuple(_history(root, source.listing, definitions, files) for source in loaded),
        comments_for(definitions),
    )


def _list_files(
    views: Path,
    parts: Path,
    loaded: Sequence[SourceParts],
    definitions: Sequence[Definition],
) -> dict[tuple[str, str], FileList]:
    """Returns the files of every kind of rows, by source and kind."""
    files = {
        (source.listing.source, name): definition_files(views, chosen, source.listing)
        for source in loaded
        for name, chosen in source.chosen.items()
    }
    for source in loaded:
        name = source.listing.source
        folder = folder_of_diffs(parts, name)
        starts = file_of_starts(folder_of_starts(parts, name))
        for kind, paths in (
            (STARTS, [starts]),
            (FOLDER, [folder / SCHEMA, *list_diffs(folder)]),
            (REFUSED, list_refused(folder_of_refused(parts, name))),
        ):
            relative = tuple(str(path.relative_to(views)) for path in paths)
            files[name, kind] = FileList(relative, ())
        files |= as_of_files(views, parts, source, definitions, files)
    return files


def _history(
    root: Path, listing: SegmentListing, definitions: Sequence[Definition], files: FileLists
) -> History:
    source = listing.source
    sightings, events = files[source, "log.sightings"], files[source, "log.events"]
    open_parts = [path for path in sightings.always if "/open-" in path]
    stats = {Path(path).name: (root / "views" / path).stat() for path in open_parts}
    read_open = {
        f"{name} {stats[open_name(name)].st_mtime_ns}-{stats[open_name(name)].st_size}"
        for name in listing.open
        if open_name(name) in stats
    }
    return History(
        source,
        tuple(sorted({t for each in definitions if each.source == source for t in each.types})),
        (sightings.covers & events.covers) | read_open,
        *(
            list_sql(root, files[source, name].all)
            for name in ("log.sightings", "log.pages", "log.events")
        ),
    )


def _entity_views(root: Path, definition: Definition, files: FileLists) -> list[Statement]:
    """Returns the macro and the view of each sibling of a definition of entities."""
    many = definition.has_many_rows
    common = {
        **_source_files(root, definition.source, files),
        "key": identifier(definition.key[0]),
        **key_sql(definition),
        "hidden": ", ".join((*HIDDEN, "_row") if many else HIDDEN),
        "row": ", body._row" if many else "",
        "given": "AND body._row > 0" if many else "",
        "as_json": as_json_sql(definition, "body."),
        "computed": computed_sql(definition, "body."),
        "types": literals(definition.types),
        "shapes": shape_test(definition, "_shape"),
        "rank": shape_rank(definition, "_shape"),
        "one": "",
        "one_event": "",
        "bodies": all_bodies_sql(root, files[definition.source, definition.name]),
    }
    from_all = {
        "presence": presence_sql(common, absences=False),
        "spans": spans_sql(common),
        **seen_since_sql(common, "version.valid_from", OF_ENTITY),
    }
    from_keyframe = as_of_templates(root, definition, files, common)
    schema = identifier(definition.source)
    statements = []
    for sibling, suffix in SIBLINGS:
        view = f"{schema}.{identifier(definition.view + suffix)}"
        macro = f"{schema}.{identifier(f'{definition.view}{suffix}_at')}"
        template, values = from_keyframe.get(sibling, (sibling, from_all))
        body = fill(template, **common, **values)
        condition = "WHERE NOT is_telemetry AND NOT is_wave" if sibling == "changes" else ""
        statements += [
            Statement("MACRO", macro, f"(t) AS TABLE\n{body}"),
            Statement("VIEW", view, f" AS FROM {macro}(getvariable('as_of')) {condition}"),
        ]
    return statements


def key_sql(definition: Definition) -> dict[str, str]:
    """Returns SQL of the value of the key column, by the table that has the id of the entity.

    It is NULL for an id that is not of the type of the key; no id makes a query fail.
    """
    ids = {
        "winner": "winner._id",
        "body": "body._id",
        "version": "version._id",
        "change": "_id",
    }
    return {
        f"key_of_{table}": id if definition.key[1] == "VARCHAR" else fill("whole_number", text=id)
        for table, id in ids.items()
    }


def _lookup_macros(root: Path, source: str, files: FileLists) -> list[Statement]:
    """Returns the macros that look up one entity of any type, and its versions."""
    common = {
        **_source_files(root, source, files),
        "types": "of_type",
        "shapes": "true",
        "rank": "0",
        "one": "AND _id = of_id",
        "one_event": "AND id = of_id",
    }
    bodies = {
        "entity": fill("entity", presence=presence_sql(common), **common),
        "history": fill(
            "history",
            presence=presence_sql(common, absences=False),
            spans=spans_sql(common),
            **common,
        ),
    }
    return [
        Statement(
            "MACRO",
            f"{identifier(source)}._{template}",
            f"(of_type, of_id, t) AS TABLE\n{body}",
        )
        for template, body in bodies.items()
    ]


def _source_files(root: Path, source: str, files: FileLists) -> dict[str, str]:
    """Returns the file lists of a source that templates need, and the instant of the query."""
    return {
        "instant": fill("instant", value="t"),
        "sightings": as_of_list_sql(root, files[source, "log.sightings"]),
        "pages": as_of_list_sql(root, files[source, "log.pages"]),
        "events": all_bodies_sql(root, files[source, "log.events"]),
        "diffs": list_sql(root, files[source, FOLDER].all),
        "starts": list_sql(root, files[source, STARTS].all),
    }


def _derived_views(
    definitions: Sequence[Definition], statements: Sequence[Statement]
) -> Iterator[Statement]:
    """Yields the views and macros over other views, which `statements` and they themselves make."""
    selects = selects_of(statements)
    for definition in definitions:
        name, select = quoted_name(definition), definition.select
        if definition.is_view:
            selects[definition.name] = ViewSelect(select, reads_views=True)
            yield Statement("VIEW", name, f" AS\n{select}")
        else:
            select = with_inlined_views(select, definition.parameters, selects)
            parameters = ", ".join(definition.parameters)
            yield Statement("MACRO", name, f"({parameters}) AS TABLE\n{select}")
