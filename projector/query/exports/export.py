"""Exports: views as files that other tools read, published in one step.

    <to>/<source>/<view>.parquet                      one file per view, or
    <to>/<source>/<view>/<column>=<value>/….parquet    hive partitions
    <to>/manifest.json                                rows of each view, SHA-256 of every file,
                                                      last instant that the views contain

In Parquet, JSON has the logical type JSON; positions are text. `description.py` lists the metadata.
"""

import contextlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import attrs
import duckdb

from eventlog.errors import Invalid, NotFound
from eventlog.progress import ReportProgress, no_progress
from projector.definition import LOG, load_definitions
from projector.engine.connections import run_copy, sql_errors
from projector.engine.interruptible import run_cancellable
from projector.engine.sql_text import fill, identifier, literal
from projector.folders import has_backslash, is_utf8
from projector.query.exports.description import (
    Description,
    ExportedView,
    describe,
    export_manifest,
    metadata_option,
)
from projector.query.exports.target_folder import (
    EXPORT_MANIFEST,
    publish_export,
    refuse_loss,
    refuse_other_content,
    temporary_folder,
)
from projector.query.open_views import list_view_names, open_views, require_views
from projector.query.view_info import last_instant

FORMATS = ("parquet", "ndjson", "csv")
_MEMORY_MB = 1000
"""Memory limit in MB; what does not fit is spilled to disk."""
_ROW_GROUP_ROWS = 100_000
_ROW_GROUP_BYTES = "64MB"
"""Size of a row group; every writing thread holds one in memory."""
_NAME_BYTES = 255
"""Longest name of a folder, in bytes."""
_SHOWN = 80
"""Number of characters of a long value that an error shows."""
_AS_TEXT = ("UUID",)
"""Types that are written as text."""


@attrs.frozen
class ExportReport:
    """What an export wrote."""

    to: Path
    as_of: int | None
    views: tuple[ExportedView, ...]


def export_views(
    root: Path,
    views: Sequence[str],
    to: Path,
    *,
    as_of: int | None = None,
    format: str = "parquet",
    partition: Sequence[str] = (),
    report: ReportProgress = no_progress,
) -> ExportReport:
    """Writes views, as of an instant (µs), into a folder that appears complete or not at all.

    `views`: names or patterns such as `log.*`. Without any it writes all but those of the log and
    the siblings. `partition` names columns; each of their values gets a folder. An earlier export
    at `to` is replaced. Raises `Invalid` if `to` contains anything else, or if a view lacks a
    column, and `NotFound` for a name or pattern of no view.
    """
    to = _checked_target(to, format, partition)
    earlier = refuse_other_content(to)
    with temporary_folder(to) as temporary:
        with contextlib.closing(open_views(root, as_of)) as connection, sql_errors("views"):
            _bound_memory(connection)
            names = require_views(connection, _chosen_views(connection, views))
            refuse_loss(to, earlier, names)
            last = last_instant(connection)
            described = describe(connection, names)
            exported: tuple[ExportedView, ...] = ()
            for each in described:
                exported += (_export_view(connection, each, temporary, format, partition, as_of),)
                report("views exported", len(exported), len(described))
        (temporary / EXPORT_MANIFEST).write_bytes(
            export_manifest(
                temporary, as_of, last, format, [*zip(exported, described, strict=True)]
            )
        )
        publish_export(temporary, to)
    return ExportReport(to, as_of, exported)


