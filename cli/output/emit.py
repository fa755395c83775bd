"""Writes rows to stdout or to a file in the requested format."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
import click

from cli.options.global_options import Command, stdout_is_terminal, wants_color
from cli.output.formats import choose_format, write_rows
from cli.process.streams import name_stdout_errors
from eventlog.errors import Invalid

FORMATS = ("table", "json", "ndjson", "csv", "tsv", "markdown", "parquet")


@attrs.frozen
class OutputTarget:
    """Destination and format of rows; `path` None: stdout."""

    format: str
    path: Path | None


def output_options(command: Command) -> Command:
    """Adds `-F`, `--json` and `-o`: the command gets `fmt`, `as_json` and `output`."""
    for option in (
        click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to FILE."),
        click.option("--json", "as_json", is_flag=True, help="Short for --format json."),
        click.option("-F", "--format", "fmt", type=click.Choice(FORMATS), help="Output format."),
    ):
        command = option(command)
    return command


def choose_output(fmt: str | None, as_json: bool, output: Path | None) -> OutputTarget:
    """Returns destination and format for the output options. Raises `Invalid`."""
    if fmt == "parquet" or (fmt is None and output is not None and output.suffix == ".parquet"):
        if output is None:
            raise click.UsageError("--format parquet needs a file: -o FILE.parquet")
        return OutputTarget("parquet", output)
    place = output if output is None or str(output) != "-" else None
    return OutputTarget(choose_format(fmt, as_json, place, stdout_is_terminal()), place)


def emit(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    to: OutputTarget,
    types: Sequence[str] | None = None,
) -> None:
    """Writes rows. A file appears complete, by rename, or not at all.

    `types`: DuckDB's names of the column types, used only for Parquet.
    """
    if to.path is None:
        terminal = stdout_is_terminal()
        sys.stdout.flush()
        out = sys.stdout.buffer
        color = wants_color(terminal)
        with name_stdout_errors():
            write_rows(columns, rows, to.format, out, terminal=terminal, color=color)
        return
    with atomic_file(to.path) as temporary:
        if to.format == "parquet":
            from projector.query.parquet_rows import write_parquet

            write_parquet(columns, rows, temporary, types)
        else:
            with temporary.open("wb") as file:
                write_rows(columns, rows, to.format, file, terminal=False, color=False)


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
