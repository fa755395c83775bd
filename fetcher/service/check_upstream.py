"""Asks an upstream once whether it answers: one cheap request, of which nothing is written."""

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

import attrs

from fetcher.net.http import Client, get, open_session
from fetcher.source import Source, url_of

_CHEAP = "providers"
"""Name of a listing that is known to be small; other sources are asked for one entity."""


@attrs.frozen(kw_only=True)
class UpstreamAnswer:
    """How an upstream answered."""

    url: str
    """Without the key."""
    status: int | None
    """None if there was no answer."""
    problem: str | None
    """Why it cannot be used: the error class, and the message."""
    is_refused: bool
    """Whether it refused the key, or a request without one."""
    clock_difference_s: int | None
    """Seconds by which our clock is ahead of the upstream's; None if it did not state a time."""


async def check_upstream(
    source: Source,
    base_url: str,
    key: str | None,
    contact: str | None,
    now: Callable[[], int],
) -> UpstreamAnswer:
    """Sends one request, which is not repeated. `now`: microseconds. Raises nothing of its own."""
    async with open_session(contact) as session:
        result = await get(Client(session, base_url, key), _cheap_url(source, base_url))
    error = f"{result.error_class}: {result.message}" if result.error_class else None
    if error is None and result.status is not None and result.status >= 400:
        error = f"status {result.status}"
    return UpstreamAnswer(
        url=result.url,
        status=result.status,
        problem=error,
        is_refused=result.status in (401, 403),
        clock_difference_s=_clock_difference(result.headers, now()),
    )


def _cheap_url(source: Source, base_url: str) -> str:
    """Returns the URL of one small response."""
    direct = [listing for listing in source.listings if not listing.has_derived_requests]
    listing = next((each for each in direct if each.name == _CHEAP), direct[0])
    params = dict(listing.params)
    if "limit" in params:
        params["limit"] = "1"
    return url_of(base_url, listing.path, params)


def _clock_difference(headers: Mapping[str, str], now: int) -> int | None:
    """Returns how many seconds an instant is after a response; None if its Date is not valid.

    A response of a cache has the Date at which it was made, and its age.
    """
    try:
        made = parsedate_to_datetime(headers["date"]).timestamp()
        return round(now / 1e6 - made - int(headers.get("age", "0")))
    except (KeyError, ValueError):
        return None
