"""One request: retried with patience, within its budget, and nothing that came is lost."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from aiohttp import web

from eventlog.clock import SECOND, parse_us
from eventlog.format.event import ANOMALY, Line, exact_body
from eventlog.read.reader import read_stream
from fetcher.crawl.request import Answered, Desk, GivenUp, NotAsked, ask
from fetcher.net.circuit_breaker import Reach
from fetcher.net.http import Got
from fetcher.net.rate_limit import Budget, Gate, Throttle
from fetcher.net.retry import Policy
from fetcher.service.open_crawl import Crawler, Upstream, open_crawl
from fetcher.sources import SOURCES
from fetcher.split.response import Place
from tests.fetcher.making import HURRIED, PLACE, START, WRITER, Hand, Handle, lines, upstream

CIVITAI = SOURCES["civitai"]
KEY = "sk-test/0123456789"
PATIENT = Policy(attempts=4, base_s=0.001, longest_s=0.002)

Outcome = Answered | GivenUp | NotAsked
Act = Callable[[Desk, asyncio.Event], Awaitable[Any]]


def at_desk(root: Path, handle: Handle, act: Act, **changes: Any) -> Any:
    """Do something with a desk whose upstream answers like this."""

    async def go() -> Any:
        async with upstream(handle) as origin:
            policy = changes.pop("policy", HURRIED)
            server = Upstream(CIVITAI, origin, KEY, requests_per_minute=600_000, policy=policy)
            async with open_crawl(Crawler(root, WRITER, Hand()), server) as crawl:
                return await act(attrs.evolve(crawl.desk, **changes), asyncio.Event())

    return asyncio.run(go())


async def ask_models(
    desk: Desk, stopping: asyncio.Event, place: Place = PLACE, **more: Any
) -> Outcome:
    params = more.pop("params", {"limit": "1"})
    return await ask(desk, place, CIVITAI.endpoint("/models"), params, stopping, **more)


def asked(root: Path, handle: Handle, **changes: Any) -> Outcome:
    outcome = at_desk(root, handle, ask_models, **changes)
    assert isinstance(outcome, Outcome)
    return outcome


def answering(*answers: tuple[int, bytes], asked: list[str] | None = None) -> Handle:
    """These answers, one after the other, the last one again and again."""
    left = list(answers)

    async def handle(request: web.Request) -> web.Response:
        if asked is not None:
            asked.append(request.path_qs)
        status, body = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(status=status, body=body, content_type="application/json")

    return handle


WHOLE = b'{"items":[{"id":1}],"metadata":{}}'


def anomalies(root: Path) -> list[Line]:
    return [line for line in lines(root, "civitai") if line.kind == ANOMALY]


def throttled(root: Path, status: int, retry_after: str) -> tuple[Throttle, float]:
    """The throttle after an answer that asks to wait, and how long it holds requests back."""

    async def act(desk: Desk, stopping: asyncio.Event) -> tuple[Throttle, float]:
        async def handle(request: web.Request) -> web.Response:
            stopping.set()
            return web.json_response({}, status=status, headers={"Retry-After": retry_after})

        async with upstream(handle) as origin:
            client = attrs.evolve(desk.client, base_url=origin)
            outcome = await ask_models(attrs.evolve(desk, client=client), stopping)
        assert outcome == NotAsked("stopping")
        now_s = asyncio.get_running_loop().time()
        return desk.gate.throttle, desk.gate.throttle.next_at - now_s

    throttle, wait_s = at_desk(root, answering((200, WHOLE)), act, policy=PATIENT)
    return throttle, wait_s


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["500", formatdate(START / SECOND + 500, usegmt=True)])
def test_a_host_that_asks_for_fewer_requests_gets_none_from_anyone_until_it_says(
    tmp_path: Path, status: int, value: str
) -> None:
    throttle, wait_s = throttled(tmp_path, status, value)

    assert 300 < wait_s <= 501
    assert throttle.share == 0.5


def test_no_host_is_waited_for_longer_than_the_policy_allows(tmp_path: Path) -> None:
    assert 600 < throttled(tmp_path, 429, "86400")[1] <= 901


def test_an_error_of_the_server_costs_the_rate_nothing(tmp_path: Path) -> None:
    throttle, wait_s = throttled(tmp_path, 500, "500")

    assert (throttle.share, wait_s < 100) == (1.0, True)


def test_an_answer_gives_the_rate_back_and_shows_that_the_host_is_up(tmp_path: Path) -> None:
    gate = Gate(Throttle(600_000, share=0.5))
    reach = Reach("connect", 2)

    outcome = asked(tmp_path, answering((200, WHOLE)), gate=gate, reach=reach)

    assert isinstance(outcome, Answered)
    assert gate.throttle.share > 0.5
    assert (reach.error, reach.in_a_row) == (None, 0)


def test_a_request_that_is_given_up_counts_against_its_host_once(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    reach = Reach()
    asked(tmp_path, handle, reach=reach)

    assert (reach.error, reach.in_a_row) == ("connect", 1)


def test_of_a_host_that_is_down_nothing_is_retried(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    outcome = asked(tmp_path, handle, reach=Reach("connect", 3))

    assert isinstance(outcome, GivenUp)
    assert len(outcome.draft.members["attempts"]) == 1


def test_of_a_host_that_is_down_an_error_of_another_class_is_retried(tmp_path: Path) -> None:
    requests: list[str] = []

    asked(tmp_path, answering((500, b"{}"), asked=requests), reach=Reach("connect", 3))

    assert len(requests) == HURRIED.attempts


@pytest.mark.parametrize(
    ("answer", "error", "attempts", "stops_run"),
    [
        ((500, b'{"error":"busy"}'), "server", 4, False),
        ((408, b"{}"), "server", 4, False),
        ((425, b"{}"), "server", 4, False),
        ((200, b"<html>maintenance</html>"), "not_json", 4, False),
        ((200, b'{"items":[{"id":1}'), "not_json", 4, False),
        ((403, b"<html>are you human?</html>"), "wall", 4, False),
        ((403, b'{"error":"no"}'), "refused", 1, True),
        ((401, b'{"error":"no"}'), "refused", 1, True),
        ((451, b'{"code":"REGION_BLOCKED"}'), "region", 1, True),
        ((500, b'{"error":"URI malformed"}'), "poison", 1, False),
        ((400, b'{"error":"Invalid cursor: x"}'), "cursor", 1, False),
        ((304, b""), "redirects", 1, False),
    ],
)
def test_what_is_given_up_names_every_attempt(
    tmp_path: Path, answer: tuple[int, bytes], error: str, attempts: int, stops_run: bool
) -> None:
    requests: list[str] = []
    place = attrs.evolve(PLACE, scope="all", page_no=7)

    outcome = at_desk(
        tmp_path,
        answering(answer, asked=requests),
        lambda desk, stopping: ask_models(desk, stopping, place),
    )

    assert isinstance(outcome, GivenUp)
    assert (outcome.error_class, outcome.stops_run, len(requests)) == (error, stops_run, attempts)
    members = outcome.draft.members
    tried = members["attempts"]
    assert [(each["error"], each["status"]) for each in tried] == [(error, answer[0])] * attempts
    times = [each["at"] for each in tried]
    assert times == sorted(set(times)) and parse_us(times[0]) > START
    assert (members["status"], members["error"]) == (answer[0], error)
    assert (members["scope"], members["page_no"]) == ("all", 7)
    assert (outcome.draft.run, outcome.draft.epoch) == (place.run, place.epoch)
    assert (outcome.draft.endpoint, outcome.draft.params) == ("/models", {"limit": "1"})
    assert str(members["url"]).endswith("/models?limit=1")


def test_an_answer_after_failures_is_the_answer(tmp_path: Path) -> None:
    outcome = asked(tmp_path, answering((500, b"{}"), (200, b"<html>"), (200, b"\n " + WHOLE)))

    assert isinstance(outcome, Answered)
    assert outcome.response.body == b"\n " + WHOLE


def test_a_body_that_is_no_answer_is_kept_once_a_run(tmp_path: Path) -> None:
    page = b"<html>maintenance</html>"

    async def act(desk: Desk, stopping: asyncio.Event) -> None:
        for run in ("run-1", "run-1", "run-2"):
            await ask_models(desk, stopping, attrs.evolve(PLACE, run=run))

    at_desk(tmp_path, answering((200, page)), act)

    kept = anomalies(tmp_path)
    assert [(line.run, exact_body(line)) for line in kept] == [("run-1", page), ("run-2", page)]
    (record, *_) = read_stream(tmp_path, "civitai", WRITER)
    members = orjson.loads(record.line)
    assert members["sha256"] == hashlib.sha256(page).hexdigest()
    assert (members["status"], members["bytes"]) == (200, len(page))


def test_bodies_that_differ_are_all_kept_and_empty_ones_are_not(tmp_path: Path) -> None:
    asked(tmp_path, answering((500, b"a"), (500, b""), (500, b"b"), (500, b"a")))

    assert [exact_body(line) for line in anomalies(tmp_path)] == [b"a", b"b"]


def test_what_broke_off_is_judged_as_broken_whatever_its_words(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=500)
        response.content_length = 1000
        await response.prepare(request)
        await response.write(b'{"error":"URI malformed"}')
        assert request.transport is not None
        request.transport.close()
        return response

    outcome = asked(tmp_path, handle)

    assert isinstance(outcome, GivenUp)
    assert outcome.error_class == "broken"


def test_without_a_budget_nothing_is_asked_and_nothing_given_up(tmp_path: Path) -> None:
    requests: list[str] = []

    outcome = asked(tmp_path, answering((500, b""), asked=requests), budget=Budget(2))

    assert outcome == NotAsked("budget: 2 requests are spent")
    assert len(requests) == 2


def test_the_key_reaches_upstream_and_not_the_parameters_that_are_kept(tmp_path: Path) -> None:
    requests: list[str] = []

    async def act(desk: Desk, stopping: asyncio.Event) -> Outcome:
        return await ask_models(desk, stopping, params={"query": KEY})

    outcome = at_desk(tmp_path, answering((200, WHOLE), asked=requests), act)

    assert requests == ["/models?query=sk-test%2F0123456789"]
    assert outcome.response.params == {"query": "*" * len(KEY)}
    assert "0123456789" not in outcome.response.url


def test_a_first_attempt_that_was_made_already_is_not_made_again(tmp_path: Path) -> None:
    requests: list[str] = []
    before = Got(
        url="http://127.0.0.1/models",
        status=500,
        headers={},
        body=b"busy",
        ms=7,
        key_removed=False,
    )

    async def act(desk: Desk, stopping: asyncio.Event) -> tuple[Outcome, Outcome]:
        good = attrs.evolve(before, status=200, body=WHOLE)
        first = await ask_models(desk, stopping, first=good)
        assert requests == []
        return first, await ask_models(desk, stopping, first=before)

    first, second = at_desk(tmp_path, answering((500, b"x"), asked=requests), act)

    assert isinstance(first, Answered)
    assert isinstance(second, GivenUp)
    assert len(requests) == HURRIED.attempts - 1
    assert [exact_body(line) for line in anomalies(tmp_path)] == [b"busy", b"x"]


def test_nothing_is_written_before_what_was_asked_earlier_is_settled(tmp_path: Path) -> None:
    seen: list[int] = []

    async def act(desk: Desk, stopping: asyncio.Event) -> None:
        async def settled() -> None:
            seen.append(desk.journal.stream.last_seq)

        await ask_models(desk, stopping, settled=settled)

    at_desk(tmp_path, answering((500, b"a"), (200, WHOLE)), act)

    assert seen == [0]
    assert len(anomalies(tmp_path)) == 1


def test_a_stop_ends_a_request_before_it_is_made(tmp_path: Path) -> None:
    requests: list[str] = []

    async def act(desk: Desk, stopping: asyncio.Event) -> Outcome:
        stopping.set()
        return await ask_models(desk, stopping)

    budget = Budget(5)
    outcome = at_desk(tmp_path, answering((200, WHOLE), asked=requests), act, budget=budget)

    assert (outcome, requests, budget.spent) == (NotAsked("stopping"), [], 0)
