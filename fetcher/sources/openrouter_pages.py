"""Pages of OpenRouter: continuation, and pages that contradict themselves. Pure."""

from collections.abc import Mapping

from fetcher.source import Continuation, Params, cursor_text, pick_params, read_object
from fetcher.sources.claims import find_error, read_claims


def openrouter_continuation(envelope: bytes, params: Params, count: int) -> Continuation:
    """Returns the next page. There is one only if the request set a page size.

    A page that contradicts itself is not the end of its listing.
    """
    url = cursor_text(read_object(envelope, "links").get("next"))
    next_params = pick_params(url or "", ("offset", "limit"))
    claims = read_claims(envelope, ("total_count",))
    doubt = find_error(claims)
    if doubt is None and url is None:
        doubt = _find_missing_rows(claims, params, count)
    return Continuation(next_params or None, url, url is None and doubt is None, doubt)


def openrouter_single_page(envelope: bytes, params: Params, count: int) -> Continuation:
    """Continuation of a listing that consists of one page, unless it contradicts itself."""
    claims = read_claims(envelope, ("total_count",))
    doubt = find_error(claims) or _find_missing_rows(claims, {}, count)
    return Continuation(None, None, doubt is None, doubt)


def _find_missing_rows(claims: Mapping[str, object], params: Params, count: int) -> str | None:
    """Compares the rows up to this page, which is the last one, with upstream's own count."""
    total = claims.get("total_count")
    offset = params.get("offset", "0")
    before = int(offset) if offset.isascii() and offset.isdigit() else 0
    if type(total) is int and total > before + count:
        return f"total_count is {total}, but there are only {before + count} rows"
    return None
