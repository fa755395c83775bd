"""Selects events, and decides which segments and frames cannot contain any of them. Pure.

`since` is inclusive, `until` exclusive, in microseconds. A pattern is a glob over
`source/type/id`, in which `*` and `?` are wildcards and every other character, also `[`, is
itself; `openrouter` alone means everything of that source, `openrouter/model` everything of that
type.
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
    """Conditions that events must fulfil. An empty set or None means no condition."""

    since: int | None = None
    until: int | None = None
    sources: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    shapes: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()


EVERYTHING = Select()


def compile_patterns(patterns: Sequence[str]) -> "re.Pattern[str] | None":
    """Returns the patterns as one regular expression over `source/type/id`, or None without any."""
    if not patterns:
        return None
    return re.compile("|".join(_expression(pattern) for pattern in patterns), re.DOTALL)


def _expression(pattern: str) -> str:
    """Translates a glob. `*` matches any characters, also `/`, since ids contain it; `?` one."""
    text = "".join(_glob(char) for char in pattern)
    return f"(?:{text})" if pattern.count("/") >= 2 else f"(?:{text}(?:/.*)?)"


def _glob(char: str) -> str:
    return {"*": ".*", "?": "."}.get(char, re.escape(char))


def wants_segment(select: Select, name: SegmentName) -> bool:
    """Whether a segment can contain selected events, judged by its hour and source."""
    if select.sources and name.source not in select.sources:
        return False
    if select.since is not None and name.starts_at + HOUR <= select.since:
        return False
    return select.until is None or name.starts_at < select.until


def wants_manifest(select: Select, manifest: Manifest) -> bool:
    """Whether a sealed segment can contain selected events, judged by its manifest."""
    if select.since is not None and manifest.last_us < select.since:
        return False
    if select.until is not None and manifest.first_us >= select.until:
        return False
    return _wants_counts(select, manifest.kinds, manifest.types)


def wants_frame(select: Select, frame: Frame) -> bool:
    """Whether a frame can contain selected events."""
    return _wants_counts(select, frame.kinds, frame.types)


def _wants_counts(select: Select, kinds: Mapping[str, int], types: Mapping[str, int]) -> bool:
    if select.kinds and select.kinds.isdisjoint(kinds):
        return False
    return not (select.types and select.types.isdisjoint(types))


@attrs.frozen
class CompiledSelect:
    """A selection prepared for testing many lines."""

    select: Select
    since: str
    until: str
    pattern: "re.Pattern[str] | None"
    takes_all: bool
    """Whether every line is selected."""
    by_head: bool
    """Whether instant, kind and type decide. (The source is a condition on segments.)"""


def compile_select(select: Select) -> CompiledSelect:
    """Prepares a selection for testing many lines."""
    since = "" if select.since is None else format_us(select.since)
    until = "~" if select.until is None else format_us(select.until)
    by_head = not select.shapes and not select.patterns
    return CompiledSelect(
        select, since, until, compile_patterns(select.patterns), select == EVERYTHING, by_head
    )


def accepts_line(
    compiled: CompiledSelect, line: bytes, observed_at: str, sort: KindAndType
) -> bool:
    """Whether an event is selected. `sort`: its kind and type as in `LineBlock`."""
    if not compiled.since <= observed_at < compiled.until:
        return False
    kind, type_ = kind_and_type(sort)
    select = compiled.select
    if (select.kinds and kind not in select.kinds) or (select.types and type_ not in select.types):
        return False
    return compiled.by_head or accepts_header(compiled, line_header(line))


def accepts_header(compiled: CompiledSelect, head: LineHeader) -> bool:
    """Whether an event is selected, judged by its header."""
    select = compiled.select
    if not compiled.since <= head.observed_at < compiled.until:
        return False
    for names, value in _tests(select, head):
        if names and value not in names:
            return False
    if compiled.pattern is None:
        return True
    return compiled.pattern.fullmatch(entity_path(head)) is not None


def _tests(select: Select, head: LineHeader) -> Sequence[tuple[frozenset[str], str | None]]:
    return (
        (select.sources, head.source),
        (select.kinds, head.kind),
        (select.types, head.type),
        (select.shapes, head.shape),
    )


def entity_path(head: LineHeader) -> str:
    """Returns `source/type/id`, without those that the event does not have."""
    parts = [head.source, head.type, head.id]
    return "/".join(part for part in parts if part is not None)
