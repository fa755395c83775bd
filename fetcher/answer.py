"""One page of a run: asked for, taken apart, durable."""

import asyncio
from collections.abc import Callable

import attrs

from eventlog.split import Entity
from fetcher.journal import of_drafts, page_build, record
from fetcher.known import recall
from fetcher.leads import lead_on
from fetcher.lifecycle import after, notices
from fetcher.observe import Observed, Place
from fetcher.request import Answered, GivenUp, NotAsked, ask
from fetcher.run import Run, is_patient
from fetcher.source import Page, Params, no_paging, url_of

Asked = Answered | GivenUp | NotAsked


async def one(
    run: Run,
    params: Params,
    page_no: int,
    size: Params | None = None,
    ahead: "asyncio.Task[Asked] | None" = None,
    go_ahead: Callable[[Page, int], None] | None = None,
) -> Page | GivenUp | NotAsked | None:
    """One page, durable when this returns; what follows it. None: it was no answer.

    `size`: how many entities are asked for, where those are fewer than `params` say.
    `ahead`: the request, where it is under way already. `go_ahead` is told what follows,
    and how many entities came, before the page is made durable. What was given up is
    not in the log yet: see `give_up`.
    """
    desk = run.crawl.desk
    numbered = page_no if run.endpoint.continues is not None else None
    asked = {**params, **(size or {})}
    place = run.place(asked, numbered)
    found = await (ahead or ask(desk, place, run.endpoint, asked, run.crawl.stopping))
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
    page = (run.endpoint.continues or no_paging)(found.parts.envelope, asked, count)
    _note_known(run, found.parts.entities)
    if go_ahead is not None:
        go_ahead(page, count)
    await _record(run, found, _onward(run, place, params, page))
    return page


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
    await record(desk.journal, after(told_first, build) if told_first else build)
    top = sum("*" not in entity.pointer for entity in found.parts.entities)
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
