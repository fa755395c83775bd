"""`help`: the same as `--help` behind the command."""

import click

from cli.options.global_options import global_options


@click.command(
    "help", epilog="Example: hindlog help fetch add", short_help="Prints the help of a command."
)
@click.argument("words", nargs=-1, metavar="[COMMAND] [SUBCOMMAND]")
@global_options
def help_(words: tuple[str, ...]) -> None:
    """Prints the help of a command, or of hindlog."""
    context = click.get_current_context().find_root()
    for word in words:
        group = context.command
        if not isinstance(group, click.Group):
            raise click.UsageError(f"{context.command_path} has no subcommands", context)
        name, command, _ = group.resolve_command(context, [word])
        assert command is not None
        context = click.Context(command, context, name)
    click.echo(context.get_help())


COMMANDS = (help_,)
