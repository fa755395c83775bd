"""The examples of the help: each is a valid command line, and those that end soon run."""

import shlex
from itertools import takewhile
from pathlib import Path

import click
import pytest

from cli.program import cli
from cli.reference import commands
from tests.cli.making import copy_archive, hindlog

EXAMPLES = {
    " ".join(path): shlex.split(command.epilog.removeprefix("Example: hindlog "))
    for path, command in commands(cli, ())
    if command.epilog
}
RUN = ("changes", "config check", "config paths", "config show", "doctor", "gaps", "history")
RUN += ("log", "segment list", "show", "verify", "view list", "sql")
"""Commands whose example needs no network and no minutes."""


def test_the_help_of_every_command_has_an_example() -> None:
    assert set(EXAMPLES) == {" ".join(path) for path, _ in commands(cli, ())}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_a_valid_command_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = list(takewhile(lambda word: word not in ("|", ">", ">>"), EXAMPLES[name]))
    command: click.Command = cli
    context = None
    while isinstance(command, click.Group):
        context = command.make_context(command.name, words, parent=context)
        words = [*context._protected_args, *context.args]
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    try:
        command.make_context(command.name, words, parent=context)
    except click.BadParameter as error:
        assert "does not exist" in error.message  # a file of the reader


@pytest.mark.parametrize("name", RUN)
def test_an_example_runs(name: str, shared: Path, tmp_path: Path) -> None:
    """The archive of the tests lacks some of the entities, which is no error of the example."""
    done = hindlog(*EXAMPLES[name], at=copy_archive(shared, tmp_path / "archive"))

    assert done.code in (0, 3, 4, 6), done.err
    assert "Traceback" not in done.err
