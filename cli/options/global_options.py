"""Global options: accepted by every command, before or after its name.

Their values are stored in click's root context. `current_options()` reads them there, so
no object needs to be passed through the commands.
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from cli.options.details import show_details

if TYPE_CHECKING:
    from cli.config.settings import Config
from cli.process.streams import write_stderr

Command = TypeVar("Command", bound=Callable[..., Any])

_KEY = "hindlog."
_OPENER, _OPENED = "hindlog.opener", "hindlog.opened"
COLORS = ("auto", "always", "never")


class GlobalOptions(NamedTuple):  # not attrs, which takes as long to import as click
    """Values of the global options of one invocation."""

    archive: str | None
    config: Path | None
    quiet: bool
    verbose: int
    color: str
    log_format: str
    offline: bool = False


def _store(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Stores a value; one after the subcommand overrides one before it."""
    if value not in (None, False, 0):
        ctx.find_root().meta[_KEY + str(param.name)] = value
        if param.name == "verbose":
            _show_details(ctx.find_root())
    return value


_GLOBAL = (
    click.option(
        "-C",
        "--archive",
        metavar="DIR",
        help="The archive (default: HINDLOG_ARCHIVE, the nearest one upwards, or ./data);"
        " s3://… reads from a bucket.",
    ),
    click.option("--offline", is_flag=True, help="Ask no bucket: read only what is here."),
    click.option("--config", metavar="FILE", help="Configuration file instead of hindlog.toml."),
    click.option("-q", "--quiet", is_flag=True, help="Print only data and errors."),
    click.option(
        "-v",
        "--verbose",
        count=True,
        help="Also each request, sealed segment and built file; -vv: also each retry and write.",
    ),
    click.option("--color", type=click.Choice(COLORS), help="When to use colors (default: auto)."),
    click.option(
        "--log-format", type=click.Choice(("text", "json")), help="Format of messages and errors."
    ),
)


def global_options(command: Command) -> Command:
    """Adds the global options to a command or group."""
    for option in reversed(_GLOBAL):
        option(command)
        params = getattr(command, "__click_params__", None) or getattr(command, "params", [])
        params[-1].expose_value = False
        params[-1].callback = _store
    return command


def current_options() -> GlobalOptions:
    """Returns the global options of this invocation."""
    return options_of(click.get_current_context().find_root())


def options_of(root: click.Context) -> GlobalOptions:
    """Returns the global options that are stored in the context of the program."""
    meta = root.meta
    config = meta.get(_KEY + "config")
    return GlobalOptions(
        archive=meta.get(_KEY + "archive"),
        config=Path(config) if config else None,
        quiet=bool(meta.get(_KEY + "quiet", False)),
        verbose=int(meta.get(_KEY + "verbose", 0)),
        color=str(meta.get(_KEY + "color", "auto")),
        log_format=str(meta.get(_KEY + "log_format", "text")),
        offline=bool(meta.get(_KEY + "offline", False)),
    )


def open_addresses(context: click.Context, open_address: Callable[[str], Path]) -> None:
    """Lets the commands of a context read straight from a bucket.

    `open_address` returns the folder for the archive of a bucket.
    """
    context.meta[_OPENER] = open_address


def archive() -> Path:
    """Returns the folder of the archive; for one in a bucket, a folder with its manifests.

    Raises `NoArchive`, and for a bucket what opening it raises.
    """
    from cli.config.load import ARCHIVE_VARIABLE, find_archive

    address = archive_address(current_options())
    if address is not None:
        meta = click.get_current_context().find_root().meta
        if _OPENED not in meta:
            meta[_OPENED] = meta[_OPENER](address)
        opened: Path = meta[_OPENED]
        return opened
    flag = current_options().archive
    named = flag or os.environ.get(ARCHIVE_VARIABLE)
    # an absolute path needs no working directory, which may have been deleted
    is_absolute = named and Path(named).expanduser().is_absolute()
    return find_archive(flag, os.environ, Path("/") if is_absolute else Path.cwd())


def archive_address(options: GlobalOptions) -> str | None:
    """Returns the address of the bucket whose archive is to be read; None for a folder."""
    from cli.config.load import ARCHIVE_VARIABLE

    named = options.archive or os.environ.get(ARCHIVE_VARIABLE) or ""
    return named.rstrip("/") if "://" in named else None


def environment(options: GlobalOptions) -> Mapping[str, str]:
    """Returns the variables that configure this invocation: the bucket that is read counts."""
    from cli.config.settings import variable_name

    address = archive_address(options)
    return os.environ if address is None else {**os.environ, variable_name("mirror.url"): address}


def config(root: Path) -> "Config":
    """Returns the configuration of an archive. Raises `Invalid`."""
    from cli.config.load import load_config

    options = current_options()
    return load_config(root, environment(options), options.config)


def wants_color(terminal: bool) -> bool:
    """Returns whether to use colors in output; `terminal`: whether it goes to a terminal."""
    return options_wants_color(current_options(), terminal)


def options_wants_color(options: GlobalOptions, terminal: bool) -> bool:
    """Returns whether to use colors, by these options; for use in threads."""
    choice = options.color
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def message_printer(options: GlobalOptions | None = None) -> Callable[[str], None]:
    """Returns `print_message` for use in threads, which have no click context.

    `options`: those of this invocation, if the caller has no context either.
    """
    known = options or current_options()
    return lambda text: _write_message(text, known)


def _write_message(text: str, options: GlobalOptions) -> None:
    if not options.quiet:
        write_stderr(message_line(text, options))


def message_line(text: str, options: GlobalOptions) -> str:
    """Returns a message as a line of stderr, in the chosen format."""
    return (_json_line(text) if options.log_format == "json" else text) + "\n"


def _show_details(root: click.Context) -> None:
    """Shows the log records of hindlog's packages on stderr while `root` is open.

    The options are read for each record: `-q` and `--log-format` may come after `-v`.
    """
    level = options_of(root).verbose
    root.call_on_close(show_details(level, lambda text: _write_message(text, options_of(root))))


def _json_line(text: str) -> str:
    import json

    from cli.options.times import format_time
    from eventlog.clock import now_us

    line = {"message_type": "message", "at": format_time(now_us()), "message": text.strip()}
    return json.dumps(line)


def print_message(text: str) -> None:
    """Prints one line for the user on stderr, unless `--quiet` is set."""
    message_printer()(text)


def stdout_is_terminal() -> bool:
    """Returns whether stdout is a terminal."""
    return sys.stdout.isatty()
