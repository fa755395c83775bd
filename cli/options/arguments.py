"""Parsers of arguments that several commands take: segment, entity, NAME=VALUE, a file of SQL."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from eventlog.format.paths import SegmentName


def parse_param(text: str) -> tuple[str, str]:
    """Returns name and value of `name=value`. Raises `BadParameter`."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.BadParameter(f"expected name=value, found {text!r}", param_hint="--param")
    require_text(text, "--param")
    return name, value


def require_text(word: str, place: str) -> None:
    """Raises `BadParameter` for an argument that is not UTF-8."""
    if not _is_text(word):
        raise click.BadParameter(f"expected UTF-8, found {word!a}", param_hint=place)


def read_sql(path: Path | None) -> str:
    """Returns the text of a file, or of stdin. Raises `Invalid` if it is not UTF-8."""
    from eventlog.errors import Invalid

    data = path.read_bytes() if path else sys.stdin.buffer.read()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        place = path or "stdin"
        message = f"{place}: expected SQL in UTF-8, found byte 0x{data[error.start]:02x}"
        raise Invalid(f"{message} at offset {error.start}") from error


def parse_segment_argument(root: Path, text: str) -> "SegmentName":
    """Returns the segment with this name, or to which this file belongs. Raises `Invalid`."""
    from eventlog.errors import Invalid
    from eventlog.format.paths import parse_segment

    name = parse_segment(text) or parse_segment(_path_in_log(root, text))
    if name is None:
        what = f"segment {text!r}: expected a name as openrouter/2026-11-21/05-1a2b3c4d-000"
        raise Invalid(what, "hindlog segment list")
    return name


def _path_in_log(root: Path, text: str) -> str:
    """Returns a path relative to the folder `log`; empty if it is outside."""
    path, log = Path.cwd() / text, root / "log"
    return path.relative_to(log).as_posix() if path.is_relative_to(log) else ""


def parse_entity(entity: str) -> tuple[str, str, str]:
    """Returns source, type and id of `source/type/id`; ids may contain slashes.

    Raises `Invalid`.
    """
    from eventlog.errors import Invalid

    source, _, rest = entity.partition("/")
    type_, _, id_ = rest.partition("/")
    if not (source and type_ and id_) or not _is_text(entity):
        what = f"entity {entity!a}: expected source/type/id in UTF-8"
        raise Invalid(what, "hindlog show openrouter/model/openai/gpt-5")
    return source, type_, id_


def _is_text(word: str) -> bool:
    """Returns whether the argument is UTF-8: Python decodes other bytes to lone surrogates."""
    return not any("\ud800" <= char <= "\udfff" for char in word)
