"""Splits the pages of an import: entities that the last page of a request had are not parsed again.

An import reads the same list over and over, and most entities repeat their bytes. Their digests
are reused, too.
"""

from collections.abc import Sequence
from hashlib import sha256

import attrs

from eventlog.body.split_again import EarlierSplit, earlier_split, split_again
from eventlog.body.split_rules import Rule
from fetcher.split.response import (
    Response,
    SplitResponse,
    checked_parts,
    gc_paused,
    split_response,
)

_MAX_PAGES = 8
"""Requests whose last page is kept; a page is at most 8 MiB."""

_RequestKey = tuple[str, frozenset[tuple[str, str]]]
"""Endpoint and parameters."""


@attrs.define
class LastPages:
    """The last page of each of the latest requests, if its entities are adjacent."""

    pages: dict[_RequestKey, tuple[EarlierSplit, tuple[bytes, ...]]] = attrs.field(factory=dict)
    """The split of a page, and the digests of its entities; the latest request last."""


def split_like_last(
    last: LastPages, response: Response, rules: Sequence[Rule], body_sha256: str
) -> SplitResponse:
    """Splits a successful response, whose SHA-256 is known, and remembers it.

    Law: equal to `split_response`, except that the values of repeated entities are `NOT_PARSED`.
    """
    key = (response.endpoint, frozenset(response.params.items()))
    earlier = last.pages.pop(key, None)
    parts = _split_again(response, rules, body_sha256, *earlier) if earlier else None
    if parts is None:
        parts = split_response(response, rules)
    if parts.first is not None:
        split = earlier_split(rules[0], parts.envelope, parts.first, parts.entities)
        if split is not None:
            last.pages[key] = split, parts.digests
            if len(last.pages) > _MAX_PAGES:
                del last.pages[next(iter(last.pages))]
    return parts


def _split_again(
    response: Response,
    rules: Sequence[Rule],
    body_sha256: str,
    earlier: EarlierSplit,
    digests: Sequence[bytes],
) -> SplitResponse | None:
    with gc_paused():
        again = split_again(response.body, earlier)
    if again is None:
        return None
    parts, numbers = again
    return checked_parts(
        response.body,
        rules,
        parts,
        tuple(
            [
                sha256(entity.body).digest()[:16] if number is None else digests[number]
                for entity, number in zip(parts.entities, numbers, strict=True)
            ]
        ),
        body_sha256,
    )
