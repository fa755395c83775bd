"""Pagination: fetches a listing page by page, past what obstructs it.

    poison page      ──> bisection: half the page, …, one entity ──> recorded and skipped
    rejected cursor  ──> the previous page again ──> once more from the beginning
    silent end       ──> continued in partitions, if the listing has any
    nothing new on 20 pages in a row ──> ended: the pagination is endless

Whatever was skipped or not covered is in the report.
"""

import asyncio
import logging
from collections import deque

import attrs

from fetcher.crawl.active_run import ActiveRun, check_queue
from fetcher.crawl.page import fetch_page, record_failure, wait_for_writes
from fetcher.crawl.pagination.backfill import continue_as_backfill
from fetcher.crawl.pagination.partition import continue_in_partitions, without_cursor
from fetcher.crawl.prefetch import Misprediction
from fetcher.crawl.request import GivenUp, NotSent
from fetcher.net.http import HttpResult
from fetcher.record.journal import append_batch, batch_of
from fetcher.source import Continuation, Params, request_digest
from fetcher.split.pool import SLOTS, close_pool, open_pool
from fetcher.split.repeats import SeenElements
from fetcher.state.task import CANCELLED

_LOGGER = logging.getLogger(__name__)
_MAX_SKIPS = 20
"""Maximum number of entities that one run skips."""
_MAX_RETREATS = 10
"""Maximum number of rejected cursors before the run starts from the beginning."""
_MAX_PAGES_WITHOUT_NEW = 20
"""Number of pages in a row without anything new in the pagination that end it."""


@attrs.define
class _Pagination:
    """State of a pagination."""

    params: Params
    """Parameters of the next request."""
    page_no: int
    previous: Params | None = None
    """Parameters of the page before, from which pagination can resume."""
    size: int | None = None
    """Entities per request during a bisection."""
    remaining: int = 0
    """Number of entities that contain the poisonous one, during a bisection."""
    requested: set[bytes] = attrs.field(factory=set)
    """Names of the requests so far, to detect repeating cursors."""
    steps: deque[tuple[Params, int, Params | None]] = attrs.field(
        factory=lambda: deque(maxlen=SLOTS * 2)
    )
    """The last requests: `params`, `page_no` and `previous` of each."""
    result: HttpResult | None = None
    """Response of the page to which pagination returned after a misprediction."""
    rejected: set[bytes] = attrs.field(factory=set)
    """Names of requests whose cursor was rejected."""
    skipped: int = 0
    is_over: bool = False


async def paginate(run: ActiveRun, params: Params) -> None:
    """Fetches the pages of a listing, from these parameters to its end."""
    state = _Pagination(params, run.task.page_no + 1)
    run.pending_writes = deque()
    run.pool = open_pool(run.crawl.context.source, run.crawl.pool_policy)
    run.seen = SeenElements()
    try:
        while not await _is_finished(run, state):
            await _fetch_next(run, state)
        if run.leaves_rest:
            await continue_as_backfill(run, state.params)
    finally:
        await asyncio.gather(*run.pending_writes, return_exceptions=True)
        close_pool(run.pool)
        if run.pool.lost:
            run.publish(attrs.evolve(run.report, splitters_lost=run.pool.lost))
        run.pending_writes = run.pool = run.last_recorded = run.seen = None


async def _is_finished(run: ActiveRun, state: _Pagination) -> bool:
    """Whether pagination is over and all its pages are durable."""
    if run.misprediction is None and not state.is_over and not _must_stop(run, state.params):
        return False
    await wait_for_writes(run)
    return run.misprediction is None


def _must_stop(run: ActiveRun, params: Params) -> bool:
    """Whether the run must not request the page with these parameters; notes the reason."""
    if must_stop(run):
        return True
    if run.has_reached_first_walk(params):
        run.leaves_rest = True
        run.end("the rest is a backfill")
    return run.leaves_rest


def must_stop(run: ActiveRun) -> bool:
    """Whether the run must request nothing more; notes the reason in the run."""
    if run.stop_reason is None and run.has_reached_target():
        run.end(f"limit of {run.task.target} reached")
    if run.stop_reason is None and run.has_reached_known:
        run.end("all following entities are known")
    if (
        run.stop_reason is None
        and run.seen
        and run.seen.pages_without_new >= _MAX_PAGES_WITHOUT_NEW
    ):
        count = run.seen.pages_without_new
        run.end(f"{count} pages in a row contain nothing new: upstream repeats itself")
    if run.stop_reason is None and check_queue(run) == CANCELLED:
        run.end(CANCELLED)
    return run.stop_reason is not None or run.is_paused()


