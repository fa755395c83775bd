"""Exports: views as files that other tools read, published in one step.

    <to>/<source>/<view>.parquet                      one file per view, or
    <to>/<source>/<view>/<column>=<value>/….parquet    hive partitions
    <to>/manifest.json                                rows of each view, SHA-256 of every file,
                                                      last instant that the views contain

JSON and positions are written as text, which `polars`, `pandas`, `pyarrow` and DuckDB read.
"""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import duckdb
import orjson

from eventlog.clock import format_us
from eventlog.errors import Invalid
from eventlog.progress import ReportProgress, no_progress
from projector.definition import LOG, load_definitions
from projector.engine.connections import sql_errors
from projector.engine.interruptible import run_cancellable
from projector.engine.sql_text import fill, identifier, literal
from projector.folders import has_backslash, is_utf8
from projector.query.open_views import open_views, require_views
from projector.query.view_info import last_instant

FORMATS = ("parquet", "ndjson", "csv")
EXPORT_MANIFEST = "manifest.json"
"""Name of the manifest in the exported folder."""
_ROW_GROUP_ROWS = 100_000
_NAME_BYTES = 255
"""Longest name of a folder, in bytes."""
_SHOWN = 80
"""Number of characters of a long value that an error shows."""
_AS_TEXT = ("JSON", "UUID")
"""Types that are written as text."""


@attrs.frozen
class ExportedView:
    """A view that was exported."""

    view: str
    rows: int
    files: tuple[str, ...]
    """Paths below the exported folder."""


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

    Without `views` it writes all but those of the log. `partition` names columns; each of
    their values gets a folder. An earlier export at `to` is replaced. Raises `Invalid` if `to`
    contains anything else, or if a view lacks a column.
    """
    if format not in FORMATS:
        raise Invalid(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    to = to.absolute()
    if not is_utf8(str(to)):
        raise Invalid(f"{to}: expected a folder whose path is UTF-8", "name another folder")
    if partition and has_backslash(to):
        what = f"{to}: expected no \\ in the path of an export with --partition"
        raise Invalid(f"{what}: DuckDB cannot create folders there", "name another folder")
    earlier = _refuse_other_content(to)
    with _temporary_folder(to) as temporary:
        with contextlib.closing(open_views(root, as_of)) as connection, sql_errors("views"):
            names = require_views(connection, views or _default_views())
            _refuse_loss(to, earlier, names)
            last = last_instant(connection)
            exported: tuple[ExportedView, ...] = ()
            for name in names:
                exported += (_export_view(connection, name, temporary, format, partition),)
                report("views exported", len(exported), len(names))
        (temporary / EXPORT_MANIFEST).write_bytes(
            _manifest(temporary, as_of, last, format, exported)
        )
        _publish(temporary, to)
    return ExportReport(to, as_of, exported)


@contextlib.contextmanager
def _temporary_folder(to: Path) -> Iterator[Path]:
    """Yields a locked folder next to `to`. Deletes it afterwards, and those of crashed exports."""
    to.parent.mkdir(parents=True, exist_ok=True)
    for leftover in to.parent.glob(f".{glob.escape(to.name)}.*.tmp"):
        if (handle := _lock(leftover)) is not None:
            shutil.rmtree(leftover, ignore_errors=True)
            os.close(handle)
    temporary = to.with_name(f".{to.name}.{os.getpid()}.tmp")
    temporary.mkdir()
    handle = _lock(temporary)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _lock(folder: Path) -> int | None:
    """Returns the handle of a folder that is now locked; None if another process has the lock.

    The lock ends with the process.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _default_views() -> list[str]:
    """Returns the views that are exported if none is named: no siblings, none of the log."""
    return [
        definition.name
        for definition in load_definitions()
        if definition.source != LOG and definition.is_view
    ]


def _refuse_other_content(to: Path) -> set[str]:
    """Returns the views of an earlier export in a folder, which may be missing or empty.

    Raises `Invalid` if it contains anything else.
    """
    if not to.exists() or (to.is_dir() and not any(to.iterdir())):
        return set()
    if not (to / EXPORT_MANIFEST).is_file():
        raise Invalid(f"{to}: expected an export or nothing", "name an empty or new folder")
    try:
        manifest = json.loads((to / EXPORT_MANIFEST).read_bytes())
        listed = {file["path"] for view in manifest["views"] for file in view["files"]}
        views = {str(view["view"]) for view in manifest["views"]}
    except (ValueError, KeyError, TypeError) as error:
        message = f"{to / EXPORT_MANIFEST}: not the manifest of an export: {error}"
        raise Invalid(message, "name an empty or new folder") from error
    present = {path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file()}
    unlisted = sorted(present - listed - {EXPORT_MANIFEST})
    if unlisted:
        message = f"{to}: contains {unlisted[0]!r}, which no export wrote"
        raise Invalid(message, "name an empty or new folder")
    return views


def _refuse_loss(to: Path, earlier: set[str], names: Sequence[str]) -> None:
    """Raises `Invalid` if the earlier export has a view that the new one lacks."""
    if lost := sorted(earlier - set(names)):
        message = f"{to}: contains an export of {lost[0]}, which this one would delete"
        raise Invalid(message, "name all of its views, or an empty or new folder")


def _export_view(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    folder: Path,
    format: str,
    partition: Sequence[str],
) -> ExportedView:
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
            options=_copy_options(format, partition),
        )
        try:
            rows = run_cancellable(connection, lambda: connection.execute(copy).fetchall()[0][0])
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


def _copy_options(format: str, partition: Sequence[str]) -> str:
    options = {
        "parquet": f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP_ROWS}",
        "ndjson": "FORMAT json",
        "csv": "FORMAT csv, HEADER",
    }[format]
    if not partition:
        return options
    extension = f", FILE_EXTENSION {literal(format)}"
    return f"{options}, PARTITION_BY ({', '.join(map(identifier, partition))}){extension}"


def _manifest(
    folder: Path, as_of: int | None, last: int | None, format: str, views: Sequence[ExportedView]
) -> bytes:
    """Returns the manifest of the files in a folder. `last`: instant of the last known event."""
    manifest = {
        "format": format,
        "as_of": None if as_of is None else format_us(as_of),
        "position": None if last is None else format_us(last),
        "views": [
            {
                "view": view.view,
                "rows": view.rows,
                "files": [_manifest_entry(folder, path) for path in view.files],
            }
            for view in views
        ],
    }
    return orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _manifest_entry(folder: Path, path: str) -> dict[str, object]:
    with (folder / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": path, "bytes": (folder / path).stat().st_size, "sha256": digest}


def _publish(temporary: Path, to: Path) -> None:
    """Renames the new export to `to`; an earlier one is renamed before, and deleted after."""
    if not to.exists():
        temporary.rename(to)
        return
    old = to.with_name(f".{to.name}.{os.getpid()}.old")
    shutil.rmtree(old, ignore_errors=True)
    to.rename(old)
    temporary.rename(to)
    shutil.rmtree(old)
