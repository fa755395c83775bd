"""The program: its commands and their exit codes.

Commands are imported when they are used, and so is what runs and reports them. This keeps
`--help` and completion fast.
"""

import os
import sys
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

import click

from cli.command_table import LazyCommands, Program
from cli.options.global_options import global_options, open_addresses, options_of
from cli.process.signals import restore_signal_error
from cli.process.streams import (
    STDOUT,
    discard_stdout,
    name_stdout_error,
    name_stdout_errors,
    stdout_has_no_reader,
)

_NO_COMMAND = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""Raised by click 8.2 and later for a group without a command; its message is the help."""


@click.group(
    cls=Program,
    commands=LazyCommands(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: hindlog demo",
)
@click.version_option(package_name="hindlog", prog_name="hindlog")
@global_options
def cli() -> None:
    """Keeps every version of every entity an API ever returned, as plain files.

    Answers as of any past moment.
    """


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code. Errors are reported on stderr."""
    if "_HINDLOG_COMPLETE" in os.environ:
        from cli.options.completion import offer_for_params

        offer_for_params(cli, ())
        cli.main(arguments, prog_name="hindlog")
    try:
        # not cli.main(): it exits with 1 when the reader closes the pipe
        context = cli.make_context("hindlog", list(arguments))  # a copy: click empties the list
        open_addresses(context, _open_address)
        with context:
            result = _invoke(context)
        with name_stdout_errors():
            sys.stdout.flush()
    except BaseException as error:
        return _report_error(
            _without_working_directory(restore_signal_error(error)),
            "--json" in arguments,
            _log_format(arguments) == "json",
        )
    code = result if isinstance(result, int) else 0
    if code and _log_format(arguments) == "json":
        from cli.output.exit_codes import report_code

        report_code(code, sys.stderr)
    return code


def _open_address(address: str) -> Path:
    from cli.mirror.remote import open_address

    return open_address(address)


def _invoke(context: click.Context) -> object:
    """Runs the command of a context, with what a long one needs: progress, and absent files."""
    from cli.mirror.absent import mirrors_of
    from cli.output.progress.days import days_reporter
    from cli.output.progress.display import answering_sigusr1
    from eventlog.catalog.progress import reporting_days
    from eventlog.clock import now_us
    from eventlog.files.absent.mirror import reading_from_mirrors

    with (
        answering_sigusr1(now_us, partial(options_of, context)),
        reporting_days(days_reporter(now_us)),
        mirrors_of(context) as find,
        reading_from_mirrors(find),
    ):
        return cli.invoke(context)


def _log_format(arguments: list[str]) -> str:
    """Returns the value of --log-format, also if other arguments are invalid."""
    log_format = "text"
    for word, following in pairwise([*arguments, ""]):
        name, equals, value = word.partition("=")
        if name == "--log-format":
            log_format = value if equals else following
    return log_format


def _without_working_directory(error: BaseException) -> BaseException:
    """Returns an error about the deleted working directory if that is why a file is missing."""
    if isinstance(error, FileNotFoundError):
        try:
            Path.cwd()
        except FileNotFoundError:
            from eventlog.errors import LocalResource

            what = "the working directory was deleted"
            return LocalResource(what, "cd to another folder, or use absolute paths only")
    return error


def _may_be_of_stdout(error: OSError) -> bool:
    """Returns whether stdout may have failed; a closed pipe may be any other one of ours."""
    if isinstance(error, BrokenPipeError) and error.filename is None and stdout_has_no_reader():
        name_stdout_error(error)
    if isinstance(error, BrokenPipeError):
        return bool(error.filename == STDOUT)
    return error.filename in (None, STDOUT)


def _report_error(error: BaseException, as_json: bool, only_json: bool) -> int:
    """Reports the error that ended a command; returns the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    from cli.output.exit_codes import exit_code, report, report_code

    if isinstance(error, _NO_COMMAND) and only_json:
        report_code(exit_code(error), sys.stderr)
        return exit_code(error)
    if isinstance(error, _NO_COMMAND):
        sys.stderr.write(f"{error.format_message()}\n")
        return exit_code(error)
    if isinstance(error, OSError) and _may_be_of_stdout(error):
        discard_stdout()
    with suppress(BrokenPipeError):  # the reader of stderr may be gone, too
        report(error, as_json, sys.stderr, only_json=only_json)
    return exit_code(error)
