"""`view`: the views that SQL reads, made from the log."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options.global_options import archive, global_options, message_printer, print_message
from cli.options.time_options import resolve_as_of
from cli.output.emit import choose_output, emit, output_options
from cli.process.signals import Terminated, record_signals

if TYPE_CHECKING:
    from projector.update.update import UpdateReport


@click.group(short_help="The views: list, update, rebuild, check.")
@global_options
def view() -> None:
    """The views that SQL reads. They are made from the log and may be deleted."""


@view.command(epilog="Example: hindlog view update")
@click.argument("views", nargs=-1)
@click.option("-f", "--follow", "following", is_flag=True, help="Keep up with the log.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64))
@global_options
def update(views: tuple[str, ...], following: bool, jobs: int) -> int:
    """Project new segments; nothing that is there already is made again.

    With --follow until Ctrl-C or SIGTERM, a second or two behind the log.
    """
    from projector.update.follow import follow
    from projector.update.update import update as project

    if following:
        stop = record_signals()
        follow(
            archive(), views or None, stopped=stop.is_requested, jobs=jobs, on_update=_tell_update
        )
        return stop.code()
    try:
        report = project(archive(), views or None, jobs=jobs, report=message_printer())
    except Terminated:  # what was under way is taken back by now
        print_message("stopped; what is published stays, and the next update goes on")
        return 0
    _tell_update(report)
    return 3 if report.failed else 0


def _tell_update(report: "UpdateReport") -> None:
    for each in report.failed:
        print_message(f"left out: {each}")
    for each in report.quarantined:
        print_message(f"in quarantine: {each}")
    print_message(
        f"{report.segments} segments read, {report.parts} parts with {report.rows} rows written"
    )


@view.command(epilog="Example: hindlog view show openrouter.models")
@click.argument("name")
@output_options
@global_options
def show(name: str, fmt: str | None, as_json: bool, output: Path | None) -> None:
    """The columns of the view NAME, and what it means."""
    from eventlog.errors import NotFound
    from projector.query.view_info import list_views

    found = next((each for each in list_views(archive()) if each.name == name), None)
    if found is None:
        raise NotFound(f"{name}: no such view", "hindlog view list")
    print_message(f"{found.summary}; {found.rows} rows up to {_told(found.last_instant)}")
    emit(("column", "type"), found.columns, choose_output(fmt, as_json, output))


@view.command("list", epilog="Example: hindlog view list")
@output_options
@global_options
def list_(fmt: str | None, as_json: bool, output: Path | None) -> None:
    """The views there are."""
    from projector.query.view_info import list_views

    found = list_views(archive())
    columns = ("view", "rows", "position", "definition", "columns", "about")
    rows = [
        (v.name, v.rows, _told(v.last_instant), v.definition, len(v.columns), v.summary)
        for v in found
    ]
    emit(columns, rows, choose_output(fmt, as_json, output))


@view.command(
    epilog="Example: hindlog view rebuild openrouter.models --as-of 2026-10 --to m.parquet"
)
@click.argument("views", nargs=-1)
@click.option("--as-of", metavar="T", help="The state after every event up to T.")
@click.option("--to", type=click.Path(path_type=Path), help="Write to this .parquet or .duckdb.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64))
@global_options
def rebuild(views: tuple[str, ...], as_of: str | None, to: Path | None, jobs: int) -> int:
    """Replay the log from nothing, beside what is there, then swap."""
    from projector.update.rebuild import rebuild as replay

    instant = resolve_as_of(as_of)
    report = replay(
        archive(), views or None, as_of=instant, to=to, jobs=jobs, report=message_printer()
    )
    for each in report.update.failed:
        print_message(f"left out: {each}")
    for name, rows in report.rows:
        print_message(f"{name}: {rows} rows{f' in {to}' if to else ''}")
    return 3 if report.update.failed else 0


@view.command(epilog="Example: hindlog view check")
@click.argument("views", nargs=-1)
@global_options
def check(views: tuple[str, ...]) -> int:
    """Rebuild aside and compare content hashes; exit 4 where they differ."""
    from projector.update.check import check as compare

    differences = compare(archive(), views or None)
    for each in differences:
        found, expected = each.found, each.expected
        sys.stdout.write(
            f"{each.view}: expected {expected.rows} rows with hash {expected.hash}, "
            f"found {found.rows} with {found.hash}\n"
        )
    print_message(f"{len(differences)} views differ from what the log says")
    return 4 if differences else 0


@view.command(epilog="Example: hindlog view diff openrouter.models --definition models.sql")
@click.argument("name")
@click.option(
    "--definition",
    "path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A projection as a .sql file, as those in projector/projections.",
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64))
@output_options
@global_options
def diff(
    name: str, path: Path, jobs: int, fmt: str | None, as_json: bool, output: Path | None
) -> int:
    """What another definition of the view NAME would change; exit 4 if anything.

    Every version of all of history, value by value, with the event behind each. The
    archive's views stay as they are.
    """
    from cli.options.times import format_time
    from projector.update.compare_definition import compare

    found = compare(archive(), name, path.read_text(), jobs=jobs, report=message_printer())
    for word, columns in (("new", found.added_columns), ("no longer", found.removed_columns)):
        for each in columns:
            print_message(f"{word} there: column {each}")
    header = ("change", "id", "valid_from", "column", "old", "new", "segment", "seq")
    rows = [
        (d.change, d.id, format_time(d.valid_from), d.column, d.old, d.new, d.segment, d.seq)
        for d in found.differences
    ]
    emit(header, rows, choose_output(fmt, as_json, output))
    print_message(f"{len(rows)} differences")
    return 0 if found.is_same else 4


def _told(position: int | None) -> str | None:
    from cli.options.times import format_time

    return None if position is None else format_time(position)


COMMANDS = (view,)
