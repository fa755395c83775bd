"""The program: its commands, its exit codes, and how it ends.

Command modules import what is heavy inside their functions, so that `--help` and
completion answer at once.
"""

import os
import sys
from collections.abc import Sequence

import click

from cli import (
    archive,
    check,
    demo,
    entity,
    events,
    feed,
    fetch,
    fetch_import,
    queue,
    segment,
    setup,
    simulate,
    status,
    tail,
    view,
)
from cli.errors import exit_code, report
from cli.options import global_options


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: hindlog demo",
)
@click.version_option(package_name="hindlog", prog_name="hindlog")
@global_options
def cli() -> None:
    """Keeps every version of every entity an API ever returned, as plain files.

    Answers as of any past moment.
    """


for command in (*fetch_import.COMMANDS, *queue.COMMANDS):
    fetch.fetch.add_command(command)
for command in (
    *archive.COMMANDS,
    *tail.COMMANDS,
    *events.COMMANDS,
    *fetch.COMMANDS,
    *entity.COMMANDS,
    *feed.COMMANDS,
    *view.COMMANDS,
    *segment.COMMANDS,
    *check.COMMANDS,
    *simulate.COMMANDS,
    *status.COMMANDS,
    *setup.COMMANDS,
    *demo.COMMANDS,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and end the process with its exit code."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run one command; its exit code. Errors are told on stderr."""
    if "_HINDLOG_COMPLETE" in os.environ:
        cli.main(arguments, prog_name="hindlog")
    try:
        # not cli.main(): click ends with 1 when the reader closes the pipe
        with cli.make_context("hindlog", arguments) as ctx:
            result = cli.invoke(ctx)
        sys.stdout.flush()
    except BaseException as error:
        return _ended(error, "--json" in arguments)
    return result if isinstance(result, int) else 0


def _ended(error: BaseException, as_json: bool) -> int:
    if isinstance(error, BrokenPipeError):
        # The reader has enough: leave quietly, and keep Python from flushing into the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, RuntimeError) and str(error) == "Query interrupted":
        error = KeyboardInterrupt()  # Ctrl-C, as DuckDB tells it
    report(error, as_json, sys.stderr)
    return exit_code(error)


if __name__ == "__main__":
    main()
