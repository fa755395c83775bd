"""Patterns over `source/type/id`: refuses those that can never match."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from cli.config.listings import nearest
from eventlog.errors import Invalid

_WILDCARDS = "*?"


def check_patterns(root: Path, patterns: Iterable[str]) -> None:
    """Raises `Invalid` for a pattern whose source or type no event has or can have.

    The message names the nearest known source or type.
    """
    from eventlog.files.listing import list_sources
    from fetcher.sources import SOURCES

    sources = {*list_sources(root), *SOURCES}
    for pattern in patterns:
        source, _, rest = pattern.partition("/")
        if not _is_possible(source, sources):
            raise _unknown(pattern, "source", source, sources)
        type_ = rest.partition("/")[0]
        if type_ and _is_exact(source):
            _check_type(root, pattern, source, type_)


def _check_type(root: Path, pattern: str, source: str, type_: str) -> None:
    from eventlog.errors import Corrupt

    known: set[str] = set()
    try:
        for types in _types(root, source):
            known |= types
            if _is_possible(type_, known):
                return
    except (Corrupt, FileNotFoundError):
        return  # a segment that cannot be read may contain the type; the command reports it
    raise _unknown(pattern, f"type of {source}", type_, known)


def _is_exact(part: str) -> bool:
    return not any(wildcard in part for wildcard in _WILDCARDS)


def _is_possible(part: str, known: set[str]) -> bool:
    """Returns whether a part of a pattern can match a name; `*` also matches `/`."""
    if _is_exact(part):
        return part in known
    prefix = part[: min(part.index(wildcard) for wildcard in _WILDCARDS if wildcard in part)]
    return any(name.startswith(prefix) for name in known)


def _types(root: Path, source: str) -> Iterator[set[str]]:
    """Yields the types that a source can have, then those in each segment, the newest first.

    Raises `Corrupt` for a damaged segment.
    """
    from eventlog.catalog.lookup import days_between
    from eventlog.files.listing import read_manifest
    from eventlog.format.line_header import line_header
    from eventlog.read.event_filter import EVERYTHING, compile_select
    from eventlog.read.reader import segment_records
    from fetcher.sources import SOURCES

    if source in SOURCES:
        yield {rule.type for endpoint in SOURCES[source].endpoints for rule in endpoint.rules({})}
    days = days_between(root, [source], backwards=True)
    segments = (folder.segments for folders in days for folder in folders)
    for name, entry in (segment for of_day in segments for segment in reversed([*of_day])):
        if entry.has_manifest:
            yield set(read_manifest(root, name).types)
        else:
            records = segment_records(root, name, compile_select(EVERYTHING))
            yield {line_header(record.line).type or "" for record in records}


def _unknown(pattern: str, kind: str, name: str, known: set[str]) -> Invalid:
    names = known - {""}
    close = f"the nearest known one is {nearest(name, names)}" if names else "none is known"
    return Invalid(f"pattern {pattern!r}: no {kind} is named {name!r}; {close}")
