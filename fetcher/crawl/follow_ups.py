"""Follow-up requests: requests of one listing that are derived from entities of another.

During a sync they are collected in memory. After a restart they are derived again from
the pages of the same epoch in the log, except those that are already answered.
"""

from collections.abc import Iterable, Iterator, Mapping

from eventlog.body.split_rules import Entity
from eventlog.catalog.index import read_index
from eventlog.clock import parse_us
from eventlog.format.event import PAGE, Line, exact_body
from eventlog.format.event_codec import decode
from eventlog.read.block_cache import BlockCache, name_as_version
from eventlog.read.bodies import lines_of_page
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_events
from fetcher.crawl.active_run import ActiveRun, Crawl
from fetcher.record.tombstones import due_probes
from fetcher.source import FollowUp, Listing, Params, request_digest
from fetcher.state.run_queue import list_tasks
from fetcher.state.stored_bodies import look_up
from fetcher.state.task import CLEANED, COMPLETED, FAILED, PENDING, RUNNING, Task

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


def pending_requests(crawl: Crawl, task: Task, listing: Listing) -> list[Params]:
    """Returns the requests of a follow-up or probing run that are not answered yet."""
    if listing.probe is not None:
        return due_probes(crawl.presence, listing.probe, crawl.context.clock())
    collected = crawl.follow_ups.get((task.epoch, listing.name))
    if collected is not None and not task.pages:
        return list(collected.values())
    pages = list(_pages_of(crawl, task.epoch))
    requests = collected if collected is not None else _from_log(crawl, task, listing, pages)
    answered = {request_digest(page.params) for page in pages if page.run == task.run}
    return [params for name, params in requests.items() if name not in answered]


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
    crawl: Crawl, task: Task, listing: Listing, pages: Iterable[Line]
) -> dict[bytes, Params]:
    """Derives the follow-up requests of a listing from the pages of its finished origins.

    The pages must be in the log already: its catalog is read once for all of them.
    """
    index = read_index(crawl.queue.root, crawl.context.source.name)
    cache = BlockCache(_CACHE_BYTES, name_as_version)
    origins = {
        other.run: other.listing
        for other in list_tasks(crawl.queue, 0, (COMPLETED, CLEANED))
        if other.epoch == task.epoch
    }
    requests: dict[bytes, Params] = {}
    for page in pages:
        origin = origins.get(page.run or "", "")
        if any(follow.listing == origin for follow in listing.follow_ups):
            entities = _entities_of(page, lines_of_page(crawl.queue.root, page, cache, index))
            for params in _derive(crawl, listing, origin, entities):
                requests.setdefault(request_digest(params), params)
    return requests


def _entities_of(page: Line, lines: Mapping[int, bytes]) -> Iterator[Entity]:
    """Yields the entities of a page. `lines`: the events that contain their bytes, by seq."""
    for pointer, entries in page.roster.items():
        for type_, name, seq in entries:
            body = exact_body(decode(lines[seq])) or b""
            yield Entity(pointer, type_, page.shapes.get(pointer, ""), name, body, None)
