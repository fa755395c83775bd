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
@click.option("--from", "url", metavar="URL", help="Fetch an archive from this bucket.")
@click.option(
    "--manifests", is_flag=True, help="With --from: no files; what is read is fetched then."
)
@global_options
def init(directory: Path, sources: tuple[str, ...], url: str | None, manifests: bool) -> None:
    """Creates an archive in DIRECTORY (default: data) and its hindlog.toml.

    Existing files are not changed. With --from, the archive is that of a bucket, such as
    s3://bucket/prefix or file:///folder, and has everything that was pushed there.
    """
    from cli.config.load import CONFIG_FILE, default_toml
    from cli.config.settings import SOURCE_DEFAULTS
    from eventlog.errors import Invalid, LocalResource
    from projector.folders import refuse_glob_characters

    if manifests and url is None:
        raise click.UsageError("--manifests needs --from")
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
    if url is not None and directory.exists() and not _is_empty(directory, CONFIG_FILE):
        raise LocalResource(f"{directory}: expected an empty folder", "choose another one")
    text = default_toml(sources or tuple(SOURCE_DEFAULTS))
    if url is None:
        (directory / "log").mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    else:
        _fetch_archive(directory, target, text, url, with_files=not manifests)
    print_message(f"Created the archive {directory}; its configuration is {target}. Next:")
    at = "" if directory == Path("data") else f" -C {directory}"
    print_message(f"  hindlog{at} fetch run --once     crawl every source once")
    print_message(f"  hindlog{at} view update          build the views that SQL reads")
    print_message(f"  hindlog{at} tail -f              watch events as they are appended")


def _is_empty(directory: Path, config: str) -> bool:
    """Returns whether a folder contains at most what a killed `init --from` left."""
    return all(path.name.startswith(f".{config}.") for path in directory.iterdir())


def _fetch_archive(directory: Path, target: Path, toml: str, url: str, *, with_files: bool) -> None:
    """Fetches the archive of a bucket into a new folder. Leaves nothing if it cannot begin."""
    import os
    import shutil

    import attrs

    from cli.config.load import load_config, with_mirror
    from cli.mirror.pulling import pull_from_bucket, require_archive
    from eventlog.files.publish import replace_file

    is_new = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    try:
        # first, and complete: from here on, pull continues
        replace_file(target, with_mirror(toml, url).encode())
        (directory / "log").mkdir()
        # the option counts, also if HINDLOG_MIRROR_URL names another bucket
        mirror = attrs.evolve(load_config(directory, os.environ).mirror, url=url)
        require_archive(directory, mirror)
    except BaseException:
        shutil.rmtree(directory / "log", ignore_errors=True)
        shutil.rmtree(directory / "state", ignore_errors=True)
        target.unlink(missing_ok=True)
        if is_new:
            shutil.rmtree(directory)
        raise
    option = "" if with_files else " --manifests"
    print_message(f"if this is interrupted, continue: hindlog -C {directory} sync pull{option}")
    pull_from_bucket(directory, mirror, with_files=with_files)


COMMANDS = (init,)
