"""The pager: long output on a terminal is shown page by page, as git does.

    HINDLOG_PAGER, else PAGER, else `less`    with LESS=FRX unless LESS is set
    `cat` or an empty text                    no pager

`less -F` ends by itself if the output fits the screen. Leaving the pager early is no error.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import click

from cli.options.global_options import Command
from cli.process.streams import write_stdout

Write = Callable[[str], None]
_NO_PAGER = "hindlog.no_pager"


def pager_option(command: Command) -> Command:
    """Adds `--no-pager`, which `paged` reads."""
    return click.option(
        "--no-pager",
        is_flag=True,
        expose_value=False,
        callback=_store,
        help="Print long output at once. Otherwise: HINDLOG_PAGER, PAGER, or less.",
    )(command)


def _store(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    ctx.meta[_NO_PAGER] = value
    return value


def pager_command(env: Mapping[str, str]) -> str | None:
    """Returns the command line of the pager; None if there shall be none or it is missing."""
    named = env.get("HINDLOG_PAGER", env.get("PAGER"))
    command = "less" if named is None else named.strip()
    if command in ("", "cat") or env.get("TERM", "dumb") == "dumb":
        return None
    return command if shutil.which(command.split()[0], path=env.get("PATH")) else None


@contextmanager
def paged() -> Iterator[Write]:
    """Yields a function that takes text for stdout; long text is shown by the pager.

    Without a pager the text goes to stdout at once. The pager starts with the first text. The block
    ends quietly if the user leaves the pager before everything was written.
    """
    meta = click.get_current_context().meta
    command = None if meta.get(_NO_PAGER) or not _is_terminal() else pager_command(os.environ)
    if command is None:
        yield lambda text: write_stdout(text.encode("utf-8", "backslashreplace"))
        return
    started: list[subprocess.Popen[bytes]] = []

    def write(text: str) -> None:
        if not started:
            started.append(_start(command))
        stdin = started[0].stdin
        assert stdin is not None
        stdin.write(text.encode("utf-8", "backslashreplace"))
        stdin.flush()

    handler = signal.getsignal(signal.SIGINT)
    try:
        with suppress(BrokenPipeError):
            yield write
    finally:
        if started:
            _finish(started[0])
            signal.signal(signal.SIGINT, handler)


def _is_terminal() -> bool:
    """Returns whether the descriptor of stdout is a terminal that a pager can write to."""
    try:
        return os.isatty(sys.stdout.fileno())
    except (OSError, ValueError):
        return False


def _start(command: str) -> "subprocess.Popen[bytes]":
    sys.stdout.flush()
    env = {"LESS": "FRX", "LV": "-c", **os.environ}
    pager = subprocess.Popen(command, shell=True, stdin=subprocess.PIPE, env=env)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # after the start: Ctrl-C is for the pager
    return pager


def _finish(pager: "subprocess.Popen[bytes]") -> None:
    with suppress(BrokenPipeError):
        assert pager.stdin is not None
        pager.stdin.close()
    try:
        pager.wait()
    except BaseException:  # SIGTERM
        pager.terminate()
        raise
