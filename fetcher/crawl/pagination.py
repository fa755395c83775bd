"""Walking: a listing page by page, past what stands in the way.

    a page that never comes ──> half of it, …, one entity ──> named, stepped over
    a cursor refused        ──> the page before again ──> from the beginning, once
    an end that is none     ──> cut into shorter walks, where the listing says how

What was stepped over or not covered is said; nothing is silent.
"""

import asyncio
from collections import deque

import attrs

from fetcher.crawl.context import Run
from fetcher.crawl.page import give_up, one, settle
from fetcher.crawl.partition import go_on_in_parts
from fetcher.crawl.prefetch import Mistaken
from fetcher.crawl.request import GivenUp, NotAsked
from fetcher.net.http import Got
from fetcher.record.journal import of_drafts, record
from fetcher.source import WHERE_TO, Page, Params, request_name
from fetcher.split.pool import SLOTS, close_splitting, open_splitting
from fetcher.state.task import CANCELLED

_MOST_STEPPED_OVER = 20
_MOST_RETREATS = 10


@attrs.define
class _Way:
    """Where a walk stands."""

    params: Params
    page_no: int
    before: Params | None = None
    """What the page before was asked with: a safe place to go back to."""
    size: int | None = None
    """Entities asked for at once, while a page is bisected."""
    left: int = 0
    """Entities among which the one that stands in the way is."""
    asked: set[bytes] = attrs.field(factory=set)
    steps: deque[tuple[Params, int, Params | None]] = attrs.field(
        factory=lambda: deque(maxlen=SLOTS * 2)
    )
    """The last steps: what was asked, its number, and what the page before was asked with."""
    came: Got | None = None
    """What came of the page to which the walk went back."""
    refused: set[bytes] = attrs.field(factory=set)
    stepped_over: int = 0
    is_over: bool = False


async def walk(run: Run, params: Params) -> None:
    """Follow page cursors to the end."""
    way = _Way(params, run.task.page_no + 1)
    run.behind = deque()
    run.splitting = open_splitting(run.crawl.desk.source, run.crawl.terms)
    try:
        while not await _is_done(run, way):
            await _step(run, way)
    finally:
        await asyncio.gather(*run.behind, return_exceptions=True)
        close_splitting(run.splitting)
        if run.splitting.lost:
            run.tell(attrs.evolve(run.told, splitters_lost=run.splitting.lost))
        run.behind = run.splitting = run.turn = None


async def _is_done(run: Run, way: _Way) -> bool:
    """Whether the walk is over, and all of it durable."""
    if run.mistaken is None and not way.is_over and not is_over(run):
        return False
    await settle(run)
    return run.mistaken is None


def is_over(run: Run) -> bool:
    """Whether nothing more is asked."""
    if run.stop is None and run.is_full():
        run.end(f"limit of {run.task.target} reached")
    if run.stop is None and run.has_met_known:
        run.end("everything from here on is known")
    if run.stop is None and run.look_round() == CANCELLED:
        run.end(CANCELLED)
    return run.stop is not None or run.is_paused()


async def _step(run: Run, way: _Way) -> None:
    """One page."""
    if run.mistaken is not None:
        _go_back(run, way, run.mistaken)
    way.asked.add(request_name(way.params))
    way.steps.append((way.params, way.page_no, way.before))
    came, way.came = way.came, None
    found = await one(run, way.params, way.page_no, _size(run, way), came)
    if not isinstance(found, Page) or found.next is None:
        await settle(run)
    if run.mistaken is not None:
        return
    if isinstance(found, GivenUp):
        match found.error_class:
            case "poison":
                await _bisect(run, way, found)
            case "cursor":
                await _retreat(run, way, found)
            case _:
                await give_up(run, found)
                _break(run, way)
    elif isinstance(found, NotAsked | Mistaken):
        return
    elif found is None:
        _break(run, way)
    elif found.next is None:
        way.is_over = True
        await _end(run, found, way)
    else:
        await _onward(run, way, found.next)


def _go_back(run: Run, way: _Way, mistaken: Mistaken) -> None:
    """To a page that did not lead where it seemed to: what was asked after it does not count."""
    page_no = None
    while page_no != mistaken.page_no:
        way.params, page_no, way.before = way.steps.pop()
        way.asked.discard(request_name(way.params))
    way.page_no, way.came = mistaken.page_no, mistaken.got
    way.is_over = False
    run.mistaken = run.turn = None
    run.mistakes += 1


def _size(run: Run, way: _Way) -> Params | None:
    if way.size is None or run.endpoint.size_param is None:
        return None
    return {run.endpoint.size_param: str(way.size)}


def _break(run: Run, way: _Way) -> None:
    """The walk cannot go on: it can be retried from here."""
    way.is_over = run.is_broken = True
    if run.stop is None:
        run.end(run.told.why or "no answer")


async def _onward(run: Run, way: _Way, onward: Params) -> None:
    following = {**way.params, **onward}
    if way.size is not None:
        way.left -= way.size
        way.size = way.size if way.left > 0 else None
    way.before, way.params = way.params, following
    way.page_no += 1
    if request_name(following) in way.asked:
        await settle(run)  # or it only seems so
    if run.mistaken is None and request_name(following) in way.asked:
        run.end(f"page {way.page_no} was asked for before: the page cursor repeats")


async def _bisect(run: Run, way: _Way, found: GivenUp) -> None:
    """Ask for half; a single entity that does not come is named, and stepped over."""
    name = run.endpoint.size_param
    size = way.size or int(way.params.get(name or "", "100"))
    if name is not None and size > 1:
        way.size, way.left = size // 2, way.left if way.size else size
        return
    await give_up(run, found)
    past = run.endpoint.step_over({**way.params, **(_size(run, way) or {})})
    way.stepped_over += 1
    if past is None or way.stepped_over > _MOST_STEPPED_OVER:
        why = "no cursor leads past it" if past is None else f"the {way.stepped_over}th of this run"
        run.end(f"{run.told.why}: page {way.page_no} cannot be stepped over: {why}")
        _break(run, way)
        return
    run.tell(attrs.evolve(run.told, why=f"{run.told.why}: stepped over on page {way.page_no}"))
    way.size, way.params = None, {**way.params, **past}


async def _retreat(run: Run, way: _Way, found: GivenUp) -> None:
    """Go back to the last safe place; said, also where it goes on from there."""
    name = request_name(way.params)
    first = {key: value for key, value in way.params.items() if key not in WHERE_TO}
    is_again = name in way.refused or len(way.refused) >= _MOST_RETREATS
    is_first = request_name(first) in way.refused or first == way.params
    if is_again and is_first:
        await give_up(run, found)
        _break(run, way)
        return
    await record(run.crawl.desk.journal, of_drafts(found.draft))
    way.refused.add(name)
    if way.before is None or is_again:
        way.refused.add(request_name(first))
        way.asked, way.params, way.page_no, place = set(), first, 1, "the beginning"
    else:
        way.asked -= {name, request_name(way.before)}
        way.params, way.page_no, place = way.before, way.page_no - 1, "the page before"
    way.before = None
    run.tell(attrs.evolve(run.told, why=f"cursor: {found.what}; went on from {place}"))


async def _end(run: Run, page: Page, way: _Way) -> None:
    """Say so where the last page was not the end."""
    if run.endpoint.continues is None:
        return
    if not page.is_end:
        run.end(f"page {way.page_no} has no next page, and does not look like the end")
    elif run.ended_silently():
        await go_on_in_parts(run, way.params)
