"""Rebuilds a response from its page event, byte for byte. Pure.

page: envelope, roster ──┐
events in the roster ────┴──> the response, whose SHA-256 the page contains
"""

import hashlib
from collections.abc import Callable

from eventlog.body.join import join
from eventlog.body.json_spans import NotJson
from eventlog.errors import Corrupt
from eventlog.format.event import Line, exact_body
from eventlog.format.event_codec import decode

LineOf = Callable[[int], bytes]
"""Returns the line with a seq, of the stream of the page."""

AssetOf = Callable[[str], bytes]
"""Returns the bytes of an asset, by its SHA-256."""


def rebuild(page: Line, line_of: LineOf, asset_of: AssetOf) -> bytes:
    """Returns the response of a page as upstream sent it, after content decoding.

    Raises `Corrupt` if its SHA-256 differs from the one in the page event, or if its entities do
    not fit its own bytes.
    """
    where = f"{page.source}, writer {page.writer}, seq {page.seq}"
    body = stored_body(page, asset_of)
    is_exact = page.body_raw is not None or page.body_asset is not None
    if not is_exact and page.roster:
        bodies = {
            pointer: [stored_body(decode(line_of(seq)), asset_of) or b"" for *_, seq in entries]
            for pointer, entries in page.roster.items()
        }
        try:
            body = join(body, bodies)
        except NotJson as error:
            what = f"{where}: the response cannot be rebuilt from its entities: {error}"
            raise Corrupt(what, "hindlog verify") from error
    response = body or b""
    actual = hashlib.sha256(response).hexdigest()
    if actual != page.sha256:
        raise Corrupt(
            f"{where}: rebuilt a response with SHA-256 {actual[:16]}…, "
            f"expected {str(page.sha256)[:16]}…",
            "hindlog verify",
        )
    return response


def stored_body(line: Line, asset_of: AssetOf) -> bytes | None:
    """Returns the exact body of an event, from its line or from `assets/`; None without body."""
    if line.body_asset is not None:
        return asset_of(line.body_asset)
    return exact_body(line)
