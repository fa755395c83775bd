"""Exit codes: the one place where an error becomes a number and a message.

The codes are a contract with scripts: only ever added to. An error that is none
of ours is a bug: it keeps its traceback and exits with 1.
"""

import errno
import json
import os
import re
import traceback
from typing import TextIO

import click

from cli.options.times import BadTime
from cli.output.cells import visible
from cli.process.signals import Terminated
from eventlog import errors

DONE = 0
FAILED = 1
USAGE = 2
PARTIAL = 3
DAMAGE = 4
REFUSED = 5
NOTHING = 6
TEMPORARY = 7
LOCAL = 8
NO_ARCHIVE = 10
LOCKED = 11
INTERRUPTED = 130
TERMINATED = 143

MEANINGS = {
    DONE: "done; also: the reader closed the pipe, or drained after SIGTERM",
    FAILED: "failed otherwise",
    USAGE: "usage or configuration",
    PARTIAL: "done in part, the rest is listed on stderr",
    DAMAGE: "differences or damage found",
    REFUSED: "upstream refused (auth, 4xx)",
    NOTHING: "nothing there",
    TEMPORARY: "temporary (network, 429, 5xx after retries)",
    LOCAL: "local resource (disk full, permission)",
    NO_ARCHIVE: "no archive here",
    LOCKED: "locked by another process",
    INTERRUPTED: "interrupted by Ctrl-C",
    TERMINATED: "ended by SIGTERM before it was done, or at once by a second one",
}
"""Every code with its sentence, for the manual and for help."""

CODES: dict[type[BaseException], int] = {
    errors.Invalid: USAGE,
    errors.Partial: PARTIAL,
    errors.Corrupt: DAMAGE,
    errors.Refused: REFUSED,
    errors.NotFound: NOTHING,
    errors.Unavailable: TEMPORARY,
    errors.LocalResource: LOCAL,
    errors.NoArchive: NO_ARCHIVE,
    errors.Locked: LOCKED,
    BadTime: USAGE,
    BrokenPipeError: DONE,
    KeyboardInterrupt: INTERRUPTED,
    Terminated: TERMINATED,
    click.Abort: INTERRUPTED,
}

_LINE_BREAK = re.compile(r"\s*\n\s*")
_LOCAL_ERRNOS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EFBIG,
    errno.EBADF,
    errno.EMFILE,
    errno.ENFILE,
}


def exit_code(error: BaseException) -> int:
    """The code a process that ends with `error` exits with.

    By class, the nearest in its line of descent. A group has the code its members
    agree on, else 1: a task group wraps even a single error.
    """
    if isinstance(error, BaseExceptionGroup):
        codes = {exit_code(member) for member in error.exceptions}
        return codes.pop() if len(codes) == 1 else FAILED
    for kind in type(error).__mro__:
        if kind in CODES:
            return CODES[kind]
    if isinstance(error, click.exceptions.Exit | click.ClickException):
        return error.exit_code
    if isinstance(error, SystemExit):
        return _system_exit_code(error.code)
    if isinstance(error, OSError) and error.errno in _LOCAL_ERRNOS:
        return LOCAL
    return FAILED


def report(error: BaseException, as_json: bool, err: TextIO, *, only_json: bool = False) -> None:
    """Says on `err` what went wrong and what to do next; nothing where the code is 0.

    `hindlog: <what>`, then the hint, each of its lines indented by two. With
    `as_json` the last line is one JSON object with message_type, code, message and
    hint (null where there is none); with `only_json` nothing else is said, but for the
    traceback of a bug, which comes first. Control characters are escaped: messages quote
    what upstream sent.
    """
    code = exit_code(error)
    if code == DONE:
        return
    if _is_bug(error):
        err.write(visible("".join(traceback.format_exception(error)), keep="\n"))
    what, hint = _message(error)
    lines = [f"hindlog: {line}" for line in what.split("\n") if line]
    lines += [f"  {line}" for line in (hint.split("\n") if hint else ())]
    if not only_json:
        err.write("".join(f"{visible(line)}\n" for line in lines))
    if as_json or only_json:
        last = {"message_type": "exit_error", "code": code, "message": what, "hint": hint}
        err.write(json.dumps(last) + "\n")
    err.flush()


def _system_exit_code(code: object) -> int:
    if code is None:
        return DONE
    return code if isinstance(code, int) else FAILED


def _message(error: BaseException) -> tuple[str, str | None]:
    if isinstance(error, BaseExceptionGroup):
        parts = [_message(member) for member in error.exceptions]
        hints = dict.fromkeys(hint for _, hint in parts if hint)
        return "\n".join(what for what, _ in parts), "\n".join(hints) or None
    if isinstance(error, errors.HindlogError):
        return error.what, error.hint
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "interrupted", None
    if isinstance(error, Terminated):
        return "ended by SIGTERM", None
    if isinstance(error, SystemExit | click.exceptions.Exit):
        return error.code if isinstance(error, SystemExit) and isinstance(
            error.code, str
        ) else "", None
    if isinstance(error, click.ClickException):
        is_list = isinstance(error, click.MissingParameter)  # of choices, a line each
        told = error.format_message()
        return _LINE_BREAK.sub(" ", told) if is_list else told, _usage_hint(error)
    if _is_bug(error):
        return (
            f"{type(error).__name__}: {error}",
            "this is a bug in hindlog: report the lines above",
        )
    if isinstance(error, OSError) and error.strerror:
        return _local(error)
    return str(error) or type(error).__name__, None


def _local(error: OSError) -> tuple[str, str | None]:
    """What the system refused, and where."""
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    what = f"{where}: {error.strerror}" if where else str(error.strerror)
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return what, "make room there, then run it again: nothing was lost" if is_full else None


def _usage_hint(error: click.ClickException) -> str | None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{context.command_path} --help" if context else None


def _is_bug(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_is_bug(member) for member in error.exceptions)
    ours = (errors.HindlogError, click.ClickException, click.exceptions.Exit, SystemExit)
    return exit_code(error) == FAILED and not isinstance(error, ours)
