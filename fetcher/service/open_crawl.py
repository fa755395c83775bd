"""Inputs of a crawl: the crawling process, the upstream, the bounds of a sync.

`open_crawl` opens everything that runs share: the stream, its index, the queue and an
HTTP session.
"""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs

from eventlog.clock import Clock
from eventlog.write.writer import SEGMENT_BYTES
from fetcher.crawl.active_run import Crawl
from fetcher.crawl.report import OnProgress, ignore_progress
from fetcher.crawl.request import RequestContext
from fetcher.listing_params import ChosenParams
from fetcher.net.http import Client, HttpLimits, open_session
from fetcher.net.outage import OnOutage, ignore_outage
from fetcher.net.rate_limit import Budget, RateLimiter, Throttle
from fetcher.net.retry import Chance, RetryPolicy
from fetcher.record.journal import Journal, close_journal, open_journal
from fetcher.source import Source
from fetcher.split.pool import PoolPolicy, default_pool_policy
from fetcher.split.response import tune_gc
from fetcher.state.presence import close_presence, open_presence
from fetcher.state.run_queue import apply_appended_to_queue, close_queue, open_queue

CHANCE: Chance = random.SystemRandom().random
"""Random source of the operating system: returns numbers in [0, 1)."""


@attrs.frozen
class Upstream:
    """A source, its address and API key, and the limits of its requests."""

    source: Source
    base_url: str
    key: str | None = attrs.field(default=None, repr=False)
    """API key; None: requests are anonymous."""
    requests_per_minute: int = 60
    concurrency: int = 4
    """Maximum number of requests in flight."""
    policy: RetryPolicy = attrs.field(factory=RetryPolicy)
    limits: HttpLimits = attrs.field(factory=HttpLimits)
    contact: str | None = None
    """Address for the operators of the upstream, sent in the User-Agent."""


@attrs.frozen
class Crawler:
    """The crawling process: archive, writer id, clock and random source."""

    root: Path
    """The archive."""
    writer: str
    now: Clock
    chance: Chance = CHANCE
    pool_policy: PoolPolicy = attrs.field(factory=default_pool_policy)
    """When pages are split in separate processes."""
    segment_bytes: int = SEGMENT_BYTES
    """Size at which a segment is rolled before its hour is over."""


@attrs.frozen(kw_only=True)
class SyncBounds:
    """Bounds of a sync."""

    listings: Sequence[str] | None = None
    """Names of the listings; those that they follow are included. None: the default ones."""
    params: ChosenParams = attrs.field(factory=dict)
    """Parameters of listings; several values of one: a run for each."""
    limit: int | None = None
    """Maximum number of entities per listing; pages are always completed."""
    max_requests: int | None = None
    """Maximum number of requests of one sync; in a service, of one hour."""
    first_walk: int | None = None
    """Number of entities after which the rest of a pagination becomes a backfill; None: never."""


NO_BOUNDS = SyncBounds()
"""Every listing that is synced by default, to its end."""


@asynccontextmanager
async def open_crawl(
    crawler: Crawler,
    upstream: Upstream,
    bounds: SyncBounds = NO_BOUNDS,
    on_progress: OnProgress = ignore_progress,
    on_outage: OnOutage = ignore_outage,
) -> AsyncIterator[Crawl]:
    """Opens what the runs of a crawl share and closes it afterwards. Tunes the garbage collector.

    Raises `Locked` if another process writes to the same stream.
    """
    tune_gc()
    source = upstream.source
    journal = _open_journal(crawler, source)
    try:
        queue = open_queue(crawler.root, source.name)
        journal.listeners.append(partial(apply_appended_to_queue, queue))
        presence = open_presence(crawler.root, source, crawler.writer)
        try:
            async with open_session(upstream.contact) as session:
                client = Client(session, upstream.base_url, upstream.key, upstream.limits)
                context = _request_context(crawler, upstream, client, journal, bounds.max_requests)
                context = attrs.evolve(context, on_outage=on_outage)
                yield Crawl(
                    context,
                    queue,
                    presence,
                    crawler.writer,
                    upstream.concurrency,
                    on_progress,
                    pool_policy=crawler.pool_policy,
                    first_walk=bounds.first_walk,
                )
        finally:
            close_presence(presence)
            close_queue(queue)
    finally:
        close_journal(journal)


def _open_journal(crawler: Crawler, source: Source) -> Journal:
    return open_journal(
        crawler.root,
        source.name,
        crawler.writer,
        clock=crawler.now,
        segment_bytes=crawler.segment_bytes,
    )


def _request_context(
    crawler: Crawler,
    upstream: Upstream,
    client: Client,
    journal: Journal,
    max_requests: int | None,
) -> RequestContext:
    return RequestContext(
        upstream.source,
        client,
        RateLimiter(Throttle(upstream.requests_per_minute / 60)),
        journal,
        crawler.now,
        upstream.policy,
        crawler.chance,
        Budget(max_requests),
    )
