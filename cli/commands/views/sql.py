"""`sql` and `export`: query the views, or write them to files."""

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from cli.options.arguments import parse_param, read_sql
from cli.options.global_options import archive, global_options, print_message
from cli.options.time_options import resolve_as_of
from cli.output.counts import count_of
from cli.output.emit import choose_output, emit, output_options
from cli.output.views_behind import say_if_behind


def _check_positive(
    _ctx: click.Context, _param: click.Parameter, value: float | None
) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise click.BadParameter(f"expected a number of seconds above 0, found {value:g}")
    return value


@click.command(
    epilog="Example: hindlog sql --as-of '2 days ago' 'SELECT id, prompt FROM openrouter.models'",
    short_help="Runs a read-only SQL query over the views.",
)
@click.argument("query", required=False)
@click.option(
    "-f",
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the query from this file.",
)
@click.option("--as-of", metavar="T", help="The state after every event up to T.")
@click.option("--param", "params", multiple=True, metavar="K=V", help="Value of $K in the query.")
@click.option(
    "--timeout",
    type=float,
    callback=_check_positive,
    metavar="S",
    help="Stop the query after S seconds.",
)
@click.option(
    "--open",
    "in_duckdb",
    is_flag=True,
    help="Start the program duckdb on the views, read-only, as of --as-of.",
)
@output_options
@global_options
def sql(
    query: str | None,
    path: Path | None,
    in_duckdb: bool,
    as_of: str | None,
    params: tuple[str, ...],
    timeout: float | None,
    fmt: str | None,
    as_json: bool,
    output: Path | None,
) -> None:
    """Runs one SELECT over the views, as of now or of any past instant.

    Without QUERY and -f the query is read from stdin; on a terminal a prompt opens.
    """
    if in_duckdb:
        _open_in_duckdb(query, path, params, timeout, as_of)
        return
    from projector.query.select import run_query

    if query is not None and path is not None:
        raise click.UsageError("QUERY and --file exclude each other")
    param_values = dict(map(parse_param, params))
    root = archive()
    if query is None and path is None and sys.stdin.isatty():
        say_if_behind(root)
        _open_prompt(root, resolve_as_of(as_of), param_values, timeout)
        return
    text = query if query is not None else read_sql(path)
    instant = resolve_as_of(as_of)
    say_if_behind(root, instant)
    result = run_query(root, text, as_of=instant, params=param_values, timeout_s=timeout)
    emit(
        result.columns, result.rows, choose_output(fmt, as_json, output), result.types, is_data=True
    )


def _open_in_duckdb(
    query: str | None,
    path: Path | None,
    params: tuple[str, ...],
    timeout: float | None,
    as_of: str | None,
) -> None:
    from cli.commands.views.interactive.duckdb_program import run_duckdb

    if query is not None or path is not None or params or timeout is not None:
        raise click.UsageError("--open excludes QUERY, --file, --param and --timeout")
    run_duckdb(archive(), resolve_as_of(as_of))


def _open_prompt(
    root: Path, begin: int | None, params: dict[str, str], timeout: float | None
) -> None:
    from cli.commands.views.interactive.line_editor import statement_reader
    from cli.commands.views.interactive.sql_prompt import completions, history_file, run_prompt
    from projector.query.select import run_query

    def ask(text: str, as_of: int | None) -> tuple[tuple[str, ...], Iterator[tuple[object, ...]]]:
        # DuckDB refuses values that a query does not name
        known = {name: value for name, value in params.items() if f"${name}" in text}
        result = run_query(root, text, as_of=as_of, params=known, timeout_s=timeout)
        return result.columns, result.rows

    history = history_file(os.environ, Path.home())
    run_prompt(ask, statement_reader(history, lambda: completions(ask)), resolve_as_of, begin)


@click.command(
    epilog="Example: hindlog export openrouter.models --to prices --as-of 2026-10-01",
    short_help="Writes views to Parquet, NDJSON or CSV files.",
)
@click.argument("views", nargs=-1)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Write every view: X_all, X_versions, X_changes and those of the log, too.",
)
@click.option(
    "--to", required=True, type=click.Path(path_type=Path), help="A folder that does not exist yet."
)
@click.option("--as-of", metavar="T", help="The state after every event up to T.")
@click.option(
    "--partition",
    multiple=True,
    metavar="COLUMN",
    help="Write a subfolder per value of this column.",
)
@click.option(
    "--format",
    "fmt",
    type=click.Choice(("parquet", "ndjson", "csv")),
    default="parquet",
    show_default=True,
)
@global_options
def export(
    views: tuple[str, ...],
    everything: bool,
    to: Path,
    as_of: str | None,
    partition: tuple[str, ...],
    fmt: str,
) -> None:
    """Writes VIEWS to files, with a manifest; the folder appears atomically.

    VIEWS are names or patterns: openrouter.models_versions, 'civitai.*_changes', 'log.*'. Without
    any, the views of all sources are written, without X_all, X_versions and X_changes. Each view
    must have the columns of --partition. Parquet files contain their view, its position and
    the meaning of each column as metadata.
    """
    if views and everything:
        raise click.UsageError("VIEWS and --all exclude each other")
    from cli.output.progress.display import progress
    from eventlog.clock import now_us
    from projector.query.exports.export import export_views

    root, instant = archive(), resolve_as_of(as_of)
    say_if_behind(root, instant)
    chosen = ("*",) if everything else views
    with progress(now_us) as show:
        report = export_views(
            root, chosen, to, as_of=instant, format=fmt, partition=partition, report=show
        )
    for exported in report.views:
        rows, files = count_of(exported.rows, "row"), count_of(len(exported.files), "file")
        print_message(f"{exported.view}: {rows} in {files} under {to}")


COMMANDS = (sql, export)
