"""Rebuild: builds every part from nothing beside the old ones, then swaps all in one step."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import attrs
import duckdb

from eventlog.clock import now_us
from eventlog.errors import Invalid, Partial
from eventlog.progress import ReportProgress, no_progress
from projector.changes.differences import FOLDER as DIFFERENCES
from projector.changes.version_pairs import Compared, recorded_files, write_compared
from projector.definition import LOG, Definition, find_definitions, load_definitions
from projector.engine.connections import openable, sql_errors
from projector.engine.interruptible import fetch_all
from projector.engine.sql_text import identifier, literal
from projector.folders import (
    current_parts,
    delete_unused_parts,
    next_parts,
    set_current_parts,
    temporary_views,
    views_dir,
    views_lock,
)
from projector.keyframes.keyframe import FOLDER
from projector.limits import LIMITS, Limits
from projector.query.open_views import open_views, require_views
from projector.update.update import UpdateReport, build_views
from projector.views.dependencies import with_inputs
from projector.views.statement import named_files
from projector.views.views_database import read_script, write_views

SUFFIXES = (".parquet", ".duckdb")
"""Suffixes of the files that a rebuild can write."""


@attrs.frozen
class RebuildReport:
    """What a rebuild did."""

    update: UpdateReport
    rows: tuple[tuple[str, int], ...]
    """Name of each view and its number of rows, now or in the written file."""
    to: Path | None
    """The written file, if any."""


def rebuild_views(
    root: Path,
    views: Sequence[str] | None = None,
    *,
    as_of: int | None = None,
    to: Path | None = None,
    jobs: int = 1,
    report: ReportProgress = no_progress,
    definitions: Sequence[Definition] | None = None,
    limits: Limits = LIMITS,
) -> RebuildReport:
    """Builds the views from nothing and replaces the archive's views, or writes them to a file.

    Without `to` the archive's views are replaced after everything was built; if anything failed
    they stay and `Partial` is raised. With `to` (`.parquet` for one view, `.duckdb` for any number)
    the views as of `as_of` are written to that file and the archive's views are not changed.
    """
    known = load_definitions() if definitions is None else tuple(definitions)
    root = root.resolve()
    folder = views_dir(root)
    wanted = find_definitions(known, views)
    if to is None and as_of is not None:
        raise Invalid("views of the past are written to a file", "add --to FILE")
    with views_lock(folder):
        if to is not None:
            return _write_file(root, folder, wanted, known, as_of, to, jobs, report, limits)
        built = _swap(root, folder, wanted, known, jobs, report, limits)
    with contextlib.closing(open_views(root)) as connection:
        names = [each.name for each in wanted if each.is_view and each.source != LOG]
        return RebuildReport(built, tuple((name, _count(connection, name)) for name in names), None)


def _swap(
    root: Path,
    folder: Path,
    wanted: Sequence[Definition],
    known: Sequence[Definition],
    jobs: int,
    report: ReportProgress,
    limits: Limits,
) -> UpdateReport:
    parts = next_parts(folder)
    try:
        _link_others(current_parts(folder), parts, {each.name for each in wanted})
        built, script = build_views(
            root, parts, known, known, jobs=jobs, report=report, strict=True, limits=limits
        )
        _raise_if_failed(built)
    except BaseException:
        shutil.rmtree(parts, ignore_errors=True)
        raise
    before = read_script(folder)
    swapped = write_views(folder, script)
    set_current_parts(parts)
    delete_unused_parts(folder, named_files(before), script.files, now_us())
    return attrs.evolve(built, swapped=swapped)


def _link_others(old: Path, new: Path, wanted: set[str]) -> None:
    """Hard-links the parts of all other definitions; published parts never change."""
    for path in old.glob("*/*/*/*.parquet"):
        if path.parents[1].name in (*wanted, FOLDER) or path.name.startswith("open-"):
            continue
        link = new / path.relative_to(old)
        link.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, link)
    for folder in old.glob(f"*/{DIFFERENCES}/*"):  # the pairs in them are not compared again
        names = [path.name for path in recorded_files(folder)]
        if names:
            write_compared(new / folder.relative_to(old), (), Compared(), names)


def _raise_if_failed(report: UpdateReport) -> None:
    if report.failed:
        raise Partial(
            "not rebuilt: " + "; ".join(report.failed), "the old views are still there, unchanged"
        )


def _write_file(
    root: Path,
    folder: Path,
    wanted: Sequence[Definition],
    known: Sequence[Definition],
    as_of: int | None,
    to: Path,
    jobs: int,
    report: ReportProgress,
    limits: Limits,
) -> RebuildReport:
    names = [each.name for each in wanted if each.is_view and each.source != LOG]
    if to.suffix not in SUFFIXES:
        raise Invalid(f"{to}: expected a name that ends in {' or '.join(SUFFIXES)}")
    if to.suffix == ".parquet" and len(names) != 1:
        raise Invalid(f"{to}: a Parquet file contains one view", "name one view, or a .duckdb file")
    with temporary_views(folder) as rebuilt:
        needed = with_inputs(known, wanted)
        built, script = build_views(
            root,
            rebuilt / "parts",
            needed,
            needed,
            jobs=jobs,
            report=report,
            strict=True,
            limits=limits,
        )
        _raise_if_failed(built)
        write_views(rebuilt, script)
        rows = _write(root, rebuilt, names, as_of, to)
    return RebuildReport(built, tuple(zip(names, rows, strict=True)), to)


def _write(root: Path, views: Path, names: Sequence[str], as_of: int | None, to: Path) -> list[int]:
    temporary = to.with_name(f".{to.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    with (
        contextlib.closing(open_views(root, as_of, folder=views)) as connection,
        sql_errors(str(to)),
    ):
        require_views(connection, names)
        if to.suffix == ".parquet":
            rows = [_copy(connection, names[0], temporary)]
        else:
            rows = _copy_tables(connection, names, temporary)
    temporary.replace(to)
    return rows


def _copy(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> int:
    query = f"FROM {_quoted(name)} ORDER BY ALL"
    counted = fetch_all(
        connection, f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)"
    )
    return int(counted[0][0])


def _copy_tables(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], path: Path
) -> list[int]:
    rows = []
    with openable(path, writes=True) as file:
        connection.execute("ATTACH ? AS made (STORAGE_VERSION 'v1.4.0')", [str(file)])
        for name in names:
            source = name.partition(".")[0]
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS made.{identifier(source)}")
            query = f"FROM hindlog.{_quoted(name)} ORDER BY ALL"
            fetch_all(connection, f"CREATE TABLE made.{_quoted(name)} AS {query}")
            counted = fetch_all(connection, f"FROM made.{_quoted(name)} SELECT count(*)")
            rows.append(int(counted[0][0]))
        connection.execute("DETACH made")
    return rows


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    with sql_errors(name):
        rows = fetch_all(connection, f"FROM {_quoted(name)} SELECT count(*)")
    return int(rows[0][0])


def _quoted(name: str) -> str:
    source, _, view = name.partition(".")
    return f"{identifier(source)}.{identifier(view)}"
