"""Simulates an upstream with recorded responses: each request gets the response of its time.

    folder ──(once)──> responses by request and time ──> the last one not after now

The endpoint of a response is recognised by its body, as in an import. The bodies are kept
compressed in an anonymous temporary file: two years of OpenRouter's lists take 60 MB.
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
from eventlog.errors import HindlogError, Invalid, NotFound
from fetcher.imports.files.decompress import DamagedRecording
from fetcher.imports.name_time import time_in_name
from fetcher.imports.recordings import RecordedResponse, list_recordings
from fetcher.imports.responses.bare_json import BareResponse, split_lines, wrap_document
from fetcher.simulator.civitai.api import PREFIX
from fetcher.simulator.world.world import Answer, Request, refuse
from fetcher.source import PAGE_CURSOR_PARAMS, Endpoint, Params, Source, match_url, url_of
from fetcher.sources import SOURCES

_BASES = {"civitai": PREFIX, "openrouter": ""}
RequestKey = tuple[str, str, tuple[tuple[str, str], ...]]
"""Source, path template, sorted parameters."""


@attrs.define
class RecordedBodies:
    """Recorded bodies, by request and time."""

    file: IO[bytes]
    """The compressed bodies, one after the other."""
    entries: dict[RequestKey, list[tuple[int, int, int]]] = attrs.field(factory=dict)
    """Time, offset and size of each body, sorted."""


def load_recordings(folder: Path) -> RecordedBodies:
    """Loads every known response in a folder.

    Raises `NotFound` if the folder does not exist, `Invalid` if it has no known response.
    """
    if not folder.exists():
        raise NotFound(f"{folder}: no such file or folder")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the server runs
    bodies = RecordedBodies(file)
    compressor = zstandard.ZstdCompressor(level=1)
    for recording in list_recordings([folder], _time_of, _refuse_damage):
        for recorded in recording.open():
            for key, body in _known(recorded):
                packed = compressor.compress(body)
                entry = (recorded.observed_at, bodies.file.tell(), len(packed))
                bodies.file.write(packed)
                bodies.entries.setdefault(key, []).append(entry)
    for entries in bodies.entries.values():
        entries.sort()
    if not bodies.entries:
        raise Invalid(f"{folder}: contains no known response of {' or '.join(SOURCES)}")
    return bodies


def _refuse_damage(error: HindlogError) -> None:
    """Ignores files of other kinds, which are left out; raises the error of a damaged one."""
    if isinstance(error, DamagedRecording):
        raise error


def _time_of(name: str, mtime: float | None, folder: str) -> int:
    """Returns the time in the name, or the mtime if it cannot be read."""
    try:
        return time_in_name(name, folder)
    except Invalid:
        return int((mtime or 0) * SECOND)


def _known(recorded: RecordedResponse) -> Iterator[tuple[RequestKey, bytes]]:
    """Yields the known responses of the first source that knows any, with their requests."""
    for source in SOURCES.values():
        bodies = [(_key(source, bare), bare.body) for bare in _bare(source, recorded)]
        if any(key for key, _ in bodies):
            yield from ((key, body) for key, body in bodies if key is not None)
            return


def _bare(source: Source, recorded: RecordedResponse) -> Sequence[BareResponse]:
    if recorded.first_line is None:
        return [wrap_document(source, recorded.body, None)]
    lines = split_lines(source, recorded.body, recorded.first_line, None)
    return [line for line in lines if isinstance(line, BareResponse)]


def _key(source: Source, bare: BareResponse) -> RequestKey | None:
    for endpoint in source.endpoints:
        is_candidate = bare.endpoint in (None, endpoint.path)
        params = endpoint.recognise(bare.body) if is_candidate else None
        if params is not None:
            return source.name, endpoint.path, tuple(sorted(params.items()))
    return None


def recorded_answer(bodies: RecordedBodies, request: Request, now_us: int) -> Answer:
    """Returns the last recorded body not after now; 404 if there is none."""
    name = "civitai" if request.path.startswith(PREFIX) else "openrouter"
    source = SOURCES[name]
    try:
        url = url_of("", request.path, request.query)
        endpoint, params = match_url(source, _BASES[name], url)
    except Invalid:
        return refuse({"error": "no such endpoint"}, 404)
    for key in _matching_keys(bodies, name, endpoint, params):
        entries = bodies.entries[key]
        at = bisect_right(entries, now_us, key=lambda entry: entry[0])
        if at:
            _, offset, size = entries[at - 1]
            bodies.file.seek(offset)
            return Answer(200, zstandard.ZstdDecompressor().decompress(bodies.file.read(size)))
    return refuse({"error": f"no response to {json.dumps(url)} was recorded by then"}, 404)


def _matching_keys(
    bodies: RecordedBodies, name: str, endpoint: Endpoint, params: Params
) -> Iterator[RequestKey]:
    """Yields the request itself, then requests of the same scope with fewer parameters."""
    exact = (name, endpoint.path, tuple(sorted(params.items())))
    if exact in bodies.entries:
        yield exact
    if PAGE_CURSOR_PARAMS & params.keys():
        return
    for key in bodies.entries:
        known = dict(key[2])
        is_same = key[:2] == exact[:2] and known.items() <= params.items() and key != exact
        if is_same and endpoint.scope(known) == endpoint.scope(params):
            yield key
