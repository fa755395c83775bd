"""Requests are retried within their budget, and no received body is lost."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from aiohttp import web

from eventlog.clock import parse_us
from eventlog.format.event import ANOMALY, Line, exact_body
from eventlog.read.reader import read_stream
from fetcher.crawl.request import Answered, GivenUp, NotSent, RequestContext, send_request
from fetcher.net.http import HttpResult
from fetcher.net.rate_limit import Budget
from fetcher.service.open_crawl import Crawler, Upstream, open_crawl
from fetcher.sources import SOURCES
from fetcher.split.response import PageContext
from tests.fetcher.making import (
    FAST_RETRIES,
    PLACE,
    START,
    WRITER,
    Handle,
    SteppingClock,
    lines,
    upstream,
)

CIVITAI = SOURCES["civitai"]
KEY = "sk-test/0123456789"

Outcome = Answered | GivenUp | NotSent
Act = Callable[[RequestContext, asyncio.Event], Awaitable[Any]]


def with_context(root: Path, handle: Handle, act: Act, **changes: Any) -> Any:
    """Calls `act` with a request context; `handle` answers its requests."""

    async def go() -> Any:
        async with upstream(handle) as origin:
            policy = changes.pop("policy", FAST_RETRIES)
            server = Upstream(CIVITAI, origin, KEY, requests_per_minute=600_000, policy=policy)
            async with open_crawl(Crawler(root, WRITER, SteppingClock()), server) as crawl:
                return await act(attrs.evolve(crawl.context, **changes), asyncio.Event())

    return asyncio.run(go())


async def request_models(
    context: RequestContext, stopping: asyncio.Event, place: PageContext = PLACE, **more: Any
) -> Outcome:
    params = more.pop("params", {"limit": "1"})
    return await send_request(context, place, CIVITAI.endpoint("/models"), params, stopping, **more)


def outcome_of(root: Path, handle: Handle, **changes: Any) -> Outcome:
    """The outcome of one request; `changes` are fields of the request context."""
    outcome = with_context(root, handle, request_models, **changes)
    assert isinstance(outcome, Outcome)
    return outcome


def answering(*answers: tuple[int, bytes], requests: list[str] | None = None) -> Handle:
    """Gives the answers in order, the last one repeatedly."""
    remaining = list(answers)

    async def handle(request: web.Request) -> web.Response:
        if requests is not None:
            requests.append(request.path_qs)
        status, body = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return web.Response(status=status, body=body, content_type="application/json")

    return handle


COMPLETE = b'{"items":[{"id":1}],"metadata":{}}'


def anomalies(root: Path) -> list[Line]:
    return [line for line in lines(root, "civitai") if line.kind == ANOMALY]


@pytest.mark.parametrize(
    ("answer", "error", "attempts", "stops_run"),
    [
        ((500, b'{"error":"busy"}'), "server", 4, False),
        ((408, b"{}"), "server", 4, False),
        ((425, b"{}"), "server", 4, False),
        ((200, b"<html>maintenance</html>"), "not_json", 4, False),
        ((200, b'{"items":[{"id":1}'), "not_json", 4, False),
        ((200, b'{"success":true}'), "unexpected", 4, False),
        ((200, b"null"), "unexpected", 4, False),
        ((403, b"<html>are you human?</html>"), "wall", 4, False),
        ((403, b'{"error":"no"}'), "refused", 1, True),
        ((401, b'{"error":"no"}'), "refused", 1, True),
        ((451, b'{"code":"REGION_BLOCKED"}'), "region", 1, True),
        ((500, b'{"error":"URI malformed"}'), "poison", 1, False),
        ((400, b'{"error":"Invalid cursor: x"}'), "cursor", 1, False),
        ((304, b""), "redirects", 1, False),
    ],
)
def test_a_request_that_is_given_up_lists_every_attempt(
    tmp_path: Path, answer: tuple[int, bytes], error: str, attempts: int, stops_run: bool
) -> None:
    requests: list[str] = []
    place = attrs.evolve(PLACE, scope="all", page_no=7)

    outcome = with_context(
        tmp_path,
        answering(answer, requests=requests),
        lambda context, stopping: request_models(context, stopping, place),
    )

    assert isinstance(outcome, GivenUp)
    assert (outcome.error_class, outcome.stops_run, len(requests)) == (error, stops_run, attempts)
    members = outcome.draft.members
    tried = members["attempts"]
    assert [(attempt["error"], attempt["status"]) for attempt in tried] == [
        (error, answer[0])
    ] * attempts
    times = [attempt["at"] for attempt in tried]
    assert times == sorted(set(times)) and parse_us(times[0]) > START
    assert (members["status"], members["error"]) == (answer[0], error)
    assert (members["scope"], members["page_no"]) == ("all", 7)
    assert (outcome.draft.run, outcome.draft.epoch) == (place.run, place.epoch)
    assert (outcome.draft.endpoint, outcome.draft.params) == ("/models", {"limit": "1"})
    assert str(members["url"]).endswith("/models?limit=1")


def test_an_answer_after_failed_attempts_is_returned(tmp_path: Path) -> None:
    outcome = outcome_of(
        tmp_path, answering((500, b"{}"), (200, b"<html>"), (200, b"\n " + COMPLETE))
    )

    assert isinstance(outcome, Answered)
    assert outcome.response.body == b"\n " + COMPLETE


def test_the_body_of_failed_attempts_is_recorded_once_per_run(tmp_path: Path) -> None:
    page = b"<html>maintenance</html>"

    async def act(context: RequestContext, stopping: asyncio.Event) -> None:
        for run in ("run-1", "run-1", "run-2"):
            await request_models(context, stopping, attrs.evolve(PLACE, run=run))

    with_context(tmp_path, answering((200, page)), act)

    recorded = anomalies(tmp_path)
    assert [(line.run, exact_body(line)) for line in recorded] == [("run-1", page), ("run-2", page)]
    (record, *_) = read_stream(tmp_path, "civitai", WRITER)
    members = orjson.loads(record.line)
    assert members["sha256"] == hashlib.sha256(page).hexdigest()
    assert (members["status"], members["bytes"]) == (200, len(page))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, b'{"error":{"message":"No workers"}}'), "unexpected: upstream says 'No workers'"),
        ((200, b'"maintenance"'), "unexpected: nothing at /items at byte 0"),
        ((200, b'{"items":7}'), "unexpected: expected an array at /items at byte 9"),
        ((200, b"<html>"), "not_json: status 200"),
        ((503, b'{"error":"slow down"}'), "server: status 503: upstream says 'slow down'"),
        ((401, b'{"message":"No key"}'), "refused: status 401: upstream says 'No key'"),
        ((500, b"oops"), "server: status 500"),
    ],
)
def test_json_is_never_called_not_json_and_the_words_of_an_error_are_recorded(
    tmp_path: Path, answer: tuple[int, bytes], reason: str
) -> None:
    outcome = outcome_of(tmp_path, answering(answer))

    assert isinstance(outcome, GivenUp)
    assert f"{outcome.error_class}: {outcome.what}" == reason
    (record, *_) = read_stream(tmp_path, "civitai", WRITER)
    assert orjson.loads(record.line)["reason"] == reason
    assert outcome.draft.members["what"] == outcome.what


def test_a_refusal_in_json_that_is_no_object_is_an_answer(tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, answering((400, b'"unknown parameter"')))

    assert isinstance(outcome, Answered)


def test_different_bodies_are_all_recorded_and_empty_ones_are_not(tmp_path: Path) -> None:
    outcome_of(tmp_path, answering((500, b"a"), (500, b""), (500, b"b"), (500, b"a")))

    assert [exact_body(line) for line in anomalies(tmp_path)] == [b"a", b"b"]


def test_an_incomplete_response_is_broken_whatever_it_contains(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=500)
        response.content_length = 1000
        await response.prepare(request)
        await response.write(b'{"error":"URI malformed"}')
        assert request.transport is not None
        request.transport.close()
        return response

    outcome = outcome_of(tmp_path, handle)

    assert isinstance(outcome, GivenUp)
    assert outcome.error_class == "broken"


def test_without_budget_nothing_is_sent_and_nothing_is_given_up(tmp_path: Path) -> None:
    requests: list[str] = []

    outcome = outcome_of(tmp_path, answering((500, b""), requests=requests), budget=Budget(2))

    assert outcome == NotSent("request budget of 2 used up (max_requests_per_sync)")
    assert len(requests) == 2


def test_the_key_reaches_the_upstream_but_not_the_recorded_parameters(tmp_path: Path) -> None:
    requests: list[str] = []

    async def act(context: RequestContext, stopping: asyncio.Event) -> Outcome:
        return await request_models(context, stopping, params={"query": KEY})

    outcome = with_context(tmp_path, answering((200, COMPLETE), requests=requests), act)

    assert requests == ["/models?query=sk-test%2F0123456789"]
    assert outcome.response.params == {"query": "*" * len(KEY)}
    assert "0123456789" not in outcome.response.url


def test_a_first_attempt_that_was_already_made_is_not_repeated(tmp_path: Path) -> None:
    requests: list[str] = []
    before = HttpResult(
        url="http://127.0.0.1/models",
        status=500,
        headers={},
        body=b"busy",
        ms=7,
        key_removed=False,
    )

    async def act(context: RequestContext, stopping: asyncio.Event) -> tuple[Outcome, Outcome]:
        good = attrs.evolve(before, status=200, body=COMPLETE)
        first = await request_models(context, stopping, first=good)
        assert requests == []
        return first, await request_models(context, stopping, first=before)

    first, second = with_context(tmp_path, answering((500, b"x"), requests=requests), act)

    assert isinstance(first, Answered)
    assert isinstance(second, GivenUp)
    assert len(requests) == FAST_RETRIES.attempts - 1
    assert [exact_body(line) for line in anomalies(tmp_path)] == [b"busy", b"x"]


def test_nothing_is_written_before_earlier_pages_are_recorded(tmp_path: Path) -> None:
    seqs: list[int] = []

    async def act(context: RequestContext, stopping: asyncio.Event) -> None:
        async def before_write() -> None:
            seqs.append(context.journal.stream.last_seq)

        await request_models(context, stopping, before_write=before_write)

    with_context(tmp_path, answering((500, b"a"), (200, COMPLETE)), act)

    assert seqs == [0]
    assert len(anomalies(tmp_path)) == 1


def test_a_stop_prevents_a_request(tmp_path: Path) -> None:
    requests: list[str] = []

    async def act(context: RequestContext, stopping: asyncio.Event) -> Outcome:
        stopping.set()
        return await request_models(context, stopping)

    budget = Budget(5)
    outcome = with_context(
        tmp_path, answering((200, COMPLETE), requests=requests), act, budget=budget
    )

    assert (outcome, requests, budget.spent) == (NotSent("stopping"), [], 0)
