"""Reads the bodies of events by their places in the log, with a cache of decompressed blocks.

    place ──> block of lines, from the cache or from its frame ──> line ──> body

A caller that asks in the order of places, or goes back only a little, causes each frame to be
decompressed once. The cache keeps the most recently used blocks up to `max_cached_block_bytes`.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from eventlog.files.assets import get_asset
from eventlog.format.event_codec import decode
from eventlog.format.paths import parse_segment
from eventlog.read.block_cache import BlockCache, cached_line, name_as_version
from eventlog.read.rebuild_response import stored_body
from eventlog.read.segment_lines import read_lines
from projector.limits import Limits

BodyPlace = tuple[str, int]
"""Name of the segment, and seq."""


def body_reader(root: Path, limits: Limits) -> Callable[[BodyPlace], bytes | None]:
    """Returns a function from a place to the exact bytes of the body of the event there.

    That function returns `null` if the event has no body, and None if the segment has no such
    event. It raises `NotFound` if the segment does not exist and `Corrupt` if it is damaged.
    """
    line_at = _line_reader(root, limits.max_cached_block_bytes)
    asset_of = partial(get_asset, root)

    def body_at(place: BodyPlace) -> bytes | None:
        line = line_at(place)
        return None if line is None else stored_body(decode(line), asset_of) or b"null"

    return body_at


def _line_reader(root: Path, max_bytes: int) -> Callable[[BodyPlace], bytes | None]:
    cache = BlockCache(max_bytes, name_as_version)

    def line_at(place: BodyPlace) -> bytes | None:
        segment, seq = place
        line = cached_line(cache, segment, seq)
        name = parse_segment(segment) if line is None else None
        return line if name is None else read_lines(root, name, [seq], cache).get(seq)

    return line_at
