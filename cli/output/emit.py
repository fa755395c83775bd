"""Writes rows to stdout or to a file in the requested format."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click

from cli.options.global_options import Command, print_message, stdout_is_terminal, wants_color
from cli.output.formats import Shown, choose_format, write_rows
from cli.process.streams import name_stdout_errors
from eventlog.clock import now_us
from eventlog.errors import Invalid

FORMATS = ("table", "json", "ndjson", "csv", "tsv", "markdown", "parquet")
_KEY = "hindlog.output."


@attrs.frozen
class OutputTarget:
    """Destination and format of rows; `path` None: stdout."""

    format: str
    path: Path | None
    null: str | None = None
    """Text for null, where the format has none."""
    is_exact: bool = False
    """Whether a table on a terminal shows whole times and hashes, and empty columns."""


def output_options(command: Command) -> Command:
    """Adds `-F`, `--json` and `-o`: the command gets `fmt`, `as_json` and `output`.

    Also adds `--null` and `--exact`, which `choose_output` reads.
    """
    for option in (
        click.option(
            "--exact",
            is_flag=True,
            expose_value=False,
            callback=_store,
            help="On a terminal, show whole times and hashes, and all columns.",
        ),
        click.option(
            "--null",
            metavar="TEXT",
            expose_value=False,
            callback=_store,
            help="Text for NULL in a table, CSV, TSV and Markdown.",
        ),
        click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to FILE."),
        click.option("--json", "as_json", is_flag=True, help="Short for --format json."),
        click.option("-F", "--format", "fmt", type=click.Choice(FORMATS), help="Output format."),
    ):
        command = option(command)
    return command


def _store(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    ctx.meta[_KEY + str(param.name)] = value
    return value


def choose_output(fmt: str | None, as_json: bool, output: Path | None) -> OutputTarget:
    """Returns destination and format for the output options. Raises `Invalid`."""
    if fmt == "parquet" or (fmt is None and output is not None and output.suffix == ".parquet"):
        if output is None:
            raise click.UsageError("--format parquet needs a file: -o FILE.parquet")
        return OutputTarget("parquet", output)
    place = output if output is None or str(output) != "-" else None
    context = click.get_current_context(silent=True)
    meta = context.meta if context else {}
    return OutputTarget(
        choose_format(fmt, as_json, place, stdout_is_terminal()),
        place,
        meta.get(_KEY + "null"),
        bool(meta.get(_KEY + "exact")),
    )


def prints_for_people(fmt: str | None, as_json: bool, output: Path | None) -> bool:
    """Returns whether no format and no file is named and stdout is a terminal."""
    return fmt is None and not as_json and output is None and stdout_is_terminal()


def emit(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    to: OutputTarget,
    types: Sequence[str] | None = None,
    *,
    optional: Sequence[str] = (),
    is_data: bool = False,
) -> None:
    """Writes rows. A file appears complete, by rename, or not at all.

    `types`: DuckDB's names of the column types, used only for Parquet. `optional`: columns that a
    table on a terminal may leave out to fit, the least important first. `is_data`: rows of the
    archive, in which an empty column and each digit of a time say something; they are always exact.
    """
    if to.path is None:
        terminal = stdout_is_terminal()
        sys.stdout.flush()
        out = sys.stdout.buffer
        shown = Shown(
            wants_color(terminal),
            _null_text(to, is_data),
            None if is_data or to.is_exact else now_us(),
            () if to.is_exact else optional,
            _print_left_out,
        )
        with name_stdout_errors():
            write_rows(columns, rows, to.format, out, terminal=terminal, shown=shown)
        return
    with atomic_file(to.path) as temporary:
        if to.format == "parquet":
            from projector.query.parquet_rows import write_parquet

            write_parquet(columns, rows, temporary, types)
        else:
            shown = Shown(null=_null_text(to, is_data))
            with temporary.open("wb") as file:
                write_rows(columns, rows, to.format, file, terminal=False, shown=shown)


def _null_text(to: OutputTarget, is_data: bool) -> str | None:
    """Returns the text for null; in a table of data, an empty cell is the empty text."""
    if to.null is None and to.format == "table":
        return "NULL" if is_data else "-"
    return to.null


def _print_left_out(names: Sequence[str]) -> None:
    options = [name for param in click.get_current_context().command.params for name in param.opts]
    how = "--exact shows them" if "--exact" in options else "a pipe gets them"
    print_message(f"left out to fit the terminal: {', '.join(names)} ({how})")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path; renames it to `path` if the block succeeds.

    Raises `Invalid` if the parent folder does not exist or `path` is a folder.
    """
    if not path.parent.is_dir():
        raise Invalid(f"{path}: the folder {path.parent} does not exist", f"mkdir -p {path.parent}")
    if path.is_dir():
        raise Invalid(f"{path}: expected the name of a file, found a folder")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)
