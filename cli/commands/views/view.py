"""`view`: lists, updates, rebuilds and checks the views that SQL reads."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.config.listings import nearest
from cli.options.arguments import read_sql
from cli.options.global_options import archive, global_options, print_message
from cli.options.time_options import resolve_as_of
from cli.output.counts import count_of
from cli.output.emit import choose_output, emit, output_options
from cli.process.signals import Terminated

if TYPE_CHECKING:
    from projector.update.update import UpdateReport


@click.group(
    short_help="The views: list, show, update, rebuild, check, diff.",
    epilog="Example: hindlog view list",
)
@global_options
def view() -> None:
    """The views that SQL reads. They are built from the log and may be deleted at any time."""


@view.command(epilog="Example: hindlog view update")
@click.argument("views", nargs=-1)
@click.option("-f", "--follow", "following", is_flag=True, help="Keep the views up to date.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64))
@click.option(
    "--engine",
    default="local",
    show_default=True,
    metavar="ADDRESS",
    help="Where parts are built and versions are compared: local, dask://HOST:PORT, "
    "dask+tls://HOST:PORT.",
)
@global_options
def update(views: tuple[str, ...], following: bool, jobs: int, engine: str) -> int:
    """Updates the views from segments that no part covers yet.

    With --follow it continues until Ctrl-C or SIGTERM; the views then lag the log by a second
    or two, or by half a minute if a program copied segments of past days. A signal ends both
    at once, with 130 or 143. Exits with 3 if something was left out.
    """
    from projector.update.last_update import is_up_to_date

    root = archive()
    if not following and is_up_to_date(root, views or None):
        _print_counts(0, 0, 0)
        return 0
    from cli.cluster.engines import open_engine
    from cli.output.progress.display import progress
    from eventlog.clock import now_us
    from projector.update.follow import follow_log
    from projector.update.update import update as update_views

    try:
        with open_engine(engine, root) as where, progress(now_us) as show:
            names = views or None
            if following:
                follow_log(
                    root, names, jobs=jobs, report=show, engine=where, on_update=_print_report
                )
                return 0
            report = update_views(root, names, jobs=jobs, report=show, engine=where)
    except (KeyboardInterrupt, Terminated):  # the update has discarded its unpublished parts
        print_message("stopped; published parts are kept, and the next update continues")
        raise
    _print_report(report)
    return 3 if report.failed else 0


def _print_report(report: "UpdateReport") -> None:
    for message in report.failed:
        print_message(f"left out: {message}")
    for message in report.quarantined:
        print_message(f"in quarantine: {message}")
    _print_counts(report.segments, report.parts, report.rows)


def _print_counts(segments: int, parts: int, rows: int) -> None:
    print_message(
        f"{count_of(parts, 'part')} with {count_of(rows, 'row')} written, "
        f"from {count_of(segments, 'sealed segment')} and the open ones"
    )


@view.command(epilog="Example: hindlog view show openrouter.models")
@click.argument("name")
@output_options
@global_options
def show(name: str, fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Prints the columns of the view NAME with their meanings, and its own on stderr."""
    from eventlog.errors import NotFound
    from projector.query.view_info import list_views

    views = {known.name: known for known in list_views(archive())}
    if name not in views:
        close = f"; the nearest known one is {nearest(name, views)}" if views else ""
        raise NotFound(f"{name}: no such view{close}", "hindlog view list")
    info = views[name]
    print_message(
        f"{info.summary}; {count_of(info.rows, 'row')} up to {_format_position(info.last_instant)}"
    )
    emit(("column", "type", "meaning"), info.columns, choose_output(fmt, as_json, output))


_OPTIONAL = ("definition", "columns", "about", "position")
"""Columns of `view list` that a narrow terminal leaves out, in this order."""


