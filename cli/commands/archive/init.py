"""`init`: creates an archive."""

from pathlib import Path

import click

from cli.options.global_options import global_options, print_message


@click.command(
    epilog="Example: hindlog init data --source openrouter",
    short_help="Creates an archive and its hindlog.toml.",
)
@click.argument("directory", default="data", type=click.Path(path_type=Path))
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME",
    help="Enable only this source; may be repeated.",
)
@global_options
def init(directory: Path, sources: tuple[str, ...]) -> None:
    """Creates an archive in DIRECTORY (default: data) and its hindlog.toml.

    Existing files are not changed.
    """
    from cli.config.load import CONFIG_FILE, default_toml
    from cli.config.settings import SOURCE_DEFAULTS
    from eventlog.errors import Invalid
    from projector.folders import refuse_glob_characters

    for name in sources:
        if name not in SOURCE_DEFAULTS:
            known = ", ".join(sorted(SOURCE_DEFAULTS))
            raise Invalid(f"source {name!r}: expected one of {known}", "hindlog init --help")
    refuse_glob_characters(directory)
    target = directory / CONFIG_FILE
    if target.exists():
        raise Invalid(
            f"{target}: this folder is an archive already", f"hindlog -C {directory} tail"
        )
    (directory / "log").mkdir(parents=True, exist_ok=True)
    target.write_text(default_toml(sources or tuple(SOURCE_DEFAULTS)))
    print_message(f"Created the archive {directory}; its configuration is {target}. Next:")
    at = "" if directory == Path("data") else f" -C {directory}"
    print_message(f"  hindlog{at} fetch run --once     crawl every source once")
    print_message(f"  hindlog{at} view update          build the views that SQL reads")
    print_message(f"  hindlog{at} tail -f              watch events as they are appended")


COMMANDS = (init,)
