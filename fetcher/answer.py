"""One page of a run: asked for, taken apart, durable."""

import asyncio

import attrs

from eventlog.split import Entity
from fetcher.journal import of_drafts, page_build, record
from fetcher.known import recall
from fetcher.leads import lead_on
from fetcher.lifecycle import after, notices
from fetcher.observe import Observed
from fetcher.request import Answered, GivenUp, NotAsked, ask
from fetcher.response import LONGEST_URL, Place
from fetcher.run import Run, is_patient
from fetcher.source import Page, Params, no_paging, url_of

_BEHIND = 3
"""So many pages of a walk may wait for the disk while the next is asked for."""


async def one(
    run: Run, params: Params, page_no: int, size: Params | None = None
) -> Page | GivenUp | NotAsked | None:
    """One page, and what follows it. None: it was no answer.

    Durable when this returns; of a walk, when `settle` does. Pages become durable in the
    order in which they came, and where the run stands is what the last one says: a page
    that is under way meanwhile is nobody's state.
    `size`: how many entities are asked for, where those are fewer than `params` say.
    What was given up is not in the log yet: see `give_up`.
    """
    desk = run.crawl.desk
    numbered = page_no if run.endpoint.continues is not None else None
    asked = {**params, **(size or {})}
    place = run.place(asked, numbered)
    found = await ask(desk, place, run.endpoint, asked, run.crawl.stopping)
    if isinstance(found, NotAsked):
        _leave(run, found)
    if isinstance(found, GivenUp | NotAsked):
        return found
    if not 200 <= found.response.status < 300:
        await _record(run, found, attrs.evolve(place, page_no=None))
        if run.listing is None or not run.listing.is_led:
            run.tell(attrs.evolve(run.told, why=f"status {found.response.status}"))
        return None
    count = len(found.parts.entities)
    page = _askable(run, (run.endpoint.continues or no_paging)(found.parts.envelope, asked, count))
    _note_known(run, found.parts.entities)
    run.underway += _top(found)
    recording = _record(run, found, _onward(run, place, params, page))
    if run.behind is None:
        await recording
    else:
        run.behind.append(asyncio.create_task(recording))
        await settle(run, _BEHIND)
    return page


def _askable(run: Run, page: Page) -> Page:
    """Without a next page where no URL is long enough to ask for it: that is no end."""
    if page.next is None or len(url_of("", run.endpoint.path, page.next)) <= LONGEST_URL:
        return page
    return attrs.evolve(page, next=None, is_end=False)


def _top(found: Answered) -> int:
    """How many entities of the listing itself there are, those inside them not counted."""
    return sum("*" not in entity.pointer for entity in found.parts.entities)


async def settle(run: Run, most: int = 0) -> None:
    """Return when at most so many pages of a walk are not durable."""
    while run.behind is not None and len(run.behind) > most:
        await run.behind[0]
        run.behind.popleft()


def _leave(run: Run, found: NotAsked) -> None:
    """Without a budget a sync ends in part; what people queued waits for the next budget."""
    if run.crawl.desk.budget.has_left:
        return
    if is_patient(run.crawl, run.task):
        run.yields = True
    else:
        run.end(found.why)


def _note_known(run: Run, entities: tuple[Entity, ...]) -> None:
    """Whether a run for what is new has come to what is known."""
    if run.task.until_known:
        keys = [(each.type, each.id, each.shape) for each in entities if "*" not in each.pointer]
        known = run.crawl.desk.journal.known
        run.has_met_known = bool(keys) and all(recall(known, key) for key in keys)


def _onward(run: Run, place: Place, params: Params, page: Page) -> Place:
    """The place with what is asked next: the state of the run, should it end here."""
    if page.next is None:
        return attrs.evolve(place, is_last=page.is_end and place.page_no is not None)
    base_url = run.crawl.desk.client.base_url
    return attrs.evolve(
        place, next_url=url_of(base_url, run.endpoint.path, {**params, **page.next})
    )


async def give_up(run: Run, found: GivenUp) -> None:
    """Say what was given up, into the log and the report."""
    await record(run.crawl.desk.journal, of_drafts(found.draft))
    why = f"{found.error_class}: {found.what}"
    run.tell(attrs.evolve(run.told, failures=run.told.failures + 1, why=why))
    reach = run.crawl.desk.reach
    if found.stops_run:
        run.end(why)
    elif reach.is_down:
        run.end(f"{why}; {reach.in_a_row} requests in a row: the host is down")


async def _record(run: Run, found: Answered, place: Place) -> None:
    desk = run.crawl.desk
    result: list[Observed] = []
    names = [(each.type, each.id) for each in found.parts.entities]
    told_first = notices(run.crawl.presence, place, run.endpoint.path, names)
    build = page_build(desk.journal, found.response, place, found.parts, result.append)
    top = _top(found)
    try:
        await record(desk.journal, after(told_first, build) if told_first else build)
    finally:
        run.underway -= top
    told = attrs.evolve(
        run.told,
        pages=run.told.pages + 1,
        entities=run.told.entities + top,
        stored=run.told.stored + result[-1].stored,
        unchanged=run.told.unchanged + result[-1].unchanged,
        anomalies=run.told.anomalies + len(found.parts.misfits),
    )
    run.tell(told)
    lead_on(run, found.parts.entities)
    run.meet(found.response.params, found.parts.entities)
