"""One page of a run: requested, split and recorded."""

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

import attrs

from eventlog.body.json_spans import NotJson
from eventlog.body.split_rules import Rule
from eventlog.clock import format_us
from fetcher.crawl.active_run import ActiveRun, check_known, stop_without_budget
from fetcher.crawl.follow_ups import note_follow_ups
from fetcher.crawl.prefetch import Misprediction, Recorded, predict_next_page
from fetcher.crawl.report import outcome_of
from fetcher.crawl.request import Answered, GivenUp, NotSent, PendingSplit, send_request
from fetcher.net.http import HttpResult
from fetcher.record.journal import append_batch, batch_of, page_batch
from fetcher.record.page_events import PageEvents
from fetcher.record.tombstones import describe_emptied, listing_notices, with_drafts_first
from fetcher.source import Continuation, Params, url_of
from fetcher.split.doubts import read_continuation
from fetcher.split.error_words import describe_status
from fetcher.split.pool import can_offload, offload, split_here
from fetcher.split.repeats import note_page
from fetcher.split.response import (
    MAX_URL_CHARS,
    PageContext,
    Response,
    SplitResponse,
    split_response,
)

_MAX_PENDING_WRITES = 3
"""Number of pages that may be waiting for the disk when the next is requested."""
_MAX_PENDING_SPLITS = 12
"""The same maximum while splitter processes split the pages."""
_MAX_MISPREDICTIONS = 3
"""Number of mispredictions after which a pagination makes no more predictions."""


async def fetch_page(
    run: ActiveRun,
    params: Params,
    page_no: int,
    size: Params | None = None,
    first: HttpResult | None = None,
) -> Continuation | GivenUp | NotSent | Misprediction | None:
    """Fetches one page and returns what follows it; None if the response is not a page.

    The page is durable on return; during pagination, only after `wait_for_writes`. Pages
    become durable in page order: the last durable one determines the state of the run.
    `size` is the parameter that reduces the number of entities per page. `first` is the
    outcome of the first attempt, if it was made already. After a `Misprediction`, pagination
    must return to that page; this page is not recorded. Nor is a `GivenUp` (`record_failure`).
    """
    numbered = page_no if run.endpoint.continuation is not None else None
    sent = {**params, **(size or {})}
    place = run.place(sent, numbered)
    outcome = await send_request(
        run.crawl.context,
        place,
        run.endpoint,
        sent,
        run.crawl.stopping,
        split=partial(_split, run, sent, size is None and first is None),
        first=first,
        before_write=partial(_wait_for_previous, run),
    )
    if isinstance(outcome, Answered) and isinstance(outcome.parts, PendingSplit):
        return await _prefetch_next(run, outcome, outcome.parts, place, params, sent)
    if not await _is_previous_recorded(run):
        await wait_for_writes(run)
        return run.misprediction
    if isinstance(outcome, NotSent):
        stop_without_budget(run, outcome)
    if isinstance(outcome, Answered):
        return await _record_answer(run, outcome, place, params, sent)
    return outcome


async def _prefetch_next(
    run: ActiveRun,
    answered: Answered,
    pending: PendingSplit,
    place: PageContext,
    params: Params,
    sent: Params,
) -> Continuation:
    """Records a page in the background and returns its predicted next page at once."""
    with_next = _with_next_url(run, place, params, pending.page)
    recording = _record_if_confirmed(run, answered, pending, with_next, sent, *_chain_recorded(run))
    await _record_in_background(run, recording, _MAX_PENDING_SPLITS)
    return pending.page


async def _record_answer(
    run: ActiveRun, answered: Answered, place: PageContext, params: Params, sent: Params
) -> Continuation | None:
    """Records a response that was split in this process; returns what follows it."""
    response, parts = answered.response, answered.parts
    assert isinstance(parts, SplitResponse)
    if not 200 <= response.status < 300:
        await _record_refusal(run, response, parts, place)
        return None
    page = _page_after(run, parts, sent)
    check_known(run, parts.entities)
    _note_arrival(run, parts)
    with_next = _with_next_url(run, place, params, page)
    recording = _record(run, response, parts, with_next)
    await _record_in_background(run, recording, _MAX_PENDING_WRITES)
    return page


