"""`config`, `completion` and `doctor`: the installation and how it is set up."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from cli.options.global_options import archive, current_options, global_options
from cli.output.emit import choose_output, emit, output_options


@click.group("config", short_help="What holds for this archive, and why.")
@global_options
def config_() -> None:
    """What holds for this archive, and why."""


@config_.command(epilog="Example: hindlog config show --origin")
@click.option("--origin", is_flag=True, help="Also where each value comes from.")
@output_options
@global_options
def show(origin: bool, fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Every key and its value. Secrets are never shown."""
    from cli.config.load import values_with_origin

    found = values_with_origin(archive(), os.environ, current_options().config)
    columns = ("key", "value", "origin") if origin else ("key", "value")
    rows = [(key, *found[key][: len(columns) - 1]) for key in found]
    emit(columns, rows, choose_output(fmt, as_json, output))


@config_.command(epilog="Example: hindlog config paths")
@output_options
@global_options
def paths(fmt: str | None, as_json: bool, output: Path | None) -> None:
    """Where everything of this archive lies."""
    root = archive()
    names = ("hindlog.toml", "log", "assets", "views", "views/hindlog.duckdb", "state")
    rows = [("archive", str(root)), *((name, str(root / name)) for name in names)]
    emit(("what", "path"), rows, choose_output(fmt, as_json, output))


@config_.command(epilog="Example: hindlog config check")
@global_options
def check() -> None:
    """Whether the configuration is valid; exit 2 where it is not."""
    from cli.config.load import load_config
    from fetcher.service.schedule import check_schedule

    for source in load_config(archive(), os.environ, current_options().config).source.values():
        check_schedule(source.schedule)
    click.echo("OK", err=True)


@click.command(
    epilog="Example: hindlog completion bash >> ~/.bashrc",
    short_help="Completion for a shell.",
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@global_options
def completion(shell: str) -> None:
    """The script that teaches SHELL to complete hindlog's commands and options."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"no completion for {shell}")
    root = click.get_current_context().find_root().command
    sys.stdout.write(made(root, {}, "hindlog", "_HINDLOG_COMPLETE").source() + "\n")


Finding = tuple[str, str, str | None]
"""OK, WARN or FAIL; what was found; the command that repairs it."""


@click.command(
    epilog="Example: hindlog doctor",
    short_help="Check the installation and the archive.",
)
@global_options
def doctor() -> int:
    """Check the installation and the archive: OK, WARN or FAIL, with what repairs it."""
    found = list(_findings())
    for level, what, hint in found:
        sys.stdout.write(f"{level:4}  {what}\n" + (f"      {hint}\n" if hint else ""))
    return 1 if any(level == "FAIL" for level, _, _ in found) else 0


def _findings() -> Iterator[Finding]:
    from importlib.metadata import version

    told = platform.python_version()
    yield ("OK", f"hindlog {version('hindlog')} on Python {told}", None)
    owners = _owners_of("cli/__init__.py")
    if len(owners) > 1:
        what = f"the package `cli` belongs to {', '.join(owners)}"
        yield ("FAIL", what, "install hindlog on its own: uv tool install, or pipx install")
    else:
        yield ("OK", "the package `cli` has one owner", None)
    from eventlog.errors import HindlogError

    try:
        root = archive()
    except HindlogError as error:
        yield ("WARN", error.what, error.hint)
        return
    for test in (_configuration, _disk, _log, _views):
        yield from _guarded(test, root)


def _guarded(test: Callable[[Path], Iterator[Finding]], root: Path) -> Iterator[Finding]:
    from eventlog.errors import HindlogError

    try:
        yield from test(root)
    except HindlogError as error:
        yield ("FAIL", error.what, error.hint)


def _owners_of(path: str) -> list[str]:
    from importlib.metadata import distributions

    found = []
    for each in distributions():
        if any(str(file) == path for file in each.files or ()):
            found.append(str(each.metadata["Name"]))
    return found


def _configuration(root: Path) -> Iterator[Finding]:
    from cli.config.load import load_config, read_secrets

    mirror = load_config(root, os.environ, current_options().config).mirror
    keys = sorted(read_secrets(os.environ).api_keys)
    yield ("OK", f"{root / 'hindlog.toml'} is valid; keys for: {', '.join(keys) or 'none'}", None)
    for name in ("url", "endpoint_url"):
        if getattr(mirror, name) is not None:
            what = f"mirror.{name} is set, but this version does not copy to a mirror"
            yield ("WARN", what, "copy log/ and assets/ with a tool of your own")


def _disk(root: Path) -> Iterator[Finding]:
    from eventlog.files.disk import RESERVE_BYTES

    free = shutil.disk_usage(root).free
    level = "OK" if free > 4 * RESERVE_BYTES else "WARN" if free > RESERVE_BYTES else "FAIL"
    yield (level, f"{free // 2**20:,} MiB free", None if level == "OK" else "make room on the disk")


def _log(root: Path) -> Iterator[Finding]:
    from eventlog.check.verify import verify

    found = verify(root, sample=0.05)
    if found.damages:
        yield ("FAIL", f"{len(found.damages)} damages in the log", "hindlog verify")
    else:
        yield ("OK", f"{found.segments} segments; names, manifests and chains are whole", None)


def _views(root: Path) -> Iterator[Finding]:
    from eventlog.errors import NotFound
    from projector.query.open_views import open_views
    from projector.update.check import damaged_parts

    try:
        open_views(root).close()
        damaged = damaged_parts(root)
    except NotFound as error:
        yield ("WARN", error.what, error.hint)
    else:
        yield from (("FAIL", each.what, each.hint) for each in damaged)
        if not damaged:
            yield ("OK", "the views open, and every file they name is there", None)


COMMANDS = (config_, completion, doctor)
