"""Checks the views: compares those of the archive with views that are built from nothing."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
import duckdb

from eventlog.errors import Corrupt
from eventlog.progress import ReportProgress, no_progress
from projector.definition import LOG, Definition, find_definitions, load_definitions
from projector.engine.connections import attach_read_only, connect, sql_errors
from projector.engine.interruptible import fetch_all
from projector.engine.sql_text import identifier
from projector.folders import temporary_views, views_dir, views_lock, writable_archive
from projector.limits import LIMITS, Limits
from projector.parts.quarantine import FOLDER as QUARANTINE
from projector.query.open_views import list_view_names, open_views, require_views
from projector.query.view_info import set_as_of_last
from projector.update.update import build_views
from projector.views.dependencies import with_dependencies
from projector.views.views_database import FILE, files_of_views, write_views


@attrs.frozen
class ViewContent:
    """The rows of a view as their number and a hash."""

    rows: int
    hash: str
    """Hash of the rows, independent of their order."""


@attrs.frozen
class ViewDifference:
    """A view of the archive with other rows than the log implies."""

    view: str
    found: ViewContent
    """Content of the archive's view."""
    expected: ViewContent
    """Content of the view built from nothing."""


def check(
    root: Path,
    views: Sequence[str] | None = None,
    *,
    jobs: int = 1,
    report: ReportProgress = no_progress,
    definitions: Sequence[Definition] | None = None,
    limits: Limits = LIMITS,
) -> list[ViewDifference]:
    """Builds the views from nothing in a temporary folder and returns the views that differ.

    They are compared as of the last instant that the archive's views have read, so a crawler may
    append events meanwhile. A view is compared together with its siblings `_all` and `_versions`.
    """
    known = load_definitions() if definitions is None else tuple(definitions)
    wanted = with_dependencies(known, find_definitions(known, views))
    with contextlib.ExitStack() as stack:
        root = stack.enter_context(writable_archive(root.resolve()))
        stack.enter_context(views_lock(views_dir(root)))
        folder = stack.enter_context(temporary_views(views_dir(root)))
        _, script = build_views(
            root, folder / "parts", wanted, wanted, jobs=jobs, report=report, limits=limits
        )
        write_views(folder, script)
        with contextlib.closing(open_views(root)) as connection, sql_errors("views"):
            set_as_of_last(connection)
            attach_read_only(connection, folder / FILE, "rebuilt")
            names = _compared(connection, wanted)
            pairs = list(_pairs(connection, require_views(connection, names), report))
    return [ViewDifference(*pair) for pair in pairs if pair[1] != pair[2]]


def _pairs(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], report: ReportProgress
) -> Iterator[tuple[str, ViewContent, ViewContent]]:
    """Yields each view with its content in the archive and as it was rebuilt."""
    for count, name in enumerate(names, 1):
        found = view_content(connection, "hindlog", name)
        yield name, found, view_content(connection, "rebuilt", name)
        report("views compared", count, len(names))


def view_content(connection: duckdb.DuckDBPyConnection, database: str, name: str) -> ViewContent:
    """Returns the content of a view. The hash is comparable within one version of DuckDB only."""
    source, _, view = name.partition(".")
    rows = fetch_all(
        connection,
        f"FROM {identifier(database)}.{identifier(source)}.{identifier(view)} AS shown "
        "SELECT count(*), coalesce(sum(hash(shown)::HUGEINT), 0)::VARCHAR",
    )
    return ViewContent(int(rows[0][0]), str(rows[0][1]))


def count_misfits(root: Path, definitions: Sequence[Definition] | None = None) -> dict[str, int]:
    """Returns for each view the number of rows with values that do not fit their columns.

    Views without such rows are left out. `log.quarantine` counts the lines that no row shows.
    """
    known = load_definitions() if definitions is None else tuple(definitions)
    entities = [each.name for each in known if each.has_parts and each.source != LOG]
    with contextlib.closing(open_views(root)) as connection, sql_errors("views"):
        shown = set(list_view_names(connection))
        counts = {
            name: _count(connection, name, "WHERE len(_errors) > 0")
            for name in entities
            if name in shown
        }
        counts[QUARANTINE] = _count(connection, QUARANTINE) if QUARANTINE in shown else 0
    return {name: count for name, count in counts.items() if count}


def _count(connection: duckdb.DuckDBPyConnection, name: str, condition: str = "") -> int:
    source, _, view = name.partition(".")
    query = f"FROM {identifier(source)}.{identifier(view)} SELECT count(*) {condition}"
    return int(fetch_all(connection, query)[0][0])


def damaged_parts(root: Path) -> list[Corrupt]:
    """Returns an error for each file of the views that is missing or has a damaged footer."""
    folder = views_dir(root)
    names = sorted(files_of_views(folder))
    with contextlib.closing(connect()) as connection:
        with contextlib.suppress(Corrupt):
            _read_footers(connection, "views", [str(folder / name) for name in names])
            return []
        return [
            damage
            for name in names
            for damage in _footer_damage(connection, name, str(folder / name))
        ]


def _footer_damage(
    connection: duckdb.DuckDBPyConnection, name: str, path: str
) -> Iterator[Corrupt]:
    """Yields the error of a file that is missing or has a damaged footer."""
    try:
        _read_footers(connection, name, [path])
    except Corrupt as error:
        yield error


def _read_footers(connection: duckdb.DuckDBPyConnection, place: str, paths: Sequence[str]) -> None:
    """Reads the footers of files. Raises `Corrupt` if one is missing or damaged."""
    if paths:
        with sql_errors(place):
            fetch_all(connection, "FROM parquet_file_metadata(?) SELECT count(*)", [paths])


def _compared(
    connection: duckdb.DuckDBPyConnection, definitions: Sequence[Definition]
) -> list[str]:
    known = set(list_view_names(connection))
    siblings = ("", "_all", "_versions")
    names = [
        definition.name + suffix
        for definition in definitions
        for suffix in (siblings if definition.source != LOG else ("",))
    ]
    return [name for name in names if name in known]
