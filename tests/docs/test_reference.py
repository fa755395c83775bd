"""The CLI reference is what the program says, and every command keeps the rules."""

import re
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.program import cli
from cli.reference import commands, commands_page, views_page
from projector.update.view_columns import Columns

ROOT = Path(__file__).parents[2]
COMMANDS = [pytest.param(path, command, id=" ".join(path)) for path, command in commands(cli, ())]


def test_the_reference_of_commands_is_current() -> None:
    assert (ROOT / "docs/cli.md").read_text() == commands_page(), "run: make docs"


def test_the_reference_of_views_is_current(view_columns: Mapping[str, Columns]) -> None:
    assert (ROOT / "docs/views.md").read_text() == views_page(view_columns), "run: make docs"


def test_the_reference_of_views_lists_every_column_of_a_view_once(
    view_columns: Mapping[str, Columns],
) -> None:
    _, _, section = views_page(view_columns).partition("## civitai.models\n")
    rows = re.findall(r"^\| `(\w+)` \|", section.partition("\n## ")[0], re.M)

    shared = [name for name, _ in view_columns["civitai.models"] if name.startswith("_")]
    assert [*rows, *shared] == [name for name, _ in view_columns["civitai.models"]]


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_every_command_has_help_that_ends_with_an_example(
    path: tuple[str, ...], command: click.Command
) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"])

    assert result.exit_code == 0
    assert command.help
    assert (command.epilog or "").startswith(f"Example: hindlog {' '.join(path)}")


@pytest.mark.parametrize(("path", "command"), COMMANDS)
def test_every_command_takes_the_global_options(
    path: tuple[str, ...], command: click.Command
) -> None:
    names = {param.name for param in command.params}

    assert {"archive", "config", "quiet", "verbose", "color", "log_format"} <= names
