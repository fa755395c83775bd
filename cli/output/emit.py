"""Output: rows to stdout or a file, in the format that was asked for."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from cli.options.global_options import stdout_is_terminal, wants_color
from cli.output.formats import choose_format, write_rows
from cli.process.streams import naming_stdout
from eventlog.errors import Invalid

Command = TypeVar("Command", bound=Callable[..., Any])

FORMATS = ("table", "json", "ndjson", "csv", "tsv", "markdown", "parquet")


@attrs.frozen
class Output:
    """Where rows go, and how."""

    format: str
    path: Path | None


def output_options(command: Command) -> Command:
    """Add `-F`, `--json` and `-o`; the command takes `fmt`, `as_json` and `output`."""
    for option in (
        click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to FILE."),
        click.option("--json", "as_json", is_flag=True, help="Short for --format json."),
        click.option("-F", "--format", "fmt", type=click.Choice(FORMATS), help="Form of the rows."),
    ):
        command = option(command)
    return command


def chosen(fmt: str | None, as_json: bool, output: Path | None) -> Output:
    """What the output options mean here. Raises `Invalid`."""
    if fmt == "parquet" or (fmt is None and output is not None and output.suffix == ".parquet"):
        if output is None:
            raise click.UsageError("--format parquet needs a file: -o FILE.parquet")
        return Output("parquet", output)
    place = output if output is None or str(output) != "-" else None
    return Output(choose_format(fmt, as_json, place, stdout_is_terminal()), place)


def emit(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    to: Output,
    types: Sequence[str] | None = None,
) -> None:
    """Write rows. A file appears whole, by rename, or not at all.

    `types` are DuckDB's names of the columns' types; only Parquet asks for them.
    """
    if to.path is None:
        terminal = stdout_is_terminal()
        sys.stdout.flush()
        out = sys.stdout.buffer
        color = wants_color(terminal)
        with naming_stdout():
            write_rows(columns, rows, to.format, out, terminal=terminal, color=color)
        return
    with whole(to.path) as temporary:
        if to.format == "parquet":
            from projector.query.parquet_rows import write_parquet

            write_parquet(columns, rows, temporary, types)
        else:
            with temporary.open("wb") as file:
                write_rows(columns, rows, to.format, file, terminal=False, color=False)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside to write to; the file appears by rename when that went well.

    Raises `Invalid` where there is no such folder, or a folder of that name.
    """
    if not path.parent.is_dir():
        raise Invalid(f"{path}: there is no folder {path.parent}", f"mkdir -p {path.parent}")
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
