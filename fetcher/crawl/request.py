"""Requests: one question to upstream, asked until it is answered or given up.

Nothing that came is lost: the body of an attempt that failed is kept as an anomaly
(the same body once a run), and what is given up becomes a `page_failed` event with all
its attempts.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import attrs

from eventlog.body.json_spans import NotJson
from eventlog.body.split_rules import Rule
from eventlog.clock import SECOND, Clock, format_us
from eventlog.format.event import PAGE_FAILED, Draft
from eventlog.write.writer import check_upstream_clock
from fetcher.net.circuit_breaker import DOWN, Reach
from fetcher.net.http import Client, Got, get, hide_text
from fetcher.net.rate_limit import Budget, Gate, waits
from fetcher.net.retry import (
    Chance,
    Decision,
    Policy,
    Reaction,
    decide,
    error_class,
    retry_after,
)
from fetcher.record.journal import Journal, of_drafts, record
from fetcher.record.page_events import anomaly
from fetcher.source import Endpoint, Page, Params, Source, url_of
from fetcher.split.response import Parts, Place, Response, take_apart


@attrs.frozen
class Desk:
    """What every request of a sync needs."""

    source: Source
    client: Client
    gate: Gate
    journal: Journal
    clock: Clock
    policy: Policy
    chance: Chance
    budget: Budget = attrs.field(factory=Budget)
    reach: Reach = attrs.field(factory=Reach)
    kept: set[tuple[str, str]] = attrs.field(factory=set)
    """Run and SHA-256 of anomalies that are in the log already."""


@attrs.frozen
class Ahead:
    """An answer that is taken apart elsewhere, and what it leads to at a glance."""

    page: Page
    """To be believed when the parts say the same."""
    parts: Coroutine[Any, Any, Parts]
    """To be awaited, once. Raises `NotJson`."""


@attrs.frozen
class Answered:
    """Upstream answered; nothing of it is in the log yet."""

    response: Response
    parts: Parts | Ahead
    got: Got


Take = Callable[[Response, Sequence[Rule]], Parts | Ahead]
"""Takes a response apart, or has it done. Raises `NotJson`."""


async def nothing() -> None:
    """Nothing has to be waited for."""


@attrs.frozen
class GivenUp:
    """Upstream did not answer; the event that says so is not in the log yet."""

    error_class: str
    what: str
    stops_run: bool
    draft: Draft


@attrs.frozen
class NotAsked:
    """Nothing (more) was asked, and nothing is known: the budget is spent, or it stops."""

    why: str


async def ask(
    desk: Desk,
    place: Place,
    endpoint: Endpoint,
    params: Params,
    stopping: asyncio.Event,
    *,
    take: Take = take_apart,
    first: Got | None = None,
    settled: Callable[[], Awaitable[None]] = nothing,
) -> Answered | GivenUp | NotAsked:
    """The answer to one request, retried as `retry` says, until `stopping`.

    `first`: what came of the first attempt, where that was made already. `settled` is
    awaited before anything is written.
    """
    url = url_of(desk.client.base_url, endpoint.path, params)
    rules = endpoint.rules(params)
    attempts: list[Mapping[str, Any]] = []
    while True:
        at, got = await _attempt(desk, url, stopping) if first is None else (desk.clock(), first)
        if isinstance(got, NotAsked):
            return got
        first = None
        response = _response(desk, got, endpoint, params)
        outcome = _take(desk.source, got, response, rules, take)
        if isinstance(outcome, Parts | Ahead):
            desk.gate.answered(got.ms / 1000)
            desk.reach.answered()
            return Answered(response, outcome, got)
        await settled()
        decision = _decide(desk, got, outcome[0], len(attempts) + 1)
        attempts.append(_told(at, got, outcome))
        await _keep(desk, place, response, outcome[1])
        if decision.reaction is not Reaction.RETRY:
            desk.reach.gave_up(outcome[0])
            draft = _failed(place, response, outcome, attempts)
            return GivenUp(*outcome, decision.reaction is Reaction.STOP, draft)
        await _wait(desk, got, decision, stopping)


async def _attempt(desk: Desk, url: str, stopping: asyncio.Event) -> tuple[int, Got | NotAsked]:
    """One attempt, and when it began."""
    if not await desk.gate.passes(stopping):
        return 0, NotAsked("stopping")
    if not desk.budget.take():
        return 0, NotAsked(f"budget: {desk.budget.most} requests are spent")
    at = desk.clock()
    got = await get(desk.client, url)
    _check_clock(desk, got)
    return at, got


def _response(desk: Desk, got: Got, endpoint: Endpoint, params: Params) -> Response:
    key = desk.client.key
    return Response(
        url=got.url,
        endpoint=endpoint.path,
        params={name: hide_text(value, key) for name, value in params.items()},
        status=got.status or 0,
        body=got.body,
        headers=got.headers,
        ms=got.ms,
        key_removed=got.key_removed,
    )


def _take(
    source: Source, got: Got, response: Response, rules: Sequence[Rule], take: Take
) -> Parts | Ahead | tuple[str, str]:
    """The answer taken apart, or the class of its error and what it was."""
    fault = source.fault(response.status, got.body) if got.broken is None else None
    is_json = got.body.lstrip()[:1] in (b"{", b"[")
    error = error_class(got.status, got.broken, is_json=is_json, fault=fault)
    if error is not None:
        return error, got.what or f"status {got.status}"
    try:
        return take(response, rules)
    except NotJson as problem:
        return "not_json", str(problem)


def _decide(desk: Desk, got: Got, error: str, attempt: int) -> Decision:
    asked = retry_after(got.headers.get("retry-after"), desk.clock() / SECOND)
    is_last = desk.reach.is_down and error in DOWN
    policy = attrs.evolve(desk.policy, attempts=attempt) if is_last else desk.policy
    return decide(error, attempt, asked, policy, desk.chance)


async def _wait(desk: Desk, got: Got, decision: Decision, stopping: asyncio.Event) -> None:
    """A host that asks for fewer requests gets fewer from everyone."""
    if got.status in (429, 503):
        desk.gate.cools(decision.wait_s)
    else:
        await waits(decision.wait_s, stopping)


def _told(at: int, got: Got, outcome: tuple[str, str]) -> Mapping[str, Any]:
    return {
        "at": format_us(at),
        "error": outcome[0],
        "what": outcome[1],
        "status": got.status,
        "ms": got.ms,
    }


async def _keep(desk: Desk, place: Place, response: Response, reason: str) -> None:
    """Keep a body that is no answer, once a run."""
    name = (place.run, hashlib.sha256(response.body).hexdigest())
    if response.body and name not in desk.kept:
        desk.kept.add(name)
        await record(desk.journal, of_drafts(anomaly(response, place, reason, desk.journal.put)))


def _failed(
    place: Place,
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


def _check_clock(desk: Desk, got: Got) -> None:
    """Stop before writing a day that has not come yet."""
    try:
        upstream = parsedate_to_datetime(got.headers.get("date", "")).timestamp()
    except (TypeError, ValueError):
        return
    check_upstream_clock(desk.clock(), int(upstream * SECOND))
