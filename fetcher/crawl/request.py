"""Requests: sends one request, with retries, until it is answered or given up.

Nothing that was received is lost. The body of a failed attempt is recorded as an anomaly
(identical bodies once per run). A request that is given up becomes a `page_failed` event
that lists all attempts.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import attrs

from eventlog.body.json_spans import NotJson
from eventlog.body.split_rules import Rule
from eventlog.clock import SECOND, Clock, format_us
from eventlog.format.event import PAGE_FAILED, Draft
from eventlog.write.writer import check_upstream_clock
from fetcher.net.circuit_breaker import HOST_ERRORS, CircuitBreaker
from fetcher.net.http import Client, HttpResult, get
from fetcher.net.masking import mask_key
from fetcher.net.outage import (
    OnOutage,
    Outage,
    OutageChange,
    host_failure,
    ignore_outage,
    note_answer,
    note_failure,
)
from fetcher.net.rate_limit import Budget, RateLimiter, sleep_unless_stopping
from fetcher.net.retry import (
    Chance,
    Reaction,
    RetryDecision,
    RetryPolicy,
    classify_outcome,
    decide,
    parse_retry_after,
)
from fetcher.record.journal import Journal, append_batch, batch_of
from fetcher.record.page_events import response_anomaly
from fetcher.source import Continuation, Endpoint, Params, Source, url_of
from fetcher.split.error_words import describe_status, describe_unsplittable, looks_like_json
from fetcher.split.response import PageContext, Response, SplitResponse, split_response

_LOGGER = logging.getLogger(__name__)


@attrs.frozen
class RequestContext:
    """What every request of a crawl needs."""

    source: Source
    client: Client
    limiter: RateLimiter
    journal: Journal
    clock: Clock
    policy: RetryPolicy
    chance: Chance
    budget: Budget = attrs.field(factory=Budget)
    breaker: CircuitBreaker = attrs.field(factory=CircuitBreaker)
    outage: Outage = attrs.field(factory=Outage)
    on_outage: OnOutage = ignore_outage
    recorded_anomalies: set[tuple[str, str]] = attrs.field(factory=set)
    """Run id and SHA-256 of the bodies that are already recorded as anomalies."""


@attrs.frozen
class PendingSplit:
    """A response that a splitter process is splitting, and its predicted next page."""

    page: Continuation
    """The prediction; correct only if the parts lead to the same page."""
    parts: Coroutine[Any, Any, SplitResponse]
    """Must be awaited exactly once. Raises `NotJson`."""


@attrs.frozen
class Answered:
    """The upstream answered; nothing is recorded yet."""

    response: Response
    parts: SplitResponse | PendingSplit
    result: HttpResult


SplitFunction = Callable[[Response, Sequence[Rule]], SplitResponse | PendingSplit]
"""Splits a response, or starts to. Raises `NotJson`."""


@attrs.frozen
class GivenUp:
    """The request failed for good; the `page_failed` event is not recorded yet."""

    error_class: str
    what: str
    stops_run: bool
    """Whether every other request of the run would fail in the same way."""
    draft: Draft


@attrs.frozen
class NotSent:
    """No (further) attempt was made: the budget is spent, or the crawl is stopping."""

    why: str


async def _no_wait() -> None:
    """Returns at once."""


async def send_request(
    context: RequestContext,
    place: PageContext,
    endpoint: Endpoint,
    params: Params,
    stopping: asyncio.Event,
    *,
    split: SplitFunction = split_response,
    first: HttpResult | None = None,
    before_write: Callable[[], Awaitable[None]] = _no_wait,
) -> Answered | GivenUp | NotSent:
    """Sends a request until it is answered, given up, or `stopping` is set.

    Failed attempts are retried with exponential backoff and jitter. `first` is the outcome
    of the first attempt if that was made already. `before_write` is awaited before a failed
    attempt is recorded.
    """
    url = url_of(context.client.base_url, endpoint.path, params)
    rules = endpoint.rules(params)
    attempts: list[Mapping[str, Any]] = []
    while True:
        at, result = await _attempt(context, url, stopping, first)
        if isinstance(result, NotSent):
            return result
        first = None
        response = build_response(result, endpoint, params, context.client.key)
        outcome = _split(context.source, result, response, rules, split)
        if isinstance(outcome, SplitResponse | PendingSplit):
            context.limiter.adapt_rate(result.ms / 1000)
            context.breaker.record_success()
            return Answered(response, outcome, result)
        await before_write()
        decision = _decide(context, result, outcome[0], len(attempts) + 1)
        attempts.append(_attempt_member(at, result, outcome))
        await _record_anomaly(context, place, response, ": ".join(outcome))
        if decision.reaction is not Reaction.RETRY:
            context.breaker.record_failure(outcome[0])
            draft = _page_failed(place, response, outcome, attempts)
            return GivenUp(*outcome, decision.reaction is Reaction.STOP, draft)
        await _wait(context, result, decision, stopping)


async def _attempt(
    context: RequestContext, url: str, stopping: asyncio.Event, first: HttpResult | None
) -> tuple[int, HttpResult | NotSent]:
    """Makes one attempt, unless `first` is its outcome; returns its time in us and outcome."""
    if first is not None:
        return context.clock(), first
    if not await context.limiter.wait_turn(stopping):
        return 0, NotSent("stopping")
    if not context.budget.take():
        return 0, NotSent(
            f"request budget of {context.budget.limit} used up (max_requests_per_sync)"
        )
    at = context.clock()
    result = await get(context.client, url)
    _check_clock(context, result)
    _note_outage(context, result)
    return at, result


def _note_outage(context: RequestContext, result: HttpResult) -> None:
    """Reports when the host goes down, and when it answers again."""
    now, base_url = context.clock(), context.client.base_url
    reason = host_failure(result.error_class, result.status)
    if reason is not None:
        if note_failure(context.outage, now):
            context.on_outage(OutageChange(context.source.name, base_url, reason))
    elif (duration := note_answer(context.outage, now)) is not None:
        context.on_outage(OutageChange(context.source.name, base_url, None, duration))


def build_response(
    result: HttpResult, endpoint: Endpoint, params: Params, key: str | None
) -> Response:
    """Returns the result of a request as a response, with the API key masked everywhere."""
    return Response(
        url=result.url,
        endpoint=endpoint.path,
        params={name: mask_key(value, key) for name, value in params.items()},
        status=result.status or 0,
        body=result.body,
        headers=result.headers,
        ms=result.ms,
        key_removed=result.key_removed,
    )


def _split(
    source: Source,
    result: HttpResult,
    response: Response,
    rules: Sequence[Rule],
    split: SplitFunction,
) -> SplitResponse | PendingSplit | tuple[str, str]:
    """Returns the split response, or the class and description of the error."""
    fault = source.fault(response.status, result.body) if result.error_class is None else None
    is_json = looks_like_json(result.body)
    error = classify_outcome(result.status, result.error_class, is_json=is_json, fault=fault)
    if error is not None:
        return error, result.message or describe_status(result.status, result.body)
    try:
        return split(response, rules)
    except NotJson as problem:
        return describe_unsplittable(result.body, str(problem))


def _decide(context: RequestContext, result: HttpResult, error: str, attempt: int) -> RetryDecision:
    """Decides what follows a failed attempt; nothing is retried while the host is down."""
    requested_wait = parse_retry_after(result.headers.get("retry-after"), context.clock() / SECOND)
    is_last = context.breaker.is_open and error in HOST_ERRORS
    policy = attrs.evolve(context.policy, attempts=attempt) if is_last else context.policy
    decision = decide(error, attempt, requested_wait, policy, context.chance)
    what = (result.url, attempt, error, decision.reaction.value, decision.wait_s)
    _LOGGER.debug("%s: attempt %d, %s: %s, wait %.1f s", *what)
    return decision


async def _wait(
    context: RequestContext, result: HttpResult, decision: RetryDecision, stopping: asyncio.Event
) -> None:
    """Waits before the next attempt; after 429 and 503, all requests of the crawl wait."""
    if result.status in (429, 503):
        context.limiter.halve_rate(decision.wait_s)
    else:
        await sleep_unless_stopping(decision.wait_s, stopping)


def _attempt_member(at: int, result: HttpResult, outcome: tuple[str, str]) -> Mapping[str, Any]:
    """Returns a failed attempt as it is written into the `page_failed` event."""
    return {
        "at": format_us(at),
        "error": outcome[0],
        "what": outcome[1],
        "status": result.status,
        "ms": result.ms,
    }


async def _record_anomaly(
    context: RequestContext, place: PageContext, response: Response, reason: str
) -> None:
    """Records the body of a failed attempt, unless this run has recorded the same bytes."""
    name = (place.run, hashlib.sha256(response.body).hexdigest())
    if response.body and name not in context.recorded_anomalies:
        context.recorded_anomalies.add(name)
        draft = response_anomaly(response, place, reason, context.journal.put)
        await append_batch(context.journal, batch_of(draft))


def _page_failed(
    place: PageContext,
    response: Response,
    outcome: tuple[str, str],
    attempts: Sequence[Mapping[str, Any]],
) -> Draft:
    members = {
        "url": response.url,
        "status": response.status or None,
        "error": outcome[0],
        "what": outcome[1],
        "scope": place.scope,
        "page_no": place.page_no,
        "attempts": attempts,
    }
    return Draft(
        kind=PAGE_FAILED,
        run=place.run,
        epoch=place.epoch,
        endpoint=response.endpoint,
        params=response.params,
        members=members,
    )


def _check_clock(context: RequestContext, result: HttpResult) -> None:
    """Raises `LocalResource` if this machine's clock is far ahead of the upstream's."""
    try:
        upstream = parsedate_to_datetime(result.headers.get("date", "")).timestamp()
    except (TypeError, ValueError):
        return
    check_upstream_clock(context.clock(), int(upstream * SECOND))
