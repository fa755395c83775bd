"""Splits the pages of an import: entities that the last page of a request had are not parsed again.

An import reads the same list over and over, and most entities repeat their bytes. Their digests
are reused, too.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import attrs

from eventlog.body.split import Split
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


@attrs.frozen
class LastPage:
    """The last page of a request, whose entities are adjacent."""

    split: EarlierSplit
    digests: tuple[bytes, ...]
    """Digests of its entities."""
    is_recognised: bool
    """Whether its request was recognised by its body."""


@attrs.define
class LastPages:
    """The last page of each of the latest requests, if its entities are adjacent."""

    pages: dict[_RequestKey, LastPage] = attrs.field(factory=dict)
    """The latest request is the last one."""


@attrs.frozen
class PageComparison:
    """A body that was split by comparing it with the last page of a request."""

    last_page: LastPage
    split: Split
    numbers: tuple[int | None, ...]
    """For each entity its number in the last page; None: it is new."""

    def new_elements(self) -> bytes | None:
        """Returns the body without the repeated entities; None if there are no others."""
        pairs = zip(self.split.entities, self.numbers, strict=True)
        new = [entity.body for entity, number in pairs if number is None]
        earlier = self.last_page.split
        return b"%b%b%b" % (earlier.before, b",".join(new), earlier.after) if new else None


def compare_with_last(
    last: LastPages, endpoint: str, params: Mapping[str, str], body: bytes
) -> PageComparison | None:
    """Compares a body with the last page of a request; None if it must be split as a whole."""
    page = last.pages.get(_request_key(endpoint, params))
    if page is None:
        return None
    with gc_paused():
        again = split_again(body, page.split)
    return None if again is None else PageComparison(page, *again)


def split_like_last(
    last: LastPages,
    response: Response,
    rules: Sequence[Rule],
    body_sha256: str,
    *,
    comparison: PageComparison | None = None,
    is_recognised: bool = False,
) -> SplitResponse:
    """Splits a successful response, whose SHA-256 is known, and remembers it.

    `comparison`: of its body with an earlier page of the request, if that was done before.
    Law: equal to `split_response`, except that the values of repeated entities are `NOT_PARSED`.
    """
    if comparison is None:
        comparison = compare_with_last(last, response.endpoint, response.params, response.body)
    if comparison is None:
        parts = split_response(response, rules)
    else:
        parts = _compared_parts(response, rules, body_sha256, comparison)
    _remember(last, response, rules, parts, is_recognised=is_recognised)
    return parts


def _request_key(endpoint: str, params: Mapping[str, str]) -> _RequestKey:
    return endpoint, frozenset(params.items())


def _compared_parts(
    response: Response, rules: Sequence[Rule], body_sha256: str, comparison: PageComparison
) -> SplitResponse:
    digests = comparison.last_page.digests
    pairs = zip(comparison.split.entities, comparison.numbers, strict=True)
    return checked_parts(
        response.body,
        rules,
        comparison.split,
        tuple(
            [
                sha256(entity.body).digest()[:16] if number is None else digests[number]
                for entity, number in pairs
            ]
        ),
        body_sha256,
    )


def _remember(
    last: LastPages,
    response: Response,
    rules: Sequence[Rule],
    parts: SplitResponse,
    *,
    is_recognised: bool,
) -> None:
    """Replaces the last page of a request, or removes it if the new one cannot be used."""
    key = _request_key(response.endpoint, response.params)
    last.pages.pop(key, None)
    if parts.first is None:
        return
    split = earlier_split(rules[0], parts.envelope, parts.first, parts.entities)
    if split is not None:
        last.pages[key] = LastPage(split, parts.digests, is_recognised)
        if len(last.pages) > _MAX_PAGES:
            del last.pages[next(iter(last.pages))]
