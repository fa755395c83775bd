"""Selecting: which events a reader wants, and what it may skip for that. Pure.

`since` is inclusive, `until` exclusive, in microseconds. A pattern is a glob over
`source/type/id`; `openrouter` alone means all of that source, `openrouter/model` all
of that type.
"""

import re
from collections.abc import Mapping, Sequence

import attrs

from eventlog.clock import HOUR, format_us
from eventlog.format.line_header import KindAndType, LineHeader, kind_and_type, line_header
from eventlog.format.manifest import Frame, Manifest
from eventlog.format.paths import SegmentName


@attrs.frozen(kw_only=True)
class Select:
    """What is wanted. Empty sets and None mean: everything."""

    since: int | None = None
    until: int | None = None
    sources: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    shapes: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()


EVERYTHING = Select()


def accepts(select: Select) -> "re.Pattern[str] | None":
    """The patterns of a selection as one expression over `source/type/id`."""
    if not select.patterns:
        return None
    return re.compile("|".join(_expression(pattern) for pattern in select.patterns), re.DOTALL)


def _expression(pattern: str) -> str:
    """`*` stands for any run of characters, `/` too: ids hold slashes. `?` for one."""
    pieces = ("".join(_glob(char) for char in part) for part in [pattern])
    text = "".join(pieces)
    return f"(?:{text})" if pattern.count("/") >= 2 else f"(?:{text}(?:/.*)?)"


def _glob(char: str) -> str:
    return {"*": ".*", "?": "."}.get(char, re.escape(char))


def wants_segment(select: Select, name: SegmentName) -> bool:
    """Whether a segment's hour and source can hold anything wanted."""
    if select.sources and name.source not in select.sources:
        return False
    if select.since is not None and name.starts_at + HOUR <= select.since:
        return False
    return select.until is None or name.starts_at < select.until


def wants_manifest(select: Select, manifest: Manifest) -> bool:
    """Whether a sealed segment can hold anything wanted."""
    if select.since is not None and manifest.last_us < select.since:
        return False
    if select.until is not None and manifest.first_us >= select.until:
        return False
    return _wants_counts(select, manifest.kinds, manifest.types)


def wants_frame(select: Select, frame: Frame) -> bool:
    """Whether one frame can hold anything wanted."""
    return _wants_counts(select, frame.kinds, frame.types)


def _wants_counts(select: Select, kinds: Mapping[str, int], types: Mapping[str, int]) -> bool:
    if select.kinds and select.kinds.isdisjoint(kinds):
        return False
    return not (select.types and select.types.isdisjoint(types))


@attrs.frozen
class Filter:
    """A selection made ready for line after line."""

    select: Select
    since: str
    until: str
    pattern: "re.Pattern[str] | None"

    takes_all: bool
    """Whether no line needs to be looked at."""
    by_head: bool
    """Whether time, kind and type say it all; segments are chosen by source."""


def ready(select: Select) -> Filter:
    """The filter of a selection."""
    since = "" if select.since is None else format_us(select.since)
    until = "~" if select.until is None else format_us(select.until)
    by_head = not select.shapes and not select.patterns
    return Filter(select, since, until, accepts(select), select == EVERYTHING, by_head)


def chosen(wanted: Filter, line: bytes, observed_at: str, sort: KindAndType) -> bool:
    """Whether an event is wanted, from its line and what was read of it at a glance."""
    if not wanted.since <= observed_at < wanted.until:
        return False
    kind, type_ = kind_and_type(sort)
    select = wanted.select
    if (select.kinds and kind not in select.kinds) or (select.types and type_ not in select.types):
        return False
    return wanted.by_head or matches(wanted, line_header(line))


def matches(wanted: Filter, head: LineHeader) -> bool:
    """Whether an event is wanted."""
    select = wanted.select
    if not wanted.since <= head.observed_at < wanted.until:
        return False
    for names, value in _tests(select, head):
        if names and value not in names:
            return False
    if wanted.pattern is None:
        return True
    return wanted.pattern.fullmatch(entity_path(head)) is not None


def _tests(select: Select, head: LineHeader) -> Sequence[tuple[frozenset[str], str | None]]:
    return (
        (select.sources, head.source),
        (select.kinds, head.kind),
        (select.types, head.type),
        (select.shapes, head.shape),
    )


def entity_path(head: LineHeader) -> str:
    """`source/type/id`, as far as the event has them."""
    parts = [head.source, head.type, head.id]
    return "/".join(part for part in parts if part is not None)
