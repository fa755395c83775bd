"""The table of commands: complete, true, and what the help of hindlog shows."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from cli.command_table import SECTIONS
from cli.program import cli
from cli.reference import commands
from tests.cli.making import hindlog

ENTRIES = {entry.name: entry for entries in SECTIONS.values() for entry in entries}
GROUPS = [name for name, command in cli.commands.items() if isinstance(command, click.Group)]
ALL = {" ".join(path): command for path, command in commands(cli, ())}
TIMED = [name for name, command in ALL.items() if any(p.metavar == "T" for p in command.params)]


@pytest.mark.parametrize("name", ENTRIES)
def test_the_sentence_in_the_table_is_that_of_the_command(name: str) -> None:
    assert cli.commands[name].short_help == ENTRIES[name].short_help


def test_the_help_lists_every_command_below_what_it_is_for() -> None:
    out = hindlog("--help").out

    assert [line for line in out.splitlines() if line.rstrip(":") in SECTIONS] == [
        f"{title}:" for title in SECTIONS
    ]
    assert all(f"  {name} " in out for name in ENTRIES)


def test_the_help_of_hindlog_imports_no_command_and_no_library_but_click() -> None:
    code = (
        "import sys; from cli.program import run; run(['--help'])\n"
        "names = ('cli.commands', 'attrs', 'attr', 'msgspec', 'asyncio', 'logging', 'duckdb')\n"
        "sys.exit(repr(sorted(set(names) & set(sys.modules))))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)

    assert done.stderr == "[]\n"


@pytest.mark.parametrize("name", GROUPS)
def test_the_help_of_a_group_ends_with_an_example(name: str) -> None:
    assert (cli.commands[name].epilog or "").startswith(f"Example: hindlog {name} ")


@pytest.mark.parametrize("name", TIMED)
def test_the_help_of_an_option_with_a_time_says_what_a_time_may_be(name: str) -> None:
    assert "T: now, 2h, '2 days ago'" in " ".join(hindlog("help", *name.split()).out.split())


@pytest.mark.parametrize("words", [(), ("view",), ("fetch", "add"), ("sql",)])
def test_help_prints_the_same_as_the_option(words: tuple[str, ...]) -> None:
    assert hindlog("help", *words).out == hindlog(*words, "--help").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fetsh",), "Did you mean 'fetch'?"),
        (("help", "fetsh"), "Did you mean 'fetch'?"),
        (("view", "lst"), "Did you mean 'list'?"),
        (("help", "log", "x"), "hindlog log has no subcommands"),
        (("log", "--untill", "1d"), "'--until'"),
    ],
)
def test_a_wrong_command_or_option_is_answered_with_the_nearest(
    words: tuple[str, ...], message: str
) -> None:
    done = hindlog(*words)

    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("view", "show", "openrouter.modles"), "the nearest known one is openrouter.models"),
        (("changes", "opnrouter"), "the nearest known one is openrouter"),
        (("log", "openrouter/modle"), "the nearest known one is model"),
        (("show", "opnrouter/model/x/a"), "the nearest known one is openrouter"),
        (("history", "openrouter/modle/x/a"), "the nearest known one is model"),
        (("diff", "openrouter/modle/x/a", "1d"), "the nearest known one is model"),
        (("segment", "list", "--source", "opnrouter"), "expected one of civitai, openrouter"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(
    words: tuple[str, ...], message: str, shared: Path
) -> None:
    done = hindlog(*words, at=shared)

    assert done.code in (2, 6)
    assert message in done.err
