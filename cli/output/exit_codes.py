"""Exit codes: the only place that converts an error to a code and a message.

Scripts rely on the codes: they never change, new ones may be added. An exception that no
rule covers is a bug: its traceback is printed and the exit code is 1.
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
from cli.process.streams import STDOUT
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
    DONE: "success; also if the reader closed the pipe, or SIGTERM ended it after its current step",
    FAILED: "any other failure",
    USAGE: "usage or configuration",
    PARTIAL: "partly done, the rest is listed on stderr",
    DAMAGE: "differences or damage found",
    REFUSED: "upstream refused (auth, 4xx)",
    NOTHING: "nothing there",
    TEMPORARY: "temporary (network, 429, 5xx after retries)",
    LOCAL: "local resource (disk full, permission)",
    NO_ARCHIVE: "no archive here",
    LOCKED: "locked by another process",
    INTERRUPTED: "interrupted by Ctrl-C",
    TERMINATED: "ended by SIGTERM before completion, or at once by a second SIGTERM",
}
"""Every code with its meaning, for the reference and the help."""

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
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}
"""Errors that a path or this machine causes, not a bug."""


def exit_code(error: BaseException) -> int:
    """Returns the exit code of a process that ends with `error`.

    The nearest class in the inheritance order decides. A group has the common code of its
    members, or 1 if they differ; a task group wraps even a single error.
    """
    if isinstance(error, BaseExceptionGroup):
        codes = {exit_code(member) for member in error.exceptions}
        return codes.pop() if len(codes) == 1 else FAILED
    if isinstance(error, BrokenPipeError) and error.filename == STDOUT:
        return DONE  # the reader of our output went away; any other closed pipe is a failure
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
    """Writes an error and its hint to `err`; nothing if the exit code is 0.

    The first line is `hindlog: <what>`; the lines of the hint follow, indented by two. With
    `as_json` the last line is a JSON object with message_type, code, message and hint (may
    be null). With `only_json` it is the only line, except for the traceback of a bug, which
    comes first. Control characters are escaped, because messages quote responses.
    """
    code = exit_code(error)
    if code == DONE:
        return
    if _is_bug(error):
        err.write(visible("".join(traceback.format_exception(error)), keep="\n"))
    message, hint = _message(error)
    lines = [f"hindlog: {line}" for line in message.split("\n") if line]
    lines += [f"  {line}" for line in (hint.split("\n") if hint else ())]
    if not only_json:
        err.write("".join(f"{visible(line)}\n" for line in lines))
    if as_json or only_json:
        err.write(_exit_error(code, message, hint))
    err.flush()


def report_code(code: int, err: TextIO) -> None:
    """Writes the JSON line of a command that ended with a code and without an exception."""
    err.write(_exit_error(code, MEANINGS.get(code, MEANINGS[FAILED]), None))
    err.flush()


def _exit_error(code: int, message: str, hint: str | None) -> str:
    last = {"message_type": "exit_error", "code": code, "message": message, "hint": hint}
    return json.dumps(last) + "\n"


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
        is_list = isinstance(error, click.MissingParameter)
        message = error.format_message()  # of MissingParameter: choices, one per line
        return _LINE_BREAK.sub(" ", message) if is_list else message, _usage_hint(error)
    if _is_bug(error):
        return (
            f"{type(error).__name__}: {error}",
            "this is a bug in hindlog: report the lines above",
        )
    if isinstance(error, OSError) and error.strerror:
        return _local(error)
    return str(error) or type(error).__name__, None


def _local(error: OSError) -> tuple[str, str | None]:
    """Returns message and hint for an error of the operating system."""
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    message = f"{where}: {error.strerror}" if where else str(error.strerror)
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return (
        message,
        "make room there, then run it again: nothing was lost" if is_full else None,
    )


def _usage_hint(error: click.ClickException) -> str | None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{context.command_path} --help" if context else None


def _is_bug(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_is_bug(member) for member in error.exceptions)
    ours = (errors.HindlogError, click.ClickException, click.exceptions.Exit, SystemExit)
    return exit_code(error) == FAILED and not isinstance(error, ours)
