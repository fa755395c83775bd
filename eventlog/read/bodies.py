"""Bodies: the exact bytes of what an event holds, wherever they lie."""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

from eventlog.errors import NotFound
from eventlog.files.assets import get_asset
from eventlog.format.event import ANOMALY, PAGE, PAGE_FAILED
from eventlog.format.event_codec import decode
from eventlog.format.line_header import line_header
from eventlog.format.paths import SegmentName
from eventlog.read.reader import extents
from eventlog.read.rebuild_response import rebuild, stored_body
from eventlog.read.segment_lines import segment_blocks


def body_of(root: Path, line: bytes) -> bytes:
    """The body of an event as upstream sent it, byte for byte.

    From the line itself, or from `assets/` where it was too large for one. Raises
    `NotFound` if the event has no body.
    """
    event = decode(line)
    body = stored_body(event, partial(get_asset, root))
    if body is None:
        where = f"{event.source}, writer {event.writer}, seq {event.seq}"
        raise NotFound(f"{where}: a {event.kind} event, which has no body")
    return body


def response_of(root: Path, line: bytes) -> bytes:
    """The whole response of a page event, as upstream sent it, after content decoding.

    Of an anomaly, the bytes that were kept. Raises `Corrupt` where the SHA-256 is another, and
    `NotFound` for every other kind of event.
    """
    page = decode(line)
    where = f"{page.source}, writer {page.writer}, seq {page.seq}"
    if page.kind == ANOMALY:
        return body_of(root, line)
    if page.kind == PAGE_FAILED:
        raise NotFound(
            f"{where}: a page_failed event: no response was kept", "hindlog log --kind page"
        )
    if page.kind != PAGE:
        raise NotFound(
            f"{where}: expected a page event, found {page.kind}",
            "its page follows it in the log: hindlog segment cat, or hindlog log --kind page",
        )
    seqs = {seq for entries in page.roster.values() for *_, seq in entries}
    held = lines_of(root, page.source, page.writer, seqs)
    return rebuild(page, held.__getitem__, partial(get_asset, root))


def lines_of(root: Path, source: str, writer: str, seqs: Collection[int]) -> dict[int, bytes]:
    """The events of a stream with these seqs; each segment is opened once.

    Raises `NotFound` if one is not there.
    """
    found: dict[int, bytes] = {}
    for extent in extents(root, source, writer):
        end = extent.last_seq
        mine = sorted(seq for seq in seqs if extent.first_seq <= seq and (not end or seq <= end))
        if mine:
            found.update(_pick(root, extent.name, mine))
    missing = sorted(set(seqs) - found.keys())
    if missing:
        raise NotFound(f"{source}, writer {writer}: no event with seq {missing[0]}")
    return found


def _pick(root: Path, name: SegmentName, seqs: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The lines with these seqs, which are sorted, out of one segment."""
    for block in segment_blocks(root, name, from_seq=seqs[0]):
        lines = block.split(b"\n")
        lines.pop()
        first = line_header(lines[0]).seq
        yield from ((seq, lines[seq - first]) for seq in seqs if first <= seq < first + len(lines))
        if first + len(lines) > seqs[-1]:
            return
