"""Leads: the requests that the entities of one listing give to another.

While a sync runs they are kept in memory; after a restart they are read from the log,
from the pages of the same epoch, less those that are answered already.
"""

from collections.abc import Iterable, Iterator

from eventlog.body.split_rules import Entity
from eventlog.clock import parse_us
from eventlog.format.event import PAGE, Line, exact_body
from eventlog.format.event_codec import decode
from eventlog.read.event_filter import Select
from eventlog.read.reader import read_events, read_one
from fetcher.crawl.context import Crawl, Run
from fetcher.record.tombstones import to_ask
from fetcher.source import Follow, Listing, Params, request_name
from fetcher.state.run_queue import tasks
from fetcher.state.stored_bodies import recall
from fetcher.state.task import CLEANED, COMPLETED, FAILED, PENDING, RUNNING, Task


def followers(crawl: Crawl, task: Task) -> tuple[Listing, ...]:
    """The listings of the same epoch that wait for what this run finds."""
    following = [
        listing
        for listing in crawl.desk.source.listings
        if any(follow.listing == task.listing for follow in listing.follows)
    ]
    if not following:
        return ()
    pending = tasks(crawl.queue, crawl.desk.clock(), (PENDING, RUNNING))
    awaited = {each.listing for each in pending if each.epoch == task.epoch}
    return tuple(listing for listing in following if listing.name in awaited)


def lead_on(run: Run, entities: Iterable[Entity]) -> None:
    """Note the requests that these entities of a run lead to."""
    crawl, task = run.crawl, run.task
    for listing in run.followers:
        leads = crawl.leads.setdefault((task.epoch, listing.name), {})
        for params in _led(crawl, listing, task.listing, entities):
            leads.setdefault(request_name(params), params)


def _led(
    crawl: Crawl, listing: Listing, origin: str, entities: Iterable[Entity]
) -> Iterator[Params]:
    follows = [follow for follow in listing.follows if follow.listing == origin]
    for entity in entities:
        for follow in follows:
            if entity.type == follow.type:
                yield from (
                    each for each in follow.requests(entity) if _is_due(crawl, follow, each)
                )


def _is_due(crawl: Crawl, follow: Follow, params: Params) -> bool:
    """Whether a request brings something that is not known, or known for too long."""
    if follow.fetches is None:
        return True
    found = recall(crawl.desk.journal.known, follow.fetches(params))
    return found is None or crawl.desk.clock() - found.observed_at >= follow.max_age_us


def requests_of(crawl: Crawl, task: Task, listing: Listing) -> list[Params]:
    """What a run that others lead still has to ask."""
    if listing.probe is not None:
        return to_ask(crawl.presence, listing.probe, crawl.desk.clock())
    held = crawl.leads.get((task.epoch, listing.name))
    if held is not None and not task.pages:
        return list(held.values())
    pages = list(_pages(crawl, task.epoch))
    found = held if held is not None else _from_log(crawl, task, listing, pages)
    answered = {request_name(page.params) for page in pages if page.run == task.run}
    return [params for name, params in found.items() if name not in answered]


def missing_origins(crawl: Crawl, task: Task, listing: Listing) -> list[str]:
    """The listings it follows that failed in this epoch, the last run of each counting."""
    origins = {follow.listing for follow in listing.follows}
    states = {
        each.listing: each.state
        for each in tasks(crawl.queue, 0)
        if each.epoch == task.epoch and each.listing in origins
    }
    return [name for name, state in states.items() if state == FAILED]


def _pages(crawl: Crawl, epoch: str) -> Iterator[Line]:
    """The pages of an epoch, from the log."""
    source = crawl.desk.source.name
    since = parse_us(f"{epoch}:00:00Z")
    select = Select(since=since, sources=frozenset({source}), kinds=frozenset({PAGE}))
    for record in read_events(crawl.queue.root, select):
        line = decode(record.line)
        if line.epoch == epoch:
            yield line


def _from_log(
    crawl: Crawl, task: Task, listing: Listing, pages: Iterable[Line]
) -> dict[bytes, Params]:
    origins = {
        each.run: each.listing
        for each in tasks(crawl.queue, 0, (COMPLETED, CLEANED))
        if each.epoch == task.epoch
    }
    found: dict[bytes, Params] = {}
    for page in pages:
        origin = origins.get(page.run or "", "")
        if any(follow.listing == origin for follow in listing.follows):
            for params in _led(crawl, listing, origin, _entities(crawl, page)):
                found.setdefault(request_name(params), params)
    return found


def _entities(crawl: Crawl, page: Line) -> Iterator[Entity]:
    """The entities of a page, each from the event that holds it."""
    for pointer, entries in page.roster.items():
        for type_, name, seq in entries:
            line = decode(read_one(crawl.queue.root, page.source, page.writer, seq).line)
            shape = page.shapes.get(pointer, "")
            yield Entity(pointer, type_, shape, name, exact_body(line) or b"", None)
