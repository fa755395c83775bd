"""Probing a URL: one request, split but not recorded."""

import attrs

from eventlog.body.json_spans import NotJson
from eventlog.errors import Invalid, Unavailable
from fetcher.crawl.request import build_response
from fetcher.net.http import Client, get, open_session
from fetcher.service.open_crawl import Upstream
from fetcher.source import match_url, url_of
from fetcher.split.error_words import describe_unsplittable
from fetcher.split.response import Response, SplitResponse, split_response


@attrs.frozen
class ProbeResult:
    """A response, and the parts into which it is split."""

    response: Response
    parts: SplitResponse


async def probe_url(upstream: Upstream, url: str) -> ProbeResult:
    """Requests a URL of the source once and splits the response; writes nothing.

    Raises `Unavailable` if no complete response arrives, `Invalid` if it cannot be split, or
    if the source has no endpoint for the URL.
    """
    endpoint, params = match_url(upstream.source, upstream.base_url, url)
    async with open_session(upstream.contact) as session:
        client = Client(session, upstream.base_url, upstream.key, upstream.limits)
        result = await get(client, url_of(upstream.base_url, endpoint.path, params))
    if result.error_class is not None or result.status is None:
        raise Unavailable(
            f"{result.url}: {result.error_class}: {result.message}", "try again later"
        )
    response = build_response(result, endpoint, params, upstream.key)
    try:
        return ProbeResult(response, split_response(response, endpoint.rules(params)))
    except NotJson as problem:
        error = ": ".join(describe_unsplittable(response.body, str(problem)))
        raise Invalid(f"{result.url}: the response cannot be split: {error}") from problem
