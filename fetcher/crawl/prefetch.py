"""Prefetch: the next page is requested before the current one is split.

    page ──predict──> next page ──> requested
      └──> splitter process ──> parts ──> same next page? ──> recorded, in page order
                                             └ no: misprediction. Neither this page nor
                                               those after it are recorded; pagination
                                               returns to this page and splits it here

A prediction only determines the next request. The recorded events depend on the parts alone.
"""

import asyncio
from collections.abc import Sequence

import attrs
import msgspec
import orjson

from eventlog.body.split_rules import Rule
from fetcher.net.http import HttpResult
from fetcher.source import Continuation, Params, ReadContinuation, decode_as

Recorded = asyncio.Future[bool]
"""Resolves to True when a page and all before it are recorded, to False if it never will be."""

_NEAR = 64 * 1024
"""Bytes at the beginning and at the end of a page that are searched."""
_TRIES = 16
"""Maximum number of closing brackets that are tried."""


@attrs.frozen
class Misprediction:
    """A page whose next page was predicted wrongly."""

    page_no: int
    result: HttpResult
    """The response, which is split again without another request."""


def predict_next_page(
    body: bytes, rules: Sequence[Rule], continuation: ReadContinuation, params: Params
) -> Continuation | None:
    """Predicts what follows a page from its first and last bytes. Pure.

    Returns None if no page follows, or if no prediction is possible: the array of entities
    is not a member of the page itself, or is too far from both ends of the page.
    """
    tops = [rule.pointer for rule in rules if "*" not in rule.pointer]
    name = tops[0].removeprefix("/") if len(tops) == 1 else ""
    if not name or "/" in name:
        return None
    envelope = _envelope_around(body, orjson.dumps(name) + b":[")
    page = continuation(envelope, params, 1) if envelope is not None else None
    return page if page is not None and page.next is not None else None


def _envelope_around(body: bytes, opening: bytes) -> bytes | None:
    """Returns the page with its array of entities emptied; None if no such page is found.

    The array begins at `opening`. It ends at the last closing bracket for which the page
    without the array's content is a JSON object.
    """
    before = body[:_NEAR].find(opening) + len(opening)
    if before < len(opening):
        return None
    end = len(body)
    for _ in range(_TRIES):
        end = body.rfind(b"]", max(before, len(body) - _NEAR), end)
        if end < 0:
            return None
        envelope = body[:before] + body[end:]
        if decode_as(envelope, dict[str, msgspec.Raw]) is not None:
            return envelope
    return None
