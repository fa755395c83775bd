"""Bodies: the exact bytes of what an event holds, wherever they lie."""

from functools import partial
from pathlib import Path

from eventlog.assets import get_asset
from eventlog.errors import NotFound
from eventlog.event import decode
from eventlog.reader import read_one
from eventlog.rebuild import rebuild, stored_body


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
    """The whole response of a page event, as upstream sent it. Raises `Corrupt`."""
    page = decode(line)

    def line_of(seq: int) -> bytes:
        return read_one(root, page.source, page.writer, seq).line

    return rebuild(page, line_of, partial(get_asset, root))
