"""The manual page hindlog(1): every command with its options, in the format of `man`. Pure.

`make docs` writes docs/hindlog.1; the wheel installs it below `share/man/man1`.
"""

import inspect
from collections.abc import Iterator, Mapping

import click

_HEAD = """\
.TH HINDLOG 1 "" "hindlog" "hindlog"
.SH NAME
hindlog \\- keeps every version of every entity an API ever returned
.SH SYNOPSIS
.B hindlog
[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]
"""

_FILES = """\
.SH FILES
.TP
.B hindlog.toml
Configuration of an archive. \\fBhindlog config show --origin\\fR prints where each value comes
from.
.TP
.B log/
The events, in hourly segments: the only state of an archive.
.TP
.B views/hindlog.duckdb
The views that SQL reads. It can be deleted and rebuilt.
.SH ENVIRONMENT
.TP
.B HINDLOG_ARCHIVE
The archive, if \\fB-C\\fR does not name one.
.TP
.B HINDLOG_OPENROUTER_API_KEY, HINDLOG_CIVITAI_API_KEY
API keys; optional. Append \\fB_FILE\\fR to name a file that contains the key.
.TP
.B HINDLOG_\\fIKEY\\fR
Overrides a key of hindlog.toml, such as HINDLOG_OPENROUTER_SCHEDULE.
"""


def man_page(
    root: click.Group,
    commands: Iterator[tuple[tuple[str, ...], click.Command]],
    codes: Mapping[int, str],
) -> str:
    """Returns the page in roff. `codes`: the meaning of each exit code."""
    about = _paragraphs(root.help or "")
    sections = "".join(_command(path, command) for path, command in commands)
    statuses = "".join(
        f".TP\n.B {code}\n{escape_roff(text)}\n" for code, text in sorted(codes.items())
    )
    return (
        f"{_HEAD}.SH DESCRIPTION\n{about}.SH OPTIONS\n{_options(root)}"
        f".SH COMMANDS\n{sections}.SH EXIT STATUS\n{statuses}{_FILES}"
    )


def escape_roff(text: str) -> str:
    """Returns text in which no character has a meaning for roff: one line, without markup."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("\n", " ")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


def _command(path: tuple[str, ...], command: click.Command) -> str:
    name = " ".join(("hindlog", *path))
    usage = " ".join(command.collect_usage_pieces(click.Context(command, info_name=name)))
    example = (command.epilog or "").removeprefix("Example: ")
    return (
        f".SS {escape_roff(' '.join(path))}\n.B {escape_roff(name)}\n{escape_roff(usage)}\n"
        f".PP\n{_paragraphs(command.help or '')}{_options(command)}"
        f".PP\nExample:\n{_verbatim(example)}"
    )


def _options(command: click.Command) -> str:
    """Returns the options that only this command has; those of the program are named once."""
    ctx = click.Context(command)
    shared = set() if isinstance(command, click.Group) else GLOBAL_OPTIONS
    records = (param.get_help_record(ctx) for param in command.params if param.name not in shared)
    return "".join(
        f".TP\n.B {escape_roff(option)}\n{escape_roff(text)}\n"
        for option, text in filter(None, records)
    )


GLOBAL_OPTIONS = {"archive", "config", "quiet", "verbose", "color", "log_format", "help", "offline"}
"""Names of the options that every command takes."""


def _paragraphs(text: str) -> str:
    return ".PP\n".join(map(_paragraph, inspect.cleandoc(text).split("\n\n")))


def _paragraph(text: str) -> str:
    """Returns a paragraph; one that click does not wrap keeps its lines."""
    return _verbatim(text[2:]) if text.startswith("\b\n") else f"{escape_roff(text)}\n"


def _verbatim(text: str) -> str:
    lines = "\n".join(map(escape_roff, text.split("\n")))
    return f".RS 4\n.nf\n{lines}\n.fi\n.RE\n"
