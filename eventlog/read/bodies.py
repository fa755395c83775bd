"""Returns the exact bytes of events and responses, from lines and from `assets/`."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from eventlog.catalog.index import SourceIndex
from eventlog.catalog.lookup import MAX_SEQ
from eventlog.errors import Corrupt, NotFound
from eventlog.files.assets import get_asset
from eventlog.format.event import ANOMALY, PAGE, PAGE_FAILED, Line
from eventlog.format.event_codec import decode
from eventlog.read.block_cache import BlockCache
from eventlog.read.rebuild_response import rebuild, stored_body
from eventlog.read.segment_lines import read_lines
from eventlog.read.seq_ranges import iterate_seq_ranges


def body_of(root: Path, line: bytes) -> bytes:
    """Returns the body of an event as upstream sent it, byte for byte.

    Reads `assets/` if the body was too large for a line. Raises `NotFound` if the event has
    no body.
    """
    event = decode(line)
    body = stored_body(event, partial(get_asset, root))
    if body is None:
        where = f"{event.source}, writer {event.writer}, seq {event.seq}"
        raise NotFound(f"{where}: a {event.kind} event, which has no body")
    return body


def response_of(
    root: Path, line: bytes, cache: BlockCache | None = None, index: SourceIndex | None = None
) -> bytes:
    """Returns the complete response of a page event, as upstream sent it, after content decoding.

    For an anomaly, returns its stored bytes. `cache` and `index`: see `lines_by_seq`. Raises
    `Corrupt` if the SHA-256 differs, and `NotFound` for every other kind of event.
    """
    page = decode(line)
    where = f"{page.source}, writer {page.writer}, seq {page.seq}"
    if page.kind == ANOMALY:
        return body_of(root, line)
    if page.kind == PAGE_FAILED:
        raise NotFound(
            f"{where}: a page_failed event, for which no response is stored",
            "hindlog log --kind page",
        )
    if page.kind != PAGE:
        raise NotFound(
            f"{where}: expected a page event, found {page.kind}",
            "its page follows it in the log: hindlog segment cat, or hindlog log --kind page",
        )
    lines = lines_of_page(root, page, cache, index)
    return rebuild(page, lines.__getitem__, partial(get_asset, root))


def lines_of_page(
    root: Path, page: Line, cache: BlockCache | None = None, index: SourceIndex | None = None
) -> dict[int, bytes]:
    """Returns the lines that contain the entities of a page, by seq. See `lines_by_seq`."""
    seqs = {seq for entries in page.roster.values() for *_, seq in entries}
    return lines_by_seq(root, page.source, page.writer, seqs, cache, index)


def lines_by_seq(
    root: Path,
    source: str,
    writer: str,
    seqs: Iterable[int],
    cache: BlockCache | None = None,
    index: SourceIndex | None = None,
) -> dict[int, bytes]:
    """Returns the lines of a stream with these seqs; reads each block that is not cached once.

    `index`: the index of the source, for callers that read many pages; segments that are newer
    than it are not found. Raises `NotFound` if any of the events does not exist, or `Corrupt`
    if it may be in a damaged segment.
    """
    wanted = sorted(set(seqs))
    lines: dict[int, bytes] = {}
    damages: list[Corrupt] = []
    bounds = (wanted[0], wanted[-1]) if wanted else (0, 0)
    for segment in iterate_seq_ranges(
        root, source, writer, *bounds, on_corrupt=damages.append, index=index
    ):
        end = MAX_SEQ if segment.last_seq is None else segment.last_seq
        in_segment = wanted[bisect_left(wanted, segment.first_seq) : bisect_right(wanted, end)]
        if in_segment:
            lines.update(read_lines(root, segment.name, in_segment, cache))
    if missing := [seq for seq in wanted if seq not in lines]:
        if damages:
            raise damages[0]
        raise NotFound(f"{source}, writer {writer}: no event with seq {missing[0]}")
    return lines
