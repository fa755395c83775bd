"""The generated pages are current, and every command follows the rules of the reference."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli.pages.man_page import escape_roff
from cli.program import cli
from cli.reference import PAGES, commands, commands_page

ROOT = Path(__file__).parents[2]
COMMANDS = [pytest.param(path, command, id=" ".join(path)) for path, command in commands(cli, ())]


@pytest.mark.parametrize("name", sorted(set(PAGES) - {"views.md"}))
def test_a_generated_page_is_current(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "run: make docs"


def test_no_character_of_a_text_has_a_meaning_in_the_manual_page() -> None:
    assert escape_roff(".TH\\n\n'a-b'") == "\\&.TH\\en 'a\\-b'"
    assert escape_roff("'a") == "\\&'a"


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


def test_a_paragraph_that_click_does_not_wrap_is_a_code_block() -> None:
    section = commands_page().partition("## hindlog fetch add\n")[2]

    assert "\n    civitai: images-of-model ID" in section
    assert "\b" not in commands_page()