async def _record_refusal(
    run: ActiveRun, response: Response, parts: SplitResponse, place: PageContext
) -> None:
    """Records a response such as 404, which is not a page of a listing."""
    await _record(run, response, parts, attrs.evolve(place, page_no=None))
    if run.listing is None or not run.listing.has_derived_requests:
        run.publish(attrs.evolve(run.report, why=describe_status(response.status, response.body)))


async def _record_in_background(
    run: ActiveRun, recording: Coroutine[Any, Any, None], max_pending: int
) -> None:
    """Records a page; during pagination, while the next page is requested."""
    if run.pending_writes is None:
        await recording
    else:
        run.pending_writes.append(asyncio.create_task(recording))
        await wait_for_writes(run, max_pending)


def _split(
    run: ActiveRun, params: Params, may_predict: bool, response: Response, rules: Sequence[Rule]
) -> SplitResponse | PendingSplit:
    """Splits a response: in a splitter process if its next page can be predicted, else here."""
    pool, task, continuation = run.pool, run.task, run.endpoint.continuation
    if pool is None or continuation is None:
        return split_response(response, rules)
    needs_entities = task.until_known or task.target is not None
    may_predict = may_predict and not needs_entities and run.mispredictions < _MAX_MISPREDICTIONS
    if may_predict and can_offload(pool, response):
        page = predict_next_page(response.body, rules, continuation, params)
        has_next = page is not None and _without_long_url(run, page).next is not None
        parts = offload(pool, response, rules) if has_next else None
        if page is not None and parts is not None:
            return PendingSplit(page, parts)
    return split_here(pool, response, rules)


async def _record_if_confirmed(
    run: ActiveRun,
    answered: Answered,
    pending: PendingSplit,
    place: PageContext,
    sent: Params,
    previous: Recorded,
    recorded: Recorded,
) -> None:
    """Records a page after all before it, or notes the misprediction and records nothing."""
    try:
        parts = await _confirm(run, pending, sent)
        if not await previous:
            return
        if parts is None:
            run.misprediction = Misprediction(place.page_no or 1, answered.result)
            return
        _note_arrival(run, parts)
        recorded.set_result(True)
        await _record(run, answered.response, parts, place)
    finally:
        if not recorded.done():
            recorded.set_result(False)


async def _confirm(run: ActiveRun, pending: PendingSplit, sent: Params) -> SplitResponse | None:
    """Returns the parts of a page if its prediction was right, else None."""
    try:
        parts = await pending.parts
    except NotJson:
        return None
    return parts if _page_after(run, parts, sent) == pending.page else None


def _chain_recorded(run: ActiveRun) -> tuple[Recorded, Recorded]:
    """Returns the `Recorded` of the previous page and a new one for this page."""
    loop = asyncio.get_running_loop()
    previous, run.last_recorded = run.last_recorded, loop.create_future()
    if previous is None:
        previous = loop.create_future()
        previous.set_result(True)
    return previous, run.last_recorded


async def _is_previous_recorded(run: ActiveRun) -> bool:
    """Waits until this page may be recorded; False if a page before it was mispredicted."""
    return run.last_recorded is None or await run.last_recorded


async def _wait_for_previous(run: ActiveRun) -> None:
    await _is_previous_recorded(run)


def _page_after(run: ActiveRun, parts: SplitResponse, sent: Params) -> Continuation:
    """Returns what follows a page, as read from its envelope."""
    return _without_long_url(run, read_continuation(run.endpoint, sent, parts))


