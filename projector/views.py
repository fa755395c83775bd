"""Views: the SQL over the parts as they are, projection by projection.

Every view names the files it reads, chosen by the instant asked for; `views_file.py`
puts the text into `views/hindlog.duckdb`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import duckdb

from eventlog.errors import Invalid
from projector.changes import FOLDER, History, folder_of_diffs, list_diffs
from projector.definition import LOG, Definition
from projector.keyframes import SEEN_SCHEMA, Keyframe, Source, is_late, late, load_source
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


_OF_AN_INSTANT = ("at", "all")
"""Templates that need no history, and so read from a keyframe on."""


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
class Keyframes:
    """The keyframes of a view: entries `instant~path~…`, the file of each that is read."""

    schema: str
    """A file without rows."""
    seen: tuple[str, ...] = ()
    """With the parts that are late for each."""
    pages: tuple[str, ...] = ()
    """Only of those for which nothing is late."""
    bodies: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """All files."""
        entries = (*self.seen, *self.pages, *self.bodies)
        return (self.schema, *(path for each in entries for path in each.split("~")[1:]))


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
    histories: tuple[History, ...]
    """What the neighbours of each source are found in."""


def script_for(
    root: Path,
    parts: Path,
    listings: Sequence[Listing],
    definitions: Sequence[Definition],
    connection: duckdb.DuckDBPyConnection,
) -> Script:
    """The SQL of the views over the parts as they are."""
    sources = {each.source: load_source(connection, parts, each, definitions) for each in listings}
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
    keyframes = {
        (source, each.name): _keyframes(root / "views", parts, source, state, each)
        for source, state in sources.items()
        for each in definitions
        if each.has_parts and each.source == source
    }
    schemas = {
        source: str((state.folder / SEEN_SCHEMA).relative_to(root / "views"))
        for source, state in sources.items()
    }
    core = [f"CREATE SCHEMA {identifier(source)};" for source in (*sorted(sources), LOG)]
    core += [
        text
        for source in sorted(sources)
        for text in _lookups(root, source, files, schemas[source])
    ]
    core.append(_refused(root, definitions, files))
    rows = [each for each in definitions if each.has_parts]
    core += [_log_view(root, each, files) for each in rows if each.source == LOG]
    texts = [
        text
        for each in rows
        if each.source != LOG
        for text in _entity_views(root, each, files, keyframes[each.source, each.name])
    ]
    over = _needed_first([each for each in definitions if not each.has_parts])
    names = frozenset(path for each in files.values() for path in each.all)
    names |= frozenset(path for each in keyframes.values() for path in each.all)
    return Script(
        "\n".join([*core, *texts]) + "\n",
        names,
        "\n".join(core),
        tuple(map(_plain_view, over)),
        tuple(_history(root, each, sources[each.source], files, definitions) for each in listings),
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


def _keyframes(
    views: Path, parts: Path, source: str, state: Source, definition: Definition
) -> Keyframes:
    def entry(keyframe: Keyframe, *paths: Path) -> str:
        return "~".join((keyframe.instant, *(str(path.relative_to(views)) for path in paths)))

    folder = folder_of(parts, source, definition)
    held = state.keyframes
    return Keyframes(
        str((state.folder / SEEN_SCHEMA).relative_to(views)),
        tuple(
            entry(each, each.path, *(part.path for part in late(each, state.sightings)))
            for each in held
        ),
        tuple(entry(each, each.pages) for each in held if not is_late(state, each)),
        tuple(entry(each, each.bodies(folder)) for each in held if each.bodies(folder).exists()),
    )


def _history(
    root: Path,
    listing: Listing,
    state: Source,
    files: Mapping[tuple[str, str], Files],
    definitions: Sequence[Definition],
) -> History:
    source = listing.source
    opened = files[source, "log.sightings"].always
    read = {name for part in state.sightings for name in part.covers}
    for name in listing.open:
        for path in opened:
            if path.endswith(open_name(name)):
                stamp = (root / "views" / path).stat()
                read.add(f"{name} {stamp.st_mtime_ns}-{stamp.st_size}")
    sightings, pages, events = (
        _all_of(root, files[source, name].all)
        for name in ("log.sightings", "log.pages", "log.events")
    )
    return History(
        source,
        tuple(sorted({t for each in definitions if each.source == source for t in each.types})),
        frozenset(read),
        sightings,
        pages,
        events,
        _all_of(root, [str((state.folder / SEEN_SCHEMA).relative_to(root / "views"))]),
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
        until=_until(),
    )


def _since(root: Path, files: Files, keyframes: Sequence[str], extra: int) -> str:
    """The files as of T that a keyframe does not spare, and of its entry those from `extra` on."""
    return fill(
        "files_since",
        always="', '".join(files.always),
        dated=",".join(f"{first}~{path}" for first, path in files.dated),
        root=_quoted(root),
        until=_until(),
        keyframe=_last_keyframe(keyframes),
        extra=str(extra),
    )


def _last_keyframe(entries: Sequence[str]) -> str:
    """The entry of the last keyframe not after T, or an empty text."""
    return fill("keyframe_at", keyframes=",".join(entries), until=_until())


def _keyframe_file(root: Path, keyframes: Keyframes, entries: Sequence[str]) -> str:
    return fill(
        "keyframe_file",
        always=keyframes.schema,
        keyframe=_last_keyframe(entries),
        root=_quoted(root),
    )


def _until() -> str:
    """T as it stands in names of parts."""
    return fill("until", instant=fill("instant"))


def _entity_views(
    root: Path,
    definition: Definition,
    files: Mapping[tuple[str, str], Files],
    keyframes: Keyframes,
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
    far = {"presence": _presence(root, keyframes, (), common), "spans": fill("spans", **common)}
    near = _near(root, definition, files, keyframes, common)
    texts = []
    for template, suffix, seen_at in _SIBLINGS:
        held = {**common, **(near if template in _OF_AN_INSTANT else far)}
        view = identifier(definition.view + suffix)
        macro = identifier(f"{definition.view}{suffix}_at")
        shown = fill("provenance", seen_at=seen_at)
        texts.append(fill(template, at=macro, provenance=shown, **held) + ";")
        shown = "WHERE NOT is_telemetry AND NOT is_wave" if template == "changes" else ""
        texts.append(
            f"CREATE VIEW {common['schema']}.{view} AS "
            f"FROM {common['schema']}.{macro}(getvariable('as_of')) {shown};"
        )
    return texts


def _near(
    root: Path,
    definition: Definition,
    files: Mapping[tuple[str, str], Files],
    keyframes: Keyframes,
    common: Mapping[str, str],
) -> dict[str, str]:
    """What views of an instant read: from the last keyframe on."""
    source = definition.source
    held = {
        **common,
        "sightings": _since(root, files[source, "log.sightings"], keyframes.seen, 3),
        "pages": _since(root, files[source, "log.pages"], keyframes.pages, 2),
    }
    if not keyframes.bodies:
        body, lookup = f"read_parquet({common['bodies']})", ""
    else:
        near = _since(root, files[source, definition.name], keyframes.bodies, 2)
        body, lookup = "near_or_far", fill("near_bodies", near=near, bodies=common["bodies"])
    presence = _presence(root, keyframes, keyframes.seen, held)
    return {"presence": presence, "bodies_of_winners": lookup, "body": body}


def _presence(
    root: Path, keyframes: Keyframes, entries: Sequence[str], held: Mapping[str, str]
) -> str:
    given = fill("pages_until", instant=held["instant"])
    return fill(
        "presence",
        listings=fill("listings", pages=held["pages"], given=given),
        keyframe=_keyframe_file(root, keyframes, entries),
        **held,
    )


def _lookups(
    root: Path, source: str, files: Mapping[tuple[str, str], Files], schema: str
) -> list[str]:
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
    for template, held in (("entity", common), ("history", common)):
        presence, spans = _presence(root, Keyframes(schema), (), held), fill("spans", **held)
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
