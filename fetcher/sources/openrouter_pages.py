"""Pages of OpenRouter: continuation, and pages that contradict themselves. Pure."""

import json

from eventlog.body.json_spans import NotJson, member_values
from fetcher.source import Continuation, Params, cursor_text, pick_params, read_object


def openrouter_continuation(envelope: bytes, params: Params, count: int) -> Continuation:
    """Returns the next page. There is one only if the request set a page size.

    A page that contradicts itself is not the end of its listing.
    """
    url = cursor_text(read_object(envelope, "links").get("next"))
    next_params = pick_params(url or "", ("offset", "limit"))
    doubt = _find_error(envelope)
    if doubt is None and url is None:
        doubt = _find_missing_rows(envelope, params, count)
    return Continuation(next_params or None, url, url is None and doubt is None, doubt)


def openrouter_single_page(envelope: bytes, params: Params, count: int) -> Continuation:
    """Continuation of a listing that consists of one page, unless it contradicts itself."""
    doubt = _find_error(envelope) or _find_missing_rows(envelope, {}, count)
    return Continuation(None, None, doubt is None, doubt)


def _find_error(envelope: bytes) -> str | None:
    """Returns the error that a page with status 200 reports; None if it reports none."""
    for name in ("error", "errors"):
        if _member(envelope, name) not in (None, False, "", [], {}):
            return f"status 200 with the member {name!r}"
    return None


def _find_missing_rows(envelope: bytes, params: Params, count: int) -> str | None:
    """Compares the rows up to this page, which is the last one, with upstream's own count."""
    total = _member(envelope, "total_count")
    offset = params.get("offset", "0")
    before = int(offset) if offset.isascii() and offset.isdigit() else 0
    if type(total) is int and total > before + count:
        return f"total_count is {total}, but there are only {before + count} rows"
    return None


def _member(envelope: bytes, name: str) -> object:
    """Returns a member of a page; None if there is none, the name if it cannot be decoded."""
    try:
        text = member_values(envelope.strip(), (name,)).get(name, b"null")
        value: object = json.loads(text.decode("utf-8", "replace"), strict=False)
    except NotJson:
        return None
    except (ValueError, RecursionError):
        return name
    return value
