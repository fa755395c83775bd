"""Arguments that several commands read: a segment's name, an entity, K=V."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    pass

if TYPE_CHECKING:
    from eventlog.format.paths import SegmentName


def param_of(text: str) -> tuple[str, str]:
    """Name and value of `name=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.BadParameter(f"expected name=value, found {text!r}", param_hint="--param")
    return name, value


def segment_named(root: Path, text: str) -> "SegmentName":
    """The segment of a name, or of the path of one of its files. Raises `Invalid`."""
    from eventlog.errors import Invalid
    from eventlog.format.paths import parse_segment

    name = parse_segment(text) or parse_segment(_relative(root, text))
    if name is None:
        what = f"segment {text!r}: expected a name as openrouter/2026-11-21/05-1a2b3c4d-000"
        raise Invalid(what, "hindlog segment list")
    return name


def _relative(root: Path, text: str) -> str:
    """A path as the shell completes it, as the name of a segment."""
    path, log = Path.cwd() / text, root / "log"
    return path.relative_to(log).as_posix() if path.is_relative_to(log) else ""


def parts_of(entity: str) -> tuple[str, str, str]:
    """Source, type and id of `source/type/id`; ids hold slashes. Raises `Invalid`."""
    from eventlog.errors import Invalid

    source, _, rest = entity.partition("/")
    type_, _, id_ = rest.partition("/")
    if not (source and type_ and id_) or not _is_text(entity):
        what = f"entity {entity!a}: expected source/type/id in UTF-8"
        raise Invalid(what, "hindlog show openrouter/model/openai/gpt-5")
    return source, type_, id_


def _is_text(word: str) -> bool:
    """Whether it came as UTF-8: other bytes stand in it as lone surrogates."""
    return not any("\ud800" <= each <= "\udfff" for each in word)
