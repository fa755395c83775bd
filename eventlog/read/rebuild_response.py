"""Rebuilding: a response again, byte for byte, from its page. Pure.

page: envelope, roster ──┐
events named by it ──────┴──> the response, whose SHA-256 the page holds
"""

import hashlib
from collections.abc import Callable

from eventlog.body.join import join
from eventlog.errors import Corrupt
from eventlog.format.event import Line, exact_body
from eventlog.format.event_codec import decode

LineOf = Callable[[int], bytes]
"""From a seq of the page's own stream to the line there."""

AssetOf = Callable[[str], bytes]
"""From the SHA-256 of an asset to its bytes."""


def rebuild(page: Line, line_of: LineOf, asset_of: AssetOf) -> bytes:
    """The response of a page as upstream sent it, after content decoding.

    Law: its SHA-256 is the page's. Raises `Corrupt` where it is not.
    """
    whole = stored_body(page, asset_of)
    kept = page.body_raw is not None or page.body_asset is not None
    if not kept and page.roster:
        bodies = {
            pointer: [stored_body(decode(line_of(seq)), asset_of) or b"" for *_, seq in entries]
            for pointer, entries in page.roster.items()
        }
        whole = join(whole, bodies)
    response = whole or b""
    found = hashlib.sha256(response).hexdigest()
    if found != page.sha256:
        raise Corrupt(
            f"{page.source}, writer {page.writer}, seq {page.seq}: rebuilt a response with "
            f"SHA-256 {found[:16]}…, expected {str(page.sha256)[:16]}…",
            "hindlog verify",
        )
    return response


def stored_body(line: Line, asset_of: AssetOf) -> bytes | None:
    """The exact bytes that an event holds, in its line or in `assets/`. None where none."""
    if line.body_asset is not None:
        return asset_of(line.body_asset)
    return exact_body(line)
