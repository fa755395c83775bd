"""Follow-up requests: requests of one listing that are derived from entities of another.

During a sync they are collected in memory. If an earlier process requested a part of the pages,
they are derived again from the pages of the same epoch in the log, except those that are already
answered.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from eventlog.body.split_rules import Entity
from eventlog.catalog.index import read_index
from eventlog.clock import parse_us
from eventlog.files.assets import get_asset
from eventlog.format.event import PAGE, Line
from eventlog.format.event_codec import decode
from eventlog.read.block_cache import BlockCache, name_as_version
from eventlog.read.bodies import lines_of_page
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_events
from eventlog.read.rebuild_response import stored_body
from fetcher.crawl.active_run import ActiveRun, Crawl
from fetcher.record.tombstones import due_probes
from fetcher.source import FollowUp, Listing, Params, request_digest
from fetcher.state.run_queue import list_tasks
from fetcher.state.stored_bodies import look_up
from fetcher.state.task import CLEANED, COMPLETED, FAILED, PENDING, RUNNING, Task

Requests = Mapping[bytes, Params]
"""Requests by their digest."""

_CACHE_BYTES = 32 * 1024 * 1024
"""Size of the blocks that are kept while the entities of consecutive pages are read."""


def find_followers(crawl: Crawl, task: Task) -> tuple[Listing, ...]:
    """Returns the listings that follow this run's listing and have a run in its epoch."""
    following = [
        listing
        for listing in crawl.context.source.listings
        if any(follow.listing == task.listing for follow in listing.follow_ups)
    ]
    if not following:
        return ()
    unfinished = list_tasks(crawl.queue, crawl.context.clock(), (PENDING, RUNNING))
    waiting = {other.listing for other in unfinished if other.epoch == task.epoch}
    return tuple(listing for listing in following if listing.name in waiting)


def note_follow_ups(run: ActiveRun, entities: Iterable[Entity]) -> None:
    """Collects the follow-up requests that these entities of a run give rise to."""
    crawl, task = run.crawl, run.task
    for listing in run.followers:
        collected = crawl.follow_ups.setdefault((task.epoch, listing.name), {})
        for params in _derive(crawl, listing, task.listing, entities):
            collected.setdefault(request_digest(params), params)


def _derive(
    crawl: Crawl, listing: Listing, origin: str, entities: Iterable[Entity]
) -> Iterator[Params]:
    follows = [follow for follow in listing.follow_ups if follow.listing == origin]
    for entity in entities:
        for follow in follows:
            if entity.type == follow.type:
                for params in follow.requests(entity):
                    if _is_due(crawl, follow, params):
                        yield params


def _is_due(crawl: Crawl, follow: FollowUp, params: Params) -> bool:
    """Whether the entity that a request fetches is unknown, or older than `max_age_us`."""
    if follow.fetches is None:
        return True
    known = look_up(crawl.context.journal.stored_bodies, follow.fetches(params))
    return known is None or crawl.context.clock() - known.observed_at >= follow.max_age_us


def begin_collecting(crawl: Crawl, task: Task, followers: Iterable[Listing]) -> None:
    """Notes that a run begins at its first page, so that its requests are collected completely."""
    if not task.pages:
        crawl.collected_runs.update((task.run, listing.name) for listing in followers)


def pending_requests(crawl: Crawl, task: Task, listing: Listing) -> list[Params]:
    """Returns the requests of a follow-up or probing run that are not answered yet."""
    if listing.probe is not None:
        return due_probes(crawl.presence, listing.probe, crawl.context.clock())
    origins = _origins_of(crawl, task, listing)
    collected = crawl.follow_ups.get((task.epoch, listing.name), {})
    if not task.pages and all((run, listing.name) in crawl.collected_runs for run in origins):
        return list(collected.values())
    return _from_log(crawl, task, listing, origins, collected)


def _origins_of(crawl: Crawl, task: Task, listing: Listing) -> dict[str, str]:
    """Returns the finished runs from whose entities a follow-up run takes its requests, each with
    its listing. Those of an earlier sync in the same epoch ended before the run was created."""
    followed = {follow.listing for follow in listing.follow_ups}
    return {
        other.run: other.listing
        for other in list_tasks(crawl.queue, 0, (COMPLETED, FAILED, CLEANED))
        if other.listing in followed
        and other.epoch == task.epoch
        and (other.finished_at or "") >= task.created_at
    }


def failed_origins(crawl: Crawl, task: Task, listing: Listing) -> list[str]:
    """Returns the followed listings whose last run in this epoch failed."""
    origins = {follow.listing for follow in listing.follow_ups}
    states = {
        other.listing: other.state
        for other in list_tasks(crawl.queue, 0)
        if other.epoch == task.epoch and other.listing in origins
    }
    return [name for name, state in states.items() if state == FAILED]


def _pages_of(crawl: Crawl, epoch: str) -> Iterator[Line]:
    """Yields the `page` events of an epoch from the log."""
    source = crawl.context.source.name
    since = parse_us(f"{epoch}:00:00Z")
    select = Select(since=since, sources=frozenset({source}), kinds=frozenset({PAGE}))
    for record in read_events(crawl.queue.root, select):
        line = decode(record.line)
        if line.epoch == epoch:
            yield line


def _from_log(
    crawl: Crawl, task: Task, listing: Listing, origins: Mapping[str, str], collected: Requests
) -> list[Params]:
    """Derives the follow-up requests of a listing from the pages of its origins.

    The pages must be in the log already: its catalog is read once for all of them. Adds those
    that were collected, and leaves out those that the run has an answer to.
    """
    root = crawl.queue.root
    index = read_index(root, crawl.context.source.name)
    cache = BlockCache(_CACHE_BYTES, name_as_version)
    requests, answered = dict(collected), set[bytes]()
    for page in _pages_of(crawl, task.epoch):
        if page.run == task.run:
            answered.add(request_digest(page.params))
        elif (origin := origins.get(page.run or "")) is not None:
            entities = _entities_of(root, page, lines_of_page(root, page, cache, index))
            for params in _derive(crawl, listing, origin, entities):
                requests.setdefault(request_digest(params), params)
    return [params for name, params in requests.items() if name not in answered]


def _entities_of(root: Path, page: Line, lines: Mapping[int, bytes]) -> Iterator[Entity]:
    """Yields the entities of a page. `lines`: the events that contain their bytes, by seq."""
    for pointer, entries in page.roster.items():
        for type_, name, seq in entries:
            body = stored_body(decode(lines[seq]), partial(get_asset, root)) or b""
            yield Entity(pointer, type_, page.shapes.get(pointer, ""), name, body, None)