@view.command("list", epilog="Example: hindlog view list")
@output_options
@global_options
def list_(fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Lists the views, with the instant up to which each is built."""
    from projector.query.view_info import list_views

    views = list_views(archive())
    columns = ("view", "rows", "position", "definition", "columns", "about")
    rows = [
        (v.name, v.rows, _format_position(v.last_instant), v.definition, len(v.columns), v.summary)
        for v in views
    ]
    emit(columns, rows, choose_output(fmt, as_json, output), optional=_OPTIONAL)


@view.command(
    epilog="Example: hindlog view rebuild openrouter.models --as-of 2026-10 --to m.parquet"
)
@click.argument("views", nargs=-1)
@click.option("--as-of", metavar="T", help="The state after every event up to T.")
@click.option(
    "--to", type=click.Path(path_type=Path), help="Write the view to this .parquet or .duckdb file."
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64))
@global_options
def rebuild(views: tuple[str, ...], as_of: str | None, to: Path | None, jobs: int) -> int:
    """Builds the views from the complete log, next to the existing ones, then replaces those.

    With --to writes one view to a file instead. Exits with 3 if something was left out.
    """
    from cli.output.progress.display import progress
    from eventlog.clock import now_us
    from projector.update.rebuild import rebuild_views

    instant = resolve_as_of(as_of)
    with progress(now_us) as show:
        report = rebuild_views(
            archive(), views or None, as_of=instant, to=to, jobs=jobs, report=show
        )
    for message in report.update.failed:
        print_message(f"left out: {message}")
    for name, rows in report.rows:
        print_message(f"{name}: {count_of(rows, 'row')}{f' in {to}' if to else ''}")
    return 3 if report.update.failed else 0


@view.command(epilog="Example: hindlog view check")
@click.argument("views", nargs=-1)
@global_options
def check(views: tuple[str, ...]) -> int:
    """Compares the views with a full rebuild in a separate place; exits with 4 if they differ."""
    from cli.output.progress.display import progress
    from eventlog.clock import now_us
    from projector.update.check import check as compare_with_rebuild

    with progress(now_us) as show:
        differences = compare_with_rebuild(archive(), views or None, report=show)
    for difference in differences:
        actual, expected = difference.found, difference.expected
        sys.stdout.write(
            f"{difference.view}: expected {expected.rows} rows with hash {expected.hash}, "
            f"found {actual.rows} with {actual.hash}\n"
        )
    print_message(f"{len(differences)} views differ from a full rebuild")
    return 4 if differences else 0


@view.command(epilog="Example: hindlog view diff openrouter.models --definition models.sql")
@click.argument("name")
@click.option(
    "--definition",
    "path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A definition (.sql file) like those in projector/projections.",
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64))
@output_options
@global_options
def diff(
    name: str, path: Path, jobs: int, fmt: str | None, as_json: bool, output: Path | None
) -> int:
    """Prints what another definition of the view NAME would change; exits with 4 if anything.

    Compares every version over all of history, value by value, and names the event that each
    row comes from. The views of the archive do not change.
    """
    from cli.options.times import format_time
    from cli.output.progress.display import progress
    from eventlog.clock import now_us
    from projector.update.compare_definition import compare

    with progress(now_us) as show:
        comparison = compare(archive(), name, read_sql(path), jobs=jobs, report=show)
    for column in comparison.added_columns:
        print_message(f"column added: {column}")
    for column in comparison.removed_columns:
        print_message(f"column removed: {column}")
    header = ("change", "id", "valid_from", "column", "old", "new", "segment", "seq")
    rows = [
        (d.change, d.id, format_time(d.valid_from), d.column, d.old, d.new, d.segment, d.seq)
        for d in comparison.differences
    ]
    emit(header, rows, choose_output(fmt, as_json, output), is_data=True)
    print_message(f"{len(rows)} differences")
    return 0 if comparison.is_same else 4


def _format_position(position: int | None) -> str | None:
    from cli.options.times import format_time

    return None if position is None else format_time(position)


COMMANDS = (view,)
