"""The commands by what they are for; each is imported when it is used.

`hindlog --help` prints this table and imports no command, so that it is fast. A test compares the
sentences with those of the commands.
"""

import importlib
from collections.abc import Iterator, MutableMapping
from typing import NamedTuple

import click


class Entry(NamedTuple):
    """A command that is not imported yet."""

    name: str
    module: str
    """Has the command in its `COMMANDS`."""
    short_help: str
    more: tuple[str, ...] = ()
    """Modules with further subcommands of a group."""


_FETCH = "cli.commands.fetch"
_VIEWS = "cli.commands.views"
_LOG = "cli.commands.log"
_ARCHIVE = "cli.commands.archive"
_MIRROR = "cli.commands.mirror"
_SIMULATOR = "cli.commands.simulator"

SECTIONS: dict[str, tuple[Entry, ...]] = {
    "Crawl": (
        Entry(
            "fetch",
            f"{_FETCH}.run",
            "Crawls the upstreams, manages the queue, imports recordings.",
            (f"{_FETCH}.imports", f"{_FETCH}.listings", f"{_FETCH}.queue"),
        ),
    ),
    "Look": (
        Entry("status", f"{_ARCHIVE}.status", "The state of each source, the log and the views."),
        Entry("tail", f"{_LOG}.tail", "Prints events as they are appended."),
        Entry("log", f"{_LOG}.log", "Prints the events of a time range."),
        Entry("show", f"{_VIEWS}.entity", "Prints the JSON of an entity, as of an instant."),
        Entry("history", f"{_VIEWS}.entity", "Prints the versions of an entity."),
        Entry("diff", f"{_VIEWS}.entity", "Prints how an entity differs between two instants."),
        Entry(
            "changes",
            f"{_VIEWS}.changes",
            "Prints which entities appeared, changed, vanished or returned.",
        ),
        Entry("gaps", f"{_LOG}.integrity", "Hours and runs that are missing or partial, and why."),
    ),
    "Views": (
        Entry("sql", f"{_VIEWS}.sql", "Runs a read-only SQL query over the views."),
        Entry("export", f"{_VIEWS}.sql", "Writes views to Parquet, NDJSON or CSV files."),
        Entry("view", f"{_VIEWS}.view", "The views: list, show, update, rebuild, check, diff."),
    ),
    "Keep safe": (
        Entry("segment", f"{_LOG}.segment", "The files of the log: list, cat, response, seal."),
        Entry("verify", f"{_LOG}.integrity", "Reads and checks the log; changes nothing."),
        Entry("repair", f"{_LOG}.integrity", "Repairs damaged segments."),
        Entry("sync", f"{_MIRROR}.sync", "The mirror: a copy of the sealed log in a bucket."),
        Entry(
            "prune",
            f"{_MIRROR}.prune",
            "Deletes local files that are confirmed to be in the mirror.",
        ),
    ),
    "Set up": (
        Entry("init", f"{_ARCHIVE}.init", "Creates an archive and its hindlog.toml."),
        Entry(
            "config", f"{_ARCHIVE}.config", "The configuration of this archive: show, paths, check."
        ),
        Entry("doctor", f"{_ARCHIVE}.doctor", "Checks the installation and the archive."),
        Entry(
            "demo",
            f"{_SIMULATOR}.demo",
            "Runs the complete workflow in about a minute, on the simulated upstream.",
        ),
        Entry(
            "simulate",
            f"{_SIMULATOR}.simulate",
            "Runs the simulated upstream: serves both APIs, offline.",
        ),
        Entry(
            "completion",
            f"{_ARCHIVE}.completion",
            "Prints or installs a completion script for a shell.",
        ),
        Entry("help", f"{_ARCHIVE}.help", "Prints the help of a command."),
    ),
}
"""The sections of `hindlog --help`, with their commands."""


class LazyCommands(MutableMapping[str, click.Command]):
    """The commands of the table by name; each is imported on first use."""

    def __init__(self) -> None:
        self._entries = {entry.name: entry for of in SECTIONS.values() for entry in of}
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            self._loaded[name] = load_command(self._entries[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class Program(click.Group):
    """The group of all commands: its help lists them by section."""

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(entry.name, entry.short_help) for entry in entries])


def load_command(entry: Entry) -> click.Command:
    """Returns the command of an entry; a group with the subcommands of all its modules."""
    from cli.options.completion import offer_values

    command = _commands_in(entry.module)[entry.name]
    for module in entry.more:
        assert isinstance(command, click.Group)
        for subcommand in _commands_in(module).values():
            command.add_command(subcommand)
    _explain_times(command)
    offer_values(command, (entry.name,))
    return command


def _commands_in(module: str) -> dict[str, click.Command]:
    return {str(command.name): command for command in importlib.import_module(module).COMMANDS}


_TIMES = "T: now, 2h, '2 days ago', 2026-11-01, '2026-11-01 13:05', @1763000000."


def _explain_times(command: click.Command) -> None:
    """Adds to the first option with a time, in each command, what a time may be."""
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            _explain_times(subcommand)
    for param in command.params:
        if isinstance(param, click.Option) and param.metavar == "T":
            if _TIMES not in (param.help or ""):
                param.help = f"{param.help} {_TIMES}"
            return
