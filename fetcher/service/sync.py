"""Syncs: every listing of a source once, all of it under one epoch."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs

from eventlog.clock import Clock, epoch_of
from eventlog.errors import Unavailable
from eventlog.write.writer import beat
from fetcher.crawl.context import Crawl, is_patient
from fetcher.crawl.report import ListingReport, Report, RunReport, silent
from fetcher.crawl.request import Desk
from fetcher.crawl.run_task import crawl_task
from fetcher.net.http import Client, Limits, get, open_session
from fetcher.net.rate_limit import Budget, Gate, Throttle
from fetcher.net.retry import Chance, Policy
from fetcher.record.journal import close_journal, of_drafts, open_journal, record
from fetcher.record.run_events import created, new_run_id
from fetcher.source import Listing, Source, match_url, url_of
from fetcher.split.pool import Terms
from fetcher.split.response import Parts, Response, settle_collector, take_apart
from fetcher.state.presence import close_presence, open_presence
from fetcher.state.run_queue import claim, close_queue, hear, open_queue, refresh, release
from fetcher.state.task import Task

CHANCE: Chance = random.SystemRandom().random
"""Chance of this machine."""


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
    chance: Chance = CHANCE,
    contact: str | None = None,
    max_requests: int | None = None,
    stopping: asyncio.Event | None = None,
    terms: Terms | None = None,
) -> RunReport:
    """One sync: the named listings (and those they follow), or all that are default.

    Everything fetched is durable when this returns. What could not be fetched is in
    the report and in the log. `limit` is the most entities of each listing, in whole
    pages, `max_requests` the most requests of all of it. A sync of everything also goes
    on with what else is in the queue. `stopping`: the page under way is finished, the
    rest stays in the queue. `terms`: when pages are taken apart by processes of their own,
    where it is not what suits this machine. Raises `Locked`, `LocalResource` or `Corrupt`,
    never for upstream's faults.
    """
    wanted = plan(source, listings)
    upstream = Upstream(
        base_url,
        key,
        requests_per_minute,
        concurrency,
        policy or Policy(),
        limits or Limits(),
        max_requests,
    )
    settle_collector()
    async with open_crawl(root, source, upstream, writer, now, report, chance, contact) as crawl:
        epoch = epoch_of(now())
        runs = await create_runs(crawl, wanted, epoch, limit)
        is_part = listings is not None or limit is not None
        crawl = attrs.evolve(
            crawl,
            only=runs if is_part else None,
            stopping=stopping or crawl.stopping,
            terms=terms or crawl.terms,
        )
        told = await drain(crawl)
        beat(crawl.desk.journal.stream)
    return RunReport(source.name, epoch, told)


@attrs.frozen
class Upstream:
    """How a source is reached, and how gently."""

    base_url: str
    key: str | None = attrs.field(repr=False)
    requests_per_minute: int = 60
    concurrency: int = 4
    policy: Policy = attrs.field(factory=Policy)
    limits: Limits = attrs.field(factory=Limits)
    max_requests: int | None = None
    """Of one sync; of an hour, where it is a service."""


@asynccontextmanager
async def open_crawl(
    root: Path,
    source: Source,
    upstream: Upstream,
    writer: str,
    now: Clock,
    report: Report = silent,
    chance: Chance = CHANCE,
    contact: str | None = None,
) -> AsyncIterator[Crawl]:
    """What runs need: the stream, its index, the queue, and a session with upstream."""
    journal = open_journal(root, source.name, writer, clock=now)
    try:
        queue = open_queue(root, source.name)
        journal.hearers.append(partial(hear, queue))
        presence = open_presence(root, source, writer)
        try:
            async with open_session(contact) as session:
                client = Client(session, upstream.base_url, upstream.key, upstream.limits)
                gate = Gate(Throttle(upstream.requests_per_minute / 60))
                budget = Budget(upstream.max_requests)
                desk = Desk(source, client, gate, journal, now, upstream.policy, chance, budget)
                yield Crawl(desk, queue, presence, writer, upstream.concurrency, report)
        finally:
            close_presence(presence)
            close_queue(queue)
    finally:
        close_journal(journal)


def plan(source: Source, names: Sequence[str] | None) -> tuple[Listing, ...]:
    """The listings of a sync, in order: those named, and what they follow."""
    if names is None:
        return tuple(each for each in source.listings if each.by_default)
    wanted = {source.listing(name).name for name in names}
    for each in reversed(source.listings):
        if each.name in wanted:
            wanted.update(follow.listing for follow in each.follows)
    return tuple(each for each in source.listings if each.name in wanted)


async def create_runs(
    crawl: Crawl,
    listings: Sequence[Listing],
    epoch: str,
    limit: int | None,
    priority: int = 0,
) -> set[str]:
    """Put one run for each listing into the queue."""
    desk = crawl.desk
    runs: set[str] = set()
    for each in listings:
        url = None if each.is_led else url_of(desk.client.base_url, each.path, each.params)
        run = new_run_id(epoch, each.name)
        task = Task(
            run=run, listing=each.name, epoch=epoch, url=url, target=limit, priority=priority
        )
        await record(desk.journal, of_drafts(created(task, each.path, each.params)))
        runs.add(run)
    refresh(crawl.queue)
    crawl.synced.update(runs)
    return runs


async def drain(crawl: Crawl) -> tuple[ListingReport, ...]:
    """Work on what is in the queue until nothing is left, `stopping`, or a sync is due."""
    told: dict[str, ListingReport] = {}
    while not crawl.stopping.is_set() and not crawl.is_sync_due():
        task = claim(crawl.queue, crawl.owner, crawl.desk.clock(), crawl.only)
        if task is None:
            break
        if not crawl.desk.budget.has_left and is_patient(crawl, task):
            release(crawl.queue, task.run)
            break
        told[task.run] = await crawl_task(crawl, task)
    return tuple(told.values())


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
    """One request, and how its answer would be split.

    Raises `Unavailable` without an answer, `NotJson` where it cannot be split.
    """
    endpoint, params = match_url(source, base_url, url)
    async with open_session(contact) as session:
        client = Client(session, base_url, key, limits or Limits())
        got = await get(client, url_of(base_url, endpoint.path, params))
    if got.broken is not None or got.status is None:
        raise Unavailable(f"{got.url}: {got.broken}: {got.what}", "try again later")
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
