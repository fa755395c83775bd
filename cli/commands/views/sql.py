"""`sql` and `export`: what the views say, to people and to other tools."""

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from cli.options.arguments import parse_param
from cli.options.global_options import archive, global_options, print_message
from cli.options.time_options import resolve_as_of
from cli.output.emit import choose_output, emit, output_options


def _above_nothing(
    _ctx: click.Context, _param: click.Parameter, value: float | None
) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise click.BadParameter(f"expected a number of seconds above 0, found {value:g}")
    return value


@click.command(
    epilog="Example: hindlog sql --as-of '2 days ago' 'SELECT id, prompt FROM openrouter.models'",
    short_help="Read-only SQL over the views.",
)
@click.argument("query", required=False)
@click.option(
    "-f",
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read it.",
)
@click.option("--as-of", metavar="T", help="The state after every event up to T.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="Value of $K in the query.")
@click.option(
    "--timeout",
    type=float,
    callback=_above_nothing,
    metavar="S",
    help="Stop the query after S seconds.",
)
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
    from projector.query.select import run_query

    if query is not None and path is not None:
        raise click.UsageError("a query and --file: leave one of them out")
    given = dict(parse_param(each) for each in params)
    root = archive()
    if query is None and path is None and sys.stdin.isatty():
        _prompt(root, resolve_as_of(as_of), given, timeout)
        return
    text = query if query is not None else _text_of(path)
    result = run_query(root, text, as_of=resolve_as_of(as_of), params=given, timeout_s=timeout)
    emit(result.columns, result.rows, choose_output(fmt, as_json, output), result.types)


def _text_of(path: Path | None) -> str:
    """What a file, or stdin, holds. Raises `Invalid` where that is no text."""
    from eventlog.errors import Invalid

    data = path.read_bytes() if path else sys.stdin.buffer.read()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        place = path or "stdin"
        what = f"{place}: expected SQL in UTF-8, found byte 0x{data[error.start]:02x}"
        raise Invalid(f"{what} at offset {error.start}", "hindlog sql --help") from error


def _prompt(root: Path, begin: int | None, params: dict[str, str], timeout: float | None) -> None:
    from cli.commands.views.sql_prompt import run_prompt
    from projector.query.select import run_query

    def answer(
        text: str, as_of: int | None
    ) -> tuple[tuple[str, ...], Iterator[tuple[object, ...]]]:
        instant = begin if as_of is None else as_of
        result = run_query(root, text, as_of=instant, params=params, timeout_s=timeout)
        return result.columns, result.rows

    run_prompt(answer, root / "state" / "sql_history", resolve_as_of)


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
    from projector.query.export import export_views

    instant = resolve_as_of(as_of)
    report = export_views(archive(), views, to, as_of=instant, format=fmt, partition=partition)
    for each in report.views:
        print_message(f"{each.view}: {each.rows} rows in {len(each.files)} files under {to}")


COMMANDS = (sql, export)
