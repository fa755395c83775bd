"""`completion`: the script that makes a shell complete commands, options and values."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from cli.options.global_options import global_options, print_message

SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog="Example: hindlog completion bash --install",
    short_help="Prints or installs a completion script for a shell.",
)
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.option(
    "--install", is_flag=True, help="Write the script where the shell looks for it; SHELL: yours."
)
@global_options
def completion(shell: str | None, install: bool) -> None:
    """Prints the script that makes SHELL complete commands, options and values.

    With --install, writes it to the folder from which the shell loads such scripts, and prints
    what it wrote and what is left to do. No startup file of a shell is changed.
    """
    known = shell or Path(os.environ.get("SHELL", "")).name
    if known not in SHELLS or not (shell or install):
        raise click.UsageError(f"expected a shell: {', '.join(SHELLS)}")
    text = _script(known)
    if not install:
        sys.stdout.write(text)
        return
    path = script_path(known, os.environ, Path.home())
    if path.exists() and path.read_text() == text:
        print_message(f"{path}: already installed")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print_message(f"wrote {path}")
    print_message(_NEXT_STEPS[known].format(path=path, folder=path.parent))


def _script(shell: str) -> str:
    from click.shell_completion import get_completion_class

    completion_class = get_completion_class(shell)
    assert completion_class is not None
    root = click.get_current_context().find_root().command
    return completion_class(root, {}, "hindlog", "_HINDLOG_COMPLETE").source() + "\n"


def script_path(shell: str, environment: Mapping[str, str], home: Path) -> Path:
    """Returns the file from which a shell loads the completion of hindlog for this user."""
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    if shell == "bash":
        return data / "bash-completion" / "completions" / "hindlog"
    if shell == "zsh":
        return data / "zsh" / "site-functions" / "_hindlog"
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return config / "fish" / "completions" / "hindlog.fish"


_NEXT_STEPS = {
    "bash": "New shells load it if the package bash-completion is installed; "
    "otherwise add to ~/.bashrc:  . {path}",
    "zsh": "Add to ~/.zshrc, before compinit:  fpath+=({folder})",
    "fish": "New shells load it.",
}


COMMANDS = (completion,)
