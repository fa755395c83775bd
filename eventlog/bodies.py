"""Bodies: the exact bytes of what an event holds, wherever they lie."""

from pathlib import Path

from eventlog.assets import get_asset
from eventlog.errors import NotFound
from eventlog.event import decode, exact_body


def body_of(root: Path, line: bytes) -> bytes:
    """The body of an event as upstream sent it, byte for byte.

    From the line itself, or from `assets/` where it was too large for one. Raises
    `NotFound` if the event has no body.
    """
    event = decode(line)
    if event.body_asset is not None:
        return get_asset(root, event.body_asset)
    body = exact_body(event)
    if body is None:
        what = (
            f"{event.source}, writer {event.writer}, seq {event.seq}: a {event.kind} without body"
        )
        raise NotFound(what)
    return body
