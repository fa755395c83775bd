"""`config`: the settings of an archive."""

from pathlib import Path

import click

from cli.options.global_options import (
    archive,
    config,
    current_options,
    environment,
    global_options,
)
from cli.output.emit import choose_output, emit, output_options


@click.group(
    "config",
    short_help="The configuration of this archive: show, paths, check.",
    epilog="Example: hindlog config show --origin",
)
@global_options
def config_() -> None:
    """The configuration of this archive, and where each value comes from."""


@config_.command(epilog="Example: hindlog config show --origin")
@click.option("--origin", is_flag=True, help="Add a column: where each value comes from.")
@output_options
@global_options
def show(origin: bool, fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Prints every configuration key and its value. Secrets are never shown."""
    from cli.config.load import values_with_origin

    root, options = archive(), current_options()
    values = values_with_origin(root, environment(options), options.config)
    columns = ("key", "value", "origin") if origin else ("key", "value")
    rows = [(key, *values[key][: len(columns) - 1]) for key in values]
    emit(columns, rows, choose_output(fmt, as_json, output))


@config_.command(epilog="Example: hindlog config paths")
@output_options
@global_options
def paths(fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Prints the paths of this archive's files and folders."""
    root = archive()
    names = ("hindlog.toml", "log", "assets", "views", "views/hindlog.duckdb", "state")
    rows = [("archive", str(root)), *((name, str(root / name)) for name in names)]
    emit(("what", "path"), rows, choose_output(fmt, as_json, output))


@config_.command(epilog="Example: hindlog config check")
@global_options
def check() -> None:
    """Checks the configuration; exits with 2 if it is not valid."""
    from cli.mirror.bucket import check_server
    from fetcher.service.schedule import check_schedule

    root = archive()
    settings = config(root)
    for source in settings.source.values():
        check_schedule(source.schedule)
    check_server(root, settings.mirror)
    click.echo("OK", err=True)


COMMANDS = (config_,)
