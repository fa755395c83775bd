"""Exports: views as files that other tools read, published in one step.

    <to>/<source>/<view>.parquet                      one file per view, or
    <to>/<source>/<view>/<column>=<value>/….parquet    hive partitions
    <to>/manifest.json                                rows, and SHA-256 of every file; the
                                                      last instant of the log that it knows

JSON is text, positions are text: `polars`, `pandas`, `pyarrow` and DuckDB all read it.
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
from projector.definition import LOG, MACRO, load_definitions
from projector.engine.connections import sql_errors
from projector.engine.interruptible import run_cancellable
from projector.engine.sql_text import fill, identifier, literal
from projector.query.open_views import find_views, open_views
from projector.query.view_info import position

FORMATS = ("parquet", "ndjson", "csv")
MANIFEST = "manifest.json"
_ROW_GROUP = 100_000
_NESTED = ("JSON", "UUID")


@attrs.frozen
class Exported:
    """A view that was written."""

    view: str
    rows: int
    files: tuple[str, ...]
    """Paths below the folder."""


@attrs.frozen
class ExportReport:
    """What an export wrote."""

    to: Path
    as_of: int | None
    views: tuple[Exported, ...]


def export(
    root: Path,
    views: Sequence[str],
    to: Path,
    *,
    as_of: int | None = None,
    format: str = "parquet",
    partition: Sequence[str] = (),
) -> ExportReport:
    """Write views, as of an instant, into a folder that appears whole or not at all.

    An earlier export under that name is replaced. Raises `Invalid` where something
    else lies there, or a view has no such column.
    """
    if format not in FORMATS:
        raise Invalid(f"format {format!r}: expected one of {', '.join(FORMATS)}")
    to = to.absolute()
    _check_free(to)
    with _beside(to) as temporary:
        with contextlib.closing(open_views(root, as_of)) as connection, sql_errors("views"):
            names = find_views(connection, views or _current())
            at = position(connection)
            done = tuple(_one(connection, each, temporary, format, partition) for each in names)
        (temporary / MANIFEST).write_bytes(_manifest(temporary, as_of, at, format, done))
        _publish(temporary, to)
    return ExportReport(to, as_of, done)


@contextlib.contextmanager
def _beside(to: Path) -> Iterator[Path]:
    """A folder beside, held while it is filled; what an export that died left there goes."""
    to.parent.mkdir(parents=True, exist_ok=True)
    for left in to.parent.glob(f".{glob.escape(to.name)}.*.tmp"):
        if (handle := _held(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(handle)
    temporary = to.with_name(f".{to.name}.{os.getpid()}.tmp")
    temporary.mkdir()
    handle = _held(temporary)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _held(folder: Path) -> int | None:
    """A lock on a folder, which goes with its process. None while another one has it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _current() -> list[str]:
    """Every view of the present: not the log's, not the siblings."""
    return [each.name for each in load_definitions() if each.source != LOG and each.reads != MACRO]


def _check_free(to: Path) -> None:
    """Only an export may be replaced, and only if nothing else was put there."""
    if not to.exists() or (to.is_dir() and not any(to.iterdir())):
        return
    if not (to / MANIFEST).is_file():
        raise Invalid(f"{to}: holds something else than an export", "name an empty or new folder")
    try:
        told = json.loads((to / MANIFEST).read_bytes())
        ours = {file["path"] for view in told["views"] for file in view["files"]} | {MANIFEST}
    except (ValueError, KeyError, TypeError) as error:
        what = f"{to / MANIFEST}: not the manifest of an export: {error}"
        raise Invalid(what, "name an empty or new folder") from error
    found = {path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file()}
    if found - ours:
        what = f"{to}: holds {sorted(found - ours)[0]!r}, which no export wrote"
        raise Invalid(what, "name an empty or new folder")


def _one(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    folder: Path,
    format: str,
    partition: Sequence[str],
) -> Exported:
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
        selected = ", ".join(_plain(str(column[0]), str(column[1])) for column in columns)
        copy = fill(
            "export",
            columns=selected,
            view=quoted,
            target=literal(str(target)),
            options=_options(format, partition),
        )
        rows = run_cancellable(connection, lambda: connection.execute(copy).fetchall()[0][0])
    if partition and not target.exists():
        target.mkdir()
    files = sorted(target.rglob("*.*")) if target.is_dir() else [target]
    listed = tuple(str(path.relative_to(folder)) for path in files if path.is_file())
    return Exported(view, int(rows), listed)


def _plain(name: str, kind: str) -> str:
    quoted = identifier(name)
    return f"{quoted}::VARCHAR AS {quoted}" if kind in _NESTED else quoted


def _options(format: str, partition: Sequence[str]) -> str:
    options = {
        "parquet": f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP}",
        "ndjson": "FORMAT json",
        "csv": "FORMAT csv, HEADER",
    }[format]
    if not partition:
        return options
    extension = f", FILE_EXTENSION {literal(format)}"
    return f"{options}, PARTITION_BY ({', '.join(map(identifier, partition))}){extension}"


def _manifest(
    folder: Path, as_of: int | None, at: int | None, format: str, done: Sequence[Exported]
) -> bytes:
    held = {
        "format": format,
        "as_of": None if as_of is None else format_us(as_of),
        "position": None if at is None else format_us(at),
        "views": [
            {
                "view": each.view,
                "rows": each.rows,
                "files": [_file(folder, path) for path in each.files],
            }
            for each in done
        ],
    }
    return orjson.dumps(held, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _file(folder: Path, path: str) -> dict[str, object]:
    data = folder / path
    with data.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": path, "bytes": data.stat().st_size, "sha256": digest}


def _publish(temporary: Path, to: Path) -> None:
    """The old export steps aside and the new one takes its name."""
    if not to.exists():
        temporary.rename(to)
        return
    old = to.with_name(f".{to.name}.{os.getpid()}.old")
    shutil.rmtree(old, ignore_errors=True)
    to.rename(old)
    temporary.rename(to)
    shutil.rmtree(old)
