"""`view`, `sql` and `export`: what the log says, now and as of any instant."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import archive, global_options, say, teller
from cli.output import chosen, emit, output_options

if TYPE_CHECKING:
    from projector.update import UpdateReport


def instant_of(text: str | None) -> int | None:
    """An as-of, echoed as it was understood."""
    from cli.times import format_time, parse_as_of
    from eventlog.clock import now_us

    if text is None:
        return None
    instant = parse_as_of(text, now_us())
    say(f"as of {format_time(instant)}")
    return instant


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
    from projector.follow import follow
    from projector.update import update as project

    if following:
        from cli.signals import stop_flag

        stopped = stop_flag()
        follow(archive(), views or None, stopped=stopped, jobs=jobs, done=_tell_update)
        return 0
    report = project(archive(), views or None, jobs=jobs, report=teller())
    _tell_update(report)
    return 3 if report.failed else 0


def _tell_update(report: "UpdateReport") -> None:
    for each in report.failed:
        say(f"left out: {each}")
    for each in report.quarantined:
        say(f"in quarantine: {each}")
    say(f"{report.segments} segments read, {report.parts} parts with {report.rows} rows written")


@view.command(epilog="Example: hindlog view show openrouter.models")
@click.argument("name")
@output_options
@global_options
def show(name: str, fmt: str | None, as_json: bool, output: Path | None) -> None:
    """The columns of the view NAME, and what it means."""
    from eventlog.errors import NotFound
    from projector.checks import list_views

    found = next((each for each in list_views(archive()) if each.name == name), None)
    if found is None:
        raise NotFound(f"{name}: no such view", "hindlog view list")
    say(f"{found.about}; {found.rows} rows up to {_told(found.position)}")
    emit(("column", "type"), found.columns, chosen(fmt, as_json, output))


@view.command("list", epilog="Example: hindlog view list")
@output_options
@global_options
def list_(fmt: str | None, as_json: bool, output: Path | None) -> None:
    """The views there are."""
    from projector.checks import list_views

    found = list_views(archive())
    columns = ("view", "rows", "position", "definition", "columns", "about")
    rows = [
        (v.name, v.rows, _told(v.position), v.definition, len(v.columns), v.about) for v in found
    ]
    emit(columns, rows, chosen(fmt, as_json, output))


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
    from projector.rebuild import rebuild as replay

    instant = instant_of(as_of)
    report = replay(archive(), views or None, as_of=instant, to=to, jobs=jobs, report=teller())
    for each in report.done.failed:
        say(f"left out: {each}")
    for name, rows in report.rows:
        say(f"{name}: {rows} rows{f' in {to}' if to else ''}")
    return 3 if report.done.failed else 0


@view.command(epilog="Example: hindlog view check")
@click.argument("views", nargs=-1)
@global_options
def check(views: tuple[str, ...]) -> int:
    """Rebuild aside and compare content hashes; exit 4 where they differ."""
    from projector.checks import check as compare

    differences = compare(archive(), views or None)
    for each in differences:
        found, expected = each.found, each.expected
        sys.stdout.write(
            f"{each.view}: expected {expected.rows} rows with hash {expected.hash}, "
            f"found {found.rows} with {found.hash}\n"
        )
    say(f"{len(differences)} views differ from what the log says")
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
    from cli.times import format_time
    from projector.compare import compare

    found = compare(archive(), name, path.read_text(), jobs=jobs, report=teller())
    for word, columns in (("new", found.added_columns), ("no longer", found.removed_columns)):
        for each in columns:
            say(f"{word} there: column {each}")
    header = ("change", "id", "valid_from", "column", "old", "new", "segment", "seq")
    rows = [
        (d.change, d.id, format_time(d.valid_from), d.column, d.old, d.new, d.segment, d.seq)
        for d in found.differences
    ]
    emit(header, rows, chosen(fmt, as_json, output))
    say(f"{len(rows)} differences")
    return 0 if found.is_same else 4


def _told(position: int | None) -> str | None:
    from cli.times import format_time

    return None if position is None else format_time(position)


@click.command(
    epilog="Example: hindlog sql --as-of '2 days ago' 'SELECT id, prompt FROM openrouter.models'",
    short_help="Read-only SQL over the views.",
)
@click.argument("query", required=False)
@click.option("-f", "--file", "path", type=click.Path(exists=True, path_type=Path))
@click.option("--as-of", metavar="T", help="The state after every event up to T.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="Value of $K in the query.")
@click.option("--timeout", type=float, metavar="S", help="Stop the query after S seconds.")
@output_options
@global_options
def sql(
    query: str | None,
    path: Path | None,
    as_of: str | None,
    params: tuple[str, ...],
    timeout: float | None,
    fmt: str | None,
    as_json: bool,
    output: Path | None,
) -> None:
    """One SELECT over the views, as of now or of any past instant.

    Without QUERY and -f it is read from stdin; on a terminal there is a prompt.
    """
    from projector.sql import query as ask

    if query is not None and path is not None:
        raise click.UsageError("a query and --file: leave one of them out")
    given = dict(param_of(each) for each in params)
    root = archive()
    if query is None and path is None and sys.stdin.isatty():
        _prompt(root, instant_of(as_of), given, timeout)
        return
    text = query if query is not None else path.read_text() if path else sys.stdin.read()
    result = ask(root, text, as_of=instant_of(as_of), params=given, timeout_s=timeout)
    emit(result.columns, result.rows, chosen(fmt, as_json, output), result.types)


def _prompt(root: Path, begin: int | None, params: dict[str, str], timeout: float | None) -> None:
    from cli.prompt import run_prompt
    from projector.sql import query as ask

    def answer(
        text: str, as_of: int | None
    ) -> tuple[tuple[str, ...], Iterator[tuple[object, ...]]]:
        instant = begin if as_of is None else as_of
        result = ask(root, text, as_of=instant, params=params, timeout_s=timeout)
        return result.columns, result.rows

    run_prompt(answer, root / "state" / "sql_history", instant_of)


def param_of(text: str) -> tuple[str, str]:
    """Name and value of `name=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.BadParameter(f"expected name=value, found {text!r}", param_hint="--param")
    return name, value


@click.command(
    epilog="Example: hindlog export openrouter.models --to prices --as-of 2026-10-01",
    short_help="Views as Parquet, NDJSON or CSV files.",
)
@click.argument("views", nargs=-1)
@click.option("--to", required=True, type=click.Path(path_type=Path), help="A new folder.")
@click.option("--as-of", metavar="T", help="The state after every event up to T.")
@click.option("--partition", multiple=True, metavar="COLUMN", help="A folder per value.")
@click.option(
    "--format",
    "fmt",
    type=click.Choice(("parquet", "ndjson", "csv")),
    default="parquet",
    show_default=True,
)
@global_options
def export(
    views: tuple[str, ...], to: Path, as_of: str | None, partition: tuple[str, ...], fmt: str
) -> None:
    """Write VIEWS (default: all) to files, all at once, with a manifest."""
    from projector.export import export as write

    instant = instant_of(as_of)
    report = write(archive(), views, to, as_of=instant, format=fmt, partition=partition)
    for each in report.views:
        say(f"{each.view}: {each.rows} rows in {len(each.files)} files under {to}")


COMMANDS = (view, sql, export)