async def _fetch_next(run: ActiveRun, state: _Pagination) -> None:
    """Fetches one page and updates the state by its outcome."""
    if run.misprediction is not None:
        _return_to(run, state, run.misprediction)
    state.requested.add(request_digest(state.params))
    state.steps.append((state.params, state.page_no, state.previous))
    result, state.result = state.result, None
    outcome = await fetch_page(run, state.params, state.page_no, _size_param(run, state), result)
    if not isinstance(outcome, Continuation) or outcome.next is None:
        await wait_for_writes(run)
    if run.misprediction is not None:
        return
    if isinstance(outcome, GivenUp):
        await _handle_failure(run, state, outcome)
    elif isinstance(outcome, NotSent | Misprediction):
        return
    elif outcome is None:
        _abort(run, state)
    elif outcome.next is None:
        state.is_over = True
        await _check_end(run, outcome, state)
    else:
        await _advance(run, state, outcome.next)


async def _handle_failure(run: ActiveRun, state: _Pagination, failure: GivenUp) -> None:
    match failure.error_class:
        case "poison":
            await _bisect(run, state, failure)
        case "cursor":
            await _retreat(run, state, failure)
        case _:
            await record_failure(run, failure)
            _abort(run, state)


def _return_to(run: ActiveRun, state: _Pagination, misprediction: Misprediction) -> None:
    """Restores the state before a mispredicted page; later requests do not count."""
    page_no = None
    while page_no != misprediction.page_no:
        state.params, page_no, state.previous = state.steps.pop()
        state.requested.discard(request_digest(state.params))
    state.page_no, state.result = misprediction.page_no, misprediction.result
    state.is_over = False
    run.misprediction = run.last_recorded = None
    run.mispredictions += 1


def _size_param(run: ActiveRun, state: _Pagination) -> Params | None:
    """Returns the parameter that sets the page size of a bisection; None outside one."""
    if state.size is None or run.endpoint.size_param is None:
        return None
    return {run.endpoint.size_param: str(state.size)}


def _abort(run: ActiveRun, state: _Pagination) -> None:
    """Ends a pagination that cannot continue; a retry of the run starts at this page."""
    state.is_over = run.has_failed = True
    if run.stop_reason is None:
        run.end(run.report.why or "no answer")


async def _advance(run: ActiveRun, state: _Pagination, next_params: Params) -> None:
    """Moves to the next page; ends the run if that page was requested before."""
    following = {**state.params, **next_params}
    if state.size is not None:
        state.remaining -= state.size
        state.size = state.size if state.remaining > 0 else None
    state.previous, state.params = state.params, following
    state.page_no += 1
    if request_digest(following) in state.requested:
        await wait_for_writes(run)  # a misprediction may be the cause
    if run.misprediction is None and request_digest(following) in state.requested:
        run.end(f"page {state.page_no} was already requested: upstream's page cursor repeats")


async def _bisect(run: ActiveRun, state: _Pagination, failure: GivenUp) -> None:
    """Halves the page size of a poison page; a single poisonous entity is skipped."""
    name = run.endpoint.size_param
    size = state.size or int(state.params.get(name or "", "100"))
    if name is not None and size > 1:
        state.size, state.remaining = size // 2, state.remaining if state.size else size
        _LOGGER.debug("page %d bisected: %d entities per request", state.page_no, size // 2)
        return
    await record_failure(run, failure)
    past = run.endpoint.skip_entity({**state.params, **(_size_param(run, state) or {})})
    state.skipped += 1
    if past is None or state.skipped > _MAX_SKIPS:
        cause = "no cursor leads past it" if past is None else f"{_MAX_SKIPS} were skipped already"
        run.end(f"{run.report.why}: page {state.page_no} cannot be skipped: {cause}")
        _abort(run, state)
        return
    why = f"{run.report.why}: an entity of page {state.page_no} was skipped"
    run.publish(attrs.evolve(run.report, why=why))
    state.size, state.params = None, {**state.params, **past}


async def _retreat(run: ActiveRun, state: _Pagination, failure: GivenUp) -> None:
    """Resumes from the previous page after a rejected cursor, then from the beginning."""
    name = request_digest(state.params)
    first = without_cursor(state.params)
    is_repeated = name in state.rejected or len(state.rejected) >= _MAX_RETREATS
    is_first = request_digest(first) in state.rejected or first == state.params
    if is_repeated and is_first:
        await record_failure(run, failure)
        _abort(run, state)
        return
    await append_batch(run.crawl.context.journal, batch_of(failure.draft))
    state.rejected.add(name)
    if state.previous is None or is_repeated:
        state.rejected.add(request_digest(first))
        state.requested, state.params, state.page_no = set(), first, 1
        run.seen = SeenElements()
        where = "the beginning"
    else:
        state.requested -= {name, request_digest(state.previous)}
        state.params, state.page_no = state.previous, state.page_no - 1
        where = "the previous page"
    state.previous = None
    run.publish(attrs.evolve(run.report, why=f"cursor: {failure.what}; resumed from {where}"))


async def _check_end(run: ActiveRun, page: Continuation, state: _Pagination) -> None:
    """Continues in partitions, or reports it, if the last page is not the end."""
    if run.endpoint.continuation is None:
        return
    if page.doubt:
        run.end(run.report.why or page.doubt)
    elif not page.is_end:
        run.end(f"page {state.page_no} has no next page, but does not look like the end")
    elif run.has_silent_end():
        await continue_in_partitions(run, state.params)
