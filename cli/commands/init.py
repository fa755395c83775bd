"""`init`: a new archive."""

from pathlib import Path

import click

from cli.options.global_options import global_options, say


@click.command(
    epilog="Example: hindlog init data --source openrouter",
    short_help="Make an archive and its hindlog.toml.",
)
@click.argument("directory", default="data", type=click.Path(path_type=Path))
@click.option("--source", "sources", multiple=True, metavar="NAME", help="Only these sources.")
@global_options
def init(directory: Path, sources: tuple[str, ...]) -> None:
    """Make an archive in DIRECTORY (default: data) and its hindlog.toml.

    Nothing that is there already is changed.
    """
    from cli.config.load import FILE, default_toml
    from cli.config.settings import SOURCES
    from eventlog.errors import Invalid
    from projector.folders import refuse_glob_characters

    for name in sources:
        if name not in SOURCES:
            known = ", ".join(sorted(SOURCES))
            raise Invalid(f"source {name!r}: expected one of {known}", "hindlog init --help")
    refuse_glob_characters(directory)
    target = directory / FILE
    if target.exists():
        raise Invalid(f"{target}: there is an archive already", f"hindlog -C {directory} tail")
    (directory / "log").mkdir(parents=True, exist_ok=True)
    target.write_text(default_toml(sources or tuple(SOURCES)))
    say(f"An archive in {directory}; its configuration is {target}. Next:")
    at = "" if directory == Path("data") else f" -C {directory}"
    say(f"  hindlog{at} fetch run --once     crawl every source once")
    say(f"  hindlog{at} view update          make what was fetched ready for SQL")
    say(f"  hindlog{at} tail -f              watch events as they are appended")


COMMANDS = (init,)
