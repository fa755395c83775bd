"""Returns the exact bytes of events and responses, from lines and from `assets/`."""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

from eventlog.errors import NotFound
from eventlog.files.assets import get_asset
from eventlog.format.event import ANOMALY, PAGE, PAGE_FAILED
from eventlog.format.event_codec import decode
from eventlog.format.line_header import line_header
from eventlog.format.paths import SegmentName
from eventlog.read.rebuild_response import rebuild, stored_body
from eventlog.read.segment_lines import segment_blocks
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


def response_of(root: Path, line: bytes) -> bytes:
    """Returns the complete response of a page event, as upstream sent it, after content decoding.

    For an anomaly, returns its stored bytes. Raises `Corrupt` if the SHA-256 differs, and
    `NotFound` for every other kind of event.
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
    seqs = {seq for entries in page.roster.values() for *_, seq in entries}
    lines = lines_by_seq(root, page.source, page.writer, seqs)
    return rebuild(page, lines.__getitem__, partial(get_asset, root))


def lines_by_seq(root: Path, source: str, writer: str, seqs: Collection[int]) -> dict[int, bytes]:
    """Returns the lines of a stream with these seqs; opens each segment once.

    Raises `NotFound` if any of them does not exist.
    """
    lines: dict[int, bytes] = {}
    bounds = (min(seqs), max(seqs)) if seqs else (0, 0)
    for segment in iterate_seq_ranges(root, source, writer, *bounds):
        end = segment.last_seq
        wanted = sorted(seq for seq in seqs if segment.first_seq <= seq and (not end or seq <= end))
        if wanted:
            lines.update(_lines_in(root, segment.name, wanted))
    missing = sorted(set(seqs) - lines.keys())
    if missing:
        raise NotFound(f"{source}, writer {writer}: no event with seq {missing[0]}")
    return lines


def _lines_in(root: Path, name: SegmentName, seqs: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Yields the lines of one segment with these seqs, which must be sorted."""
    for block in segment_blocks(root, name, from_seq=seqs[0]):
        lines = block.split(b"\n")
        lines.pop()
        first = line_header(lines[0]).seq
        yield from ((seq, lines[seq - first]) for seq in seqs if first <= seq < first + len(lines))
        if first + len(lines) > seqs[-1]:
            return