def _checked_target(to: Path, format: str, partition: Sequence[str]) -> Path:
    """Returns the absolute path of a target. Raises `Invalid` if nothing can be written there."""
    if format not in FORMATS:
        raise Invalid(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    to = to.absolute()
    if not is_utf8(str(to)):
        raise Invalid(f"{to}: expected a folder whose path is UTF-8", "name another folder")
    if partition and has_backslash(to):
        what = f"{to}: expected no \\ in the path of an export with --partition"
        raise Invalid(f"{what}: DuckDB cannot create folders there", "name another folder")
    return to


def _bound_memory(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"SET memory_limit = '{_MEMORY_MB}MB'")
    # Rows that ORDER BY has sorted stay in order; the size of row groups needs this.
    connection.execute("SET preserve_insertion_order = false")


def _chosen_views(connection: duckdb.DuckDBPyConnection, views: Sequence[str]) -> list[str]:
    """Returns the views that names and patterns choose. Raises `NotFound` for a pattern of none."""
    if not views:
        return _default_views()
    known = list_view_names(connection)
    chosen = []
    for view in views:
        is_pattern = bool(set("*?[") & set(view))
        matching = [name for name in known if fnmatchcase(name, view)] if is_pattern else [view]
        if not matching:
            raise NotFound(f"no view matches {view!r}", "there are: " + ", ".join(known))
        chosen += matching
    return chosen


def _default_views() -> list[str]:
    """Returns the views that are exported if none is chosen: no siblings, none of the log."""
    return [
        definition.name
        for definition in load_definitions()
        if definition.source != LOG and definition.is_view
    ]


def _export_view(
    connection: duckdb.DuckDBPyConnection,
    described: Description,
    folder: Path,
    format: str,
    partition: Sequence[str],
    as_of: int | None,
) -> ExportedView:
    view = described.view
    source, name = view.split(".")
    target = folder / source / (name if partition else f"{name}.{format}")
    target.parent.mkdir(exist_ok=True)
    quoted = f"{identifier(source)}.{identifier(name)}"
    with sql_errors(view):
        columns = connection.execute(f"DESCRIBE FROM {quoted}").fetchall()
        known = [str(column[0]) for column in columns]
        for column in partition:
            if column not in known:
                raise Invalid(f"{view}: no column {column!r}", "there are: " + ", ".join(known))
        copy = fill(
            "export",
            columns=", ".join(_exported_column(str(name), str(kind)) for name, kind, *_ in columns),
            view=quoted,
            target=literal(str(target)),
            options=_copy_options(format, partition, metadata_option(described, as_of)),
        )
        try:
            rows = run_cancellable(connection, lambda: run_copy(connection, copy))
        except duckdb.IOException:
            _refuse_long_values(connection, view, quoted, partition)
            raise
    if partition and not target.exists():
        target.mkdir()
    files = sorted(target.rglob("*.*")) if target.is_dir() else [target]
    relative = tuple(str(path.relative_to(folder)) for path in files if path.is_file())
    return ExportedView(view, int(rows), relative)


def _refuse_long_values(
    connection: duckdb.DuckDBPyConnection, view: str, quoted: str, partition: Sequence[str]
) -> None:
    """Raises `Invalid` for a value of a partition column that is too long for a folder's name."""
    for column in partition:
        prefix = len(column.encode()) + 1
        room = str(_NAME_BYTES - prefix)
        query = fill("long_value", column=identifier(column), view=quoted, bytes=room)
        rows = connection.execute(query).fetchall()
        for (text,) in rows:
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
            message = f"{view}: {column}={shown!r} is longer than a folder's name may be"
            limit = f"({_NAME_BYTES} bytes, {len(text.encode())} in the value alone)"
            raise Invalid(f"{message} {limit}", "choose another column for --partition")


def _exported_column(name: str, sql_type: str) -> str:
    quoted = identifier(name)
    return f"{quoted}::VARCHAR AS {quoted}" if sql_type in _AS_TEXT else quoted


def _copy_options(format: str, partition: Sequence[str], metadata: str) -> str:
    row_groups = f"ROW_GROUP_SIZE {_ROW_GROUP_ROWS}, ROW_GROUP_SIZE_BYTES '{_ROW_GROUP_BYTES}'"
    options = {
        "parquet": f"FORMAT parquet, COMPRESSION zstd, {row_groups}, {metadata}",
        "ndjson": "FORMAT json",
        "csv": "FORMAT csv, HEADER",
    }[format]
    if not partition:
        return options
    extension = f", FILE_EXTENSION {literal(format)}"
    return f"{options}, PARTITION_BY ({', '.join(map(identifier, partition))}){extension}"
