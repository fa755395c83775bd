"""Recorded bodies as an upstream: each request is answered as it was then.

    folder ──(once)──> shelf: per request, the bodies by time ──> the last one not after now

A body is known by its shape, as in an import. The shelf lies in a temporary file without a
name, compressed: two years of lists are 60 MB.
"""

import json
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import attrs
import zstandard

from eventlog.clock import SECOND
from eventlog.errors import Invalid
from fetcher.imports.bare_json import Inner, by_line, dressed
from fetcher.imports.files import Recorded, containers, name_time
from fetcher.simulator.civitai.api import PREFIX
from fetcher.simulator.world.world import Answer, Request, refuse
from fetcher.source import WHERE_TO, Endpoint, Params, Source, match_url, url_of
from fetcher.sources import SOURCES

_BASES = {"civitai": PREFIX, "openrouter": ""}
Key = tuple[str, str, tuple[tuple[str, str], ...]]
"""Source, path template, sorted parameters."""


@attrs.define
class Shelf:
    """Recorded bodies by request and time."""

    file: IO[bytes]
    held: dict[Key, list[tuple[int, int, int]]] = attrs.field(factory=dict)
    """Per request (time, offset, size), sorted once everything is there."""


def shelve(folder: Path) -> Shelf:
    """Everything below a folder that is known to be an answer. Raises `NotFound`, `Invalid`."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server
    shelf = Shelf(file)
    machine = zstandard.ZstdCompressor(level=1)
    for container in containers([folder], _time):
        for recorded in container.open():
            for key, body in _known(recorded):
                packed = machine.compress(body)
                entry = (recorded.observed_at, shelf.file.tell(), len(packed))
                shelf.file.write(packed)
                shelf.held.setdefault(key, []).append(entry)
    for entries in shelf.held.values():
        entries.sort()
    if not shelf.held:
        raise Invalid(f"{folder}: nothing there is an answer of {' or '.join(SOURCES)}")
    return shelf


def _time(name: str, mtime: float) -> int:
    """From the name; files that name no time were there when they were written."""
    try:
        return name_time(name)
    except Invalid:
        return int(mtime * SECOND)


def _known(recorded: Recorded) -> Iterator[tuple[Key, bytes]]:
    for source in SOURCES.values():
        found = _inner(source, recorded)
        known = [(_key(source, each), each.body) for each in found]
        if any(key for key, _ in known):
            yield from ((key, body) for key, body in known if key is not None)
            return


def _inner(source: Source, recorded: Recorded) -> Sequence[Inner]:
    if recorded.first_line is None:
        return [dressed(source, recorded.body, None)]
    found = by_line(source, recorded.body, recorded.first_line, None)
    return [each for each in found if isinstance(each, Inner)]


def _key(source: Source, inner: Inner) -> Key | None:
    for each in source.endpoints:
        params = each.recognise(inner.body) if inner.endpoint in (None, each.path) else None
        if params is not None:
            return source.name, each.path, tuple(sorted(params.items()))
    return None


def recorded_answer(shelf: Shelf, request: Request, now_us: int) -> Answer:
    """The last recorded body not after now; 404 where there is none."""
    name = "civitai" if request.path.startswith(PREFIX) else "openrouter"
    source = SOURCES[name]
    try:
        asked = url_of("", request.path, request.query)
        endpoint, params = match_url(source, _BASES[name], asked)
    except Invalid:
        return refuse({"error": "no such endpoint"}, 404)
    for key in _keys(shelf, name, endpoint, params):
        entries = shelf.held[key]
        at = bisect_right(entries, now_us, key=lambda entry: entry[0])
        if at:
            _, offset, size = entries[at - 1]
            shelf.file.seek(offset)
            return Answer(200, zstandard.ZstdDecompressor().decompress(shelf.file.read(size)))
    return refuse({"error": f"nothing was recorded by then of {json.dumps(asked)}"}, 404)


def _keys(shelf: Shelf, name: str, endpoint: Endpoint, params: Params) -> Iterator[Key]:
    """What was asked exactly; then what was recorded of the same scope without saying how."""
    exact = (name, endpoint.path, tuple(sorted(params.items())))
    if exact in shelf.held:
        yield exact
    if WHERE_TO & params.keys():
        return
    for key in shelf.held:
        known = dict(key[2])
        is_same = key[:2] == exact[:2] and known.items() <= params.items() and key != exact
        if is_same and endpoint.scope(known) == endpoint.scope(params):
            yield key
