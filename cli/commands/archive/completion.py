"""`completion`: the script that makes a shell complete commands, options and values."""

import sys

import click

from cli.options.global_options import global_options


@click.command(
    epilog="Example: hindlog completion bash >> ~/.bashrc",
    short_help="Prints a completion script for a shell.",
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@global_options
def completion(shell: str) -> None:
    """Prints the script that makes SHELL complete hindlog's commands and options."""
    from click.shell_completion import get_completion_class

    completion_class = get_completion_class(shell)
    if completion_class is None:
        raise click.UsageError(f"no completion for {shell}: expected bash, zsh or fish")
    root = click.get_current_context().find_root().command
    sys.stdout.write(completion_class(root, {}, "hindlog", "_HINDLOG_COMPLETE").source() + "\n")


COMMANDS = (completion,)
