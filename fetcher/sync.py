"""Syncs: every listing of a source once, all of it under one epoch."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from eventlog.clock import Clock, epoch_of
from eventlog.errors import Invalid
from eventlog.writer import beat
from fetcher.crawl import Crawl, crawl_listing
from fetcher.http import Client, Limits, get, open_session
from fetcher.journal import close_journal, open_journal
from fetcher.observe import Parts, Response, take_apart
from fetcher.report import Report, RunReport, silent
from fetcher.request import Desk
from fetcher.retry import Chance, Policy
from fetcher.source import Listing, Source, match_url, url_of
from fetcher.throttle import Gate, Throttle

_CHANCE: Chance = random.SystemRandom().random


async def run_once(
    root: Path,
    source: Source,
    *,
    base_url: str,
    key: str | None,
    writer: str,
    now: Clock,
    listings: Sequence[str] | None = None,
    limit: int | None = None,
    requests_per_minute: int = 60,
    concurrency: int = 4,
    report: Report = silent,
    policy: Policy | None = None,
    limits: Limits | None = None,
    chance: Chance = _CHANCE,
    contact: str | None = None,
) -> RunReport:
    """One sync: the named listings (and those they follow), or all that are default.

    Everything fetched is durable when this returns. What could not be fetched is in
    the report and in the log. `limit` is the most entities of each listing, in whole
    pages. Raises `Locked`, `LocalResource` or `Corrupt`, never for upstream's faults.
    """
    wanted = plan(source, listings)
    epoch = epoch_of(now())
    journal = open_journal(root, source.name, writer, clock=now)
    try:
        async with _client(base_url, key, limits, contact) as client:
            gate = Gate(Throttle(requests_per_minute / 60))
            desk = Desk(source, client, gate, journal, now, policy or Policy(), chance)
            crawl = Crawl(desk, epoch, concurrency, limit, report)
            told = tuple([await crawl_listing(crawl, listing) for listing in wanted])
        beat(journal.stream)
    finally:
        close_journal(journal)
    return RunReport(source.name, epoch, told)


@asynccontextmanager
async def _client(
    base_url: str, key: str | None, limits: Limits | None, contact: str | None
) -> AsyncIterator[Client]:
    async with open_session(contact) as session:
        yield Client(session, base_url, key, limits or Limits())


def plan(source: Source, names: Sequence[str] | None) -> tuple[Listing, ...]:
    """The listings of a sync, in order: those named, and what they follow."""
    if names is None:
        return tuple(each for each in source.listings if each.by_default)
    wanted = {source.listing(name).name for name in names}
    for each in reversed(source.listings):
        if each.name in wanted:
            wanted.update(follow.listing for follow in each.follows)
    return tuple(each for each in source.listings if each.name in wanted)


@attrs.frozen
class Probe:
    """One request, and how its answer would be taken apart. Nothing was written."""

    response: Response
    parts: Parts


async def probe(
    source: Source,
    url: str,
    *,
    base_url: str,
    key: str | None,
    limits: Limits | None = None,
    contact: str | None = None,
) -> Probe:
    """One request, and how its answer would be split. Raises `NotJson` where it cannot be."""
    endpoint, params = match_url(source, base_url, url)
    async with _client(base_url, key, limits, contact) as client:
        got = await get(client, url_of(base_url, endpoint.path, params))
    if got.broken is not None or got.status is None:
        raise Invalid(f"{got.url}: {got.broken}: {got.what}")
    response = Response(
        url=got.url,
        endpoint=endpoint.path,
        params=params,
        status=got.status,
        body=got.body,
        headers=got.headers,
        ms=got.ms,
        key_removed=got.key_removed,
    )
    return Probe(response, take_apart(response, endpoint.rules(params)))
