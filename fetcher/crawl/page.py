"""One page of a run: asked for, taken apart, durable."""

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

import attrs

from eventlog.body.json_spans import NotJson
from eventlog.body.split_rules import Entity, Rule
from fetcher.crawl.context import Run, is_patient
from fetcher.crawl.follow_ups import lead_on
from fetcher.crawl.prefetch import Mistaken, Turn, glimpse
from fetcher.crawl.request import Ahead, Answered, GivenUp, NotAsked, ask
from fetcher.net.http import Got
from fetcher.record.journal import of_drafts, page_build, record
from fetcher.record.page_events import Observed
from fetcher.record.tombstones import after, notices
from fetcher.source import Page, Params, no_paging, url_of
from fetcher.split.pool import can_hand_on, hand_on, take_here
from fetcher.split.response import LONGEST_URL, Parts, Place, Response, take_apart
from fetcher.state.stored_bodies import recall

_BEHIND = 3
"""So many pages of a walk may wait for the disk while the next is asked for."""
_AHEAD = 12
"""So many where they are taken apart meanwhile."""

_MOST_MISTAKES = 3
"""Of a walk: then its pages do not show at a glance where they lead."""


async def one(
    run: Run,
    params: Params,
    page_no: int,
    size: Params | None = None,
    first: Got | None = None,
) -> Page | GivenUp | NotAsked | Mistaken | None:
    """One page, and what follows it. None: it was no answer.

    Durable when this returns; of a walk, when `settle` does. Pages become durable in the
    order in which they came, and where the run stands is what the last one says: a page
    that is under way meanwhile is nobody's state.
    `size`: how many entities are asked for, where those are fewer than `params` say.
    `first`: what came of it, where it was asked for already. `Mistaken`: the page to go
    back to, because it did not lead here; nothing of this one counts.
    What was given up is not in the log yet: see `give_up`.
    """
    numbered = page_no if run.endpoint.continues is not None else None
    asked = {**params, **(size or {})}
    place = run.place(asked, numbered)
    found = await ask(
        run.crawl.desk,
        place,
        run.endpoint,
        asked,
        run.crawl.stopping,
        take=partial(_take, run, asked, size is None and first is None),
        first=first,
        settled=partial(_settled, run),
    )
    if isinstance(found, Answered) and isinstance(found.parts, Ahead):
        return await _go_ahead(run, found, found.parts, place, params, asked)
    if not await _is_next(run):
        await settle(run)
        return run.mistaken
    if isinstance(found, NotAsked):
        _leave(run, found)
    if isinstance(found, Answered):
        return await _answered(run, found, place, params, asked)
    return found


async def _go_ahead(
    run: Run, found: Answered, ahead: Ahead, place: Place, params: Params, asked: Params
) -> Page:
    """A page that is taken apart elsewhere: what follows it is known already."""
    onward = _onward(run, place, params, ahead.page)
    recording = _record_ahead(run, found, ahead, onward, asked, *_turns(run))
    await _behind(run, recording, _AHEAD)
    return ahead.page


async def _answered(
    run: Run, found: Answered, place: Place, params: Params, asked: Params
) -> Page | None:
    """A page that was taken apart here, or an answer that is none."""
    response, parts = found.response, found.parts
    assert isinstance(parts, Parts)
    if not 200 <= response.status < 300:
        await _refused(run, response, parts, place)
        return None
    page = _page(run, parts, asked)
    _note_known(run, parts.entities)
    run.underway += _top(parts)
    await _behind(run, _record(run, response, parts, _onward(run, place, params, page)), _BEHIND)
    return page


async def _refused(run: Run, response: Response, parts: Parts, place: Place) -> None:
    """An answer that is no page of a listing."""
    await _record(run, response, parts, attrs.evolve(place, page_no=None))
    if run.listing is None or not run.listing.is_led:
        run.tell(attrs.evolve(run.told, why=f"status {response.status}"))


async def _behind(run: Run, recording: Coroutine[Any, Any, None], most: int) -> None:
    """Have a page written: of a walk, while the next is asked for."""
    if run.behind is None:
        await recording
    else:
        run.behind.append(asyncio.create_task(recording))
        await settle(run, most)


def _take(
    run: Run, params: Params, may_guess: bool, response: Response, rules: Sequence[Rule]
) -> Parts | Ahead:
    """Take a response apart here, or have it done where its page shows what follows it."""
    splitting, task, continues = run.splitting, run.task, run.endpoint.continues
    if splitting is None or continues is None:
        return take_apart(response, rules)
    needs_entities = task.until_known or task.target is not None
    may_guess = may_guess and not needs_entities and run.mistakes < _MOST_MISTAKES
    if may_guess and can_hand_on(splitting, response):
        page = glimpse(response.body, rules, continues, params)
        parts = hand_on(splitting, response, rules) if page and _askable(run, page).next else None
        if page is not None and parts is not None:
            return Ahead(page, parts)
    return take_here(splitting, response, rules)


async def _record_ahead(
    run: Run,
    found: Answered,
    ahead: Ahead,
    place: Place,
    asked: Params,
    before: Turn,
    turn: Turn,
) -> None:
    """Write a page that was gone ahead of, after those before it; not if it leads elsewhere."""
    try:
        parts = await _confirmed(run, ahead, asked)
        if not await before:
            return
        if parts is None:
            run.mistaken = Mistaken(place.page_no or 1, found.got)
            return
        turn.set_result(True)
        run.underway += _top(parts)
        await _record(run, found.response, parts, place)
    finally:
        if not turn.done():
            turn.set_result(False)


async def _confirmed(run: Run, ahead: Ahead, asked: Params) -> Parts | None:
    """The parts of a page, if they lead where it was gone ahead to."""
    try:
        parts = await ahead.parts
    except NotJson:
        return None
    return parts if _page(run, parts, asked) == ahead.page else None


def _turns(run: Run) -> tuple[Turn, Turn]:
    """The turn of the page before, and the one of the next."""
    loop = asyncio.get_running_loop()
    before, run.turn = run.turn, loop.create_future()
    if before is None:
        before = loop.create_future()
        before.set_result(True)
    return before, run.turn


async def _is_next(run: Run) -> bool:
    """Whether what comes next counts; when it can be written, or has been shown not to."""
    return run.turn is None or await run.turn


async def _settled(run: Run) -> None:
    await _is_next(run)


def _page(run: Run, parts: Parts, asked: Params) -> Page:
    """What follows a page."""
    continues = run.endpoint.continues or no_paging
    return _askable(run, continues(parts.envelope, asked, len(parts.entities)))


def _askable(run: Run, page: Page) -> Page:
    """Without a next page where no URL is long enough to ask for it: that is no end."""
    if page.next is None or len(url_of("", run.endpoint.path, page.next)) <= LONGEST_URL:
        return page
    return attrs.evolve(page, next=None, is_end=False)


def _top(parts: Parts) -> int:
    """How many entities of the listing itself there are, those inside them not counted."""
    return sum("*" not in entity.pointer for entity in parts.entities)


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


async def _record(run: Run, response: Response, parts: Parts, place: Place) -> None:
    desk = run.crawl.desk
    result: list[Observed] = []
    names = ((each.type, each.id) for each in parts.entities)
    told_first = notices(run.crawl.presence, place, run.endpoint.path, names)
    build = page_build(desk.journal, response, place, parts, result.append)
    top = _top(parts)
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
        anomalies=run.told.anomalies + len(parts.misfits),
    )
    run.tell(told)
    lead_on(run, parts.entities)
    run.meet(response.params, parts.entities)