def _without_long_url(run: ActiveRun, page: Continuation) -> Continuation:
    """Removes a next page whose URL is too long to be sent; the listing has not ended then."""
    if page.next is None or len(url_of("", run.endpoint.path, page.next)) <= MAX_URL_CHARS:
        return page
    return attrs.evolve(page, next=None, is_end=False)


def _note_arrival(run: ActiveRun, parts: SplitResponse) -> None:
    """Notes what the next page contains, before it is durable. Called in page order."""
    run.pending_entities += _count_top(parts)
    if run.seen is not None:
        note_page(run.seen, parts)


def _count_top(parts: SplitResponse) -> int:
    """Returns the number of entities of the listing itself, without those inside them."""
    return sum("*" not in entity.pointer for entity in parts.entities)


async def wait_for_writes(run: ActiveRun, max_pending: int = 0) -> None:
    """Waits until at most `max_pending` pages of a pagination are not durable."""
    while run.pending_writes is not None and len(run.pending_writes) > max_pending:
        await run.pending_writes[0]
        run.pending_writes.popleft()


def _with_next_url(
    run: ActiveRun, place: PageContext, params: Params, page: Continuation
) -> PageContext:
    """Adds the next request to a place: the state of the run once the page is recorded.

    A doubtful page that is not the last one gets no scope: its listing is never complete.
    """
    place = attrs.evolve(place, doubt=page.doubt)
    if page.next is None:
        return attrs.evolve(place, is_last=page.is_end and place.page_no is not None)
    url = url_of(run.crawl.context.client.base_url, run.endpoint.path, {**params, **page.next})
    return attrs.evolve(place, next_url=url, scope=None if page.doubt else place.scope)


async def record_failure(run: ActiveRun, failure: GivenUp) -> None:
    """Records a request that was given up; ends the run if the next would fail, too."""
    await append_batch(run.crawl.context.journal, batch_of(failure.draft))
    why = f"{failure.error_class}: {failure.what}"
    outcome = outcome_of(failure.draft.members.get("status"), failure.error_class)
    report = attrs.evolve(run.report, failures=run.report.failures + 1, why=why)
    report = attrs.evolve(report, is_host_down=run.crawl.context.outage.is_begun)
    run.publish(attrs.evolve(report, outcomes=report.outcomes | {outcome}))
    breaker = run.crawl.context.breaker
    if failure.stops_run:
        run.end(why)
    elif breaker.is_open:
        run.end(f"{why}; {breaker.consecutive_failures} requests in a row: the host is down")


async def _record(
    run: ActiveRun,
    response: Response,
    parts: SplitResponse,
    place: PageContext,
) -> None:
    """Records a page with all events it causes; updates the report and the follow-ups."""
    context = run.crawl.context
    recorded: list[PageEvents] = []
    names = [(entity.type, entity.id) for entity in parts.entities]
    at = format_us(context.clock())
    drafts_before = listing_notices(run.crawl.presence, place, run.endpoint.path, names, at)
    build = page_batch(context.journal, response, place, parts, recorded.append)
    top_count = _count_top(parts)
    try:
        build = with_drafts_first(drafts_before, build) if drafts_before else build
        await append_batch(context.journal, build)
    finally:
        run.pending_entities -= top_count
    report = attrs.evolve(
        run.report,
        pages=run.report.pages + 1,
        entities=run.report.entities + top_count,
        stored=run.report.stored + recorded[-1].stored,
        unchanged=run.report.unchanged + recorded[-1].unchanged,
        anomalies=run.report.anomalies + len(parts.misfits),
        doubtful=run.report.doubtful + (place.doubt is not None),
        outcomes=run.report.outcomes | {outcome_of(response.status)},
    )
    emptied = describe_emptied(place, names, drafts_before)
    why = f"{response.url}: {place.doubt}" if place.doubt else emptied
    run.publish(attrs.evolve(report, why=why) if why and run.stop_reason is None else report)
    note_follow_ups(run, parts.entities)
    run.note_partition_values(response.params, parts.entities)
