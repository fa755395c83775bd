"""Options that every command takes, before or after its name, and what they mean.

What was given is kept with click's root context; `settings()` reads it, so that a
command asks for what it needs and no object is handed round.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from cli.config.load import find_archive, load_config
from cli.config.settings import Config
from cli.options.details import show_details

Command = TypeVar("Command", bound=Callable[..., Any])

_KEY = "hindlog."
COLORS = ("auto", "always", "never")


@attrs.frozen
class Settings:
    """The global options as they hold for this invocation."""

    archive: str | None
    config: Path | None
    quiet: bool
    verbose: int
    color: str
    log_format: str


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Remember a value; one given after the subcommand wins over one before it."""
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
        help="The archive; else HINDLOG_ARCHIVE, the nearest one upwards from here, ./data.",
    ),
    click.option("--config", metavar="FILE", help="Read this instead of its hindlog.toml."),
    click.option("-q", "--quiet", is_flag=True, help="Only data and errors."),
    click.option(
        "-v",
        "--verbose",
        count=True,
        help="Also each request, sealed segment and built file; -vv: also each write to the log.",
    ),
    click.option("--color", type=click.Choice(COLORS), help="When to colour (default: auto)."),
    click.option(
        "--log-format", type=click.Choice(("text", "json")), help="Form of messages and errors."
    ),
)


def global_options(command: Command) -> Command:
    """Add the global options to a command or group."""
    for option in reversed(_GLOBAL):
        option(command)
        shown = getattr(command, "__click_params__", None) or getattr(command, "params", [])
        shown[-1].expose_value = False
        shown[-1].callback = _keep
    return command


def settings() -> Settings:
    """Returns the global options of this invocation."""
    return _settings_of(click.get_current_context().find_root())


def _settings_of(root: click.Context) -> Settings:
    meta = root.meta
    config = meta.get(_KEY + "config")
    return Settings(
        archive=meta.get(_KEY + "archive"),
        config=Path(config) if config else None,
        quiet=bool(meta.get(_KEY + "quiet", False)),
        verbose=int(meta.get(_KEY + "verbose", 0)),
        color=str(meta.get(_KEY + "color", "auto")),
        log_format=str(meta.get(_KEY + "log_format", "text")),
    )


def archive() -> Path:
    """The archive this invocation is about. Raises `NoArchive`."""
    return find_archive(settings().archive, os.environ, Path.cwd())


def config(root: Path) -> Config:
    """Its configuration."""
    return load_config(root, os.environ, settings().config)


def wants_color(terminal: bool) -> bool:
    """Whether to colour what goes to a place that is, or is not, a terminal."""
    chosen = settings().color
    if chosen != "auto":
        return chosen == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def teller() -> Callable[[str], None]:
    """What `say` does, for threads, which have no click context."""
    options = settings()
    return lambda text: _write_message(text, options)


def _write_message(text: str, options: Settings) -> None:
    if not options.quiet:
        as_json = options.log_format == "json"
        sys.stderr.write((_json_line(text) if as_json else text) + "\n")
        sys.stderr.flush()


def _show_details(root: click.Context) -> None:
    """Shows the log records of hindlog's packages on stderr while `root` is open.

    The options are read for each record: `-q` and `--log-format` may come after `-v`.
    """
    level = _settings_of(root).verbose
    root.call_on_close(show_details(level, lambda text: _write_detail(text, _settings_of(root))))


def _write_detail(text: str, options: Settings) -> None:
    if sys.stderr.isatty() and options.log_format == "text":
        text = f"\r\x1b[K{text}"  # over the progress line, which is written again
    _write_message(text, options)


def _json_line(text: str) -> str:
    from cli.options.times import format_time
    from eventlog.clock import now_us

    line = {"message_type": "message", "at": format_time(now_us()), "message": text.strip()}
    return json.dumps(line)


def say(text: str) -> None:
    """One line for the user, on stderr, unless quiet."""
    teller()(text)


def stdout_is_terminal() -> bool:
    """Whether data goes to a terminal."""
    return sys.stdout.isatty()
