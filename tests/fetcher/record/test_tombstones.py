"""Notices and tombstones, from listings and probes; a single 404 never proves absence."""

import asyncio
import shutil
from email.utils import formatdate
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
from aiohttp import web

from eventlog.clock import DAY, HOUR, SECOND, parse_us
from eventlog.format.event import BACK, GONE, PAGE, UNLISTED, Draft, Line
from eventlog.read.reader import read_one
from fetcher.crawl.report import RunReport
from fetcher.record.tombstones import describe_emptied, is_due, is_proven_gone
from fetcher.service.open_crawl import Upstream
from fetcher.source import Probe
from fetcher.sources import SOURCES
from fetcher.split.response import PageContext
from fetcher.state.presence import Refusal
from tests.fetcher.making import SteppingClock, kinds, lines, upstream
from tests.fetcher.syncing import add_run, sync_once

THRICE = Probe(
    "model", "/models/:id", lambda id_: {"id": id_}, refusals_needed=3, min_span_us=3 * DAY
)


@pytest.mark.parametrize(
    ("lost", "names", "page_no", "is_reported"),
    [
        (20, (), 1, True),
        (19, (), 1, False),
        (20, (("model", "a/1"),), 1, False),
        (20, (), 2, False),
    ],
)
def test_a_list_is_reported_if_its_only_page_is_empty_after_twenty_entities(
    lost: int, names: tuple[tuple[str, str], ...], page_no: int, is_reported: bool
) -> None:
    place = PageContext(run="r", epoch="e", scope="/models", page_no=page_no)
    notices = [Draft(kind=UNLISTED, id=f"a/{number}") for number in range(lost)]

    sentence = describe_emptied(place, names, [*notices, Draft(kind=BACK, id="a/0")])

    expected = f"/models: upstream returned an empty list; it had {lost} entities before"
    assert sentence == (expected if is_reported else None)


@pytest.mark.parametrize(
    ("days", "proved"),
    [
        ([], False),
        ([1], False),
        ([1, 9], False),
        ([1, 2, 3], False),
        ([1, 2, 4], True),
        ([1, 1, 1, 1, 1], False),
        ([1, 3, 3, 5], True),
    ],
)
def test_a_tombstone_needs_enough_refusals_far_enough_apart(days: list[int], proved: bool) -> None:
    refusals = [Refusal(f"2026-11-{day:02}T05:00:00.000000Z", 404, "") for day in days]

    assert is_proven_gone(THRICE, refusals) is proved


@pytest.mark.parametrize(
    ("refused", "answered", "day", "due"),
    [
        (None, None, 1, True),
        ("01", None, 2, False),
        ("01", None, 3, True),
        (None, "01", 7, False),
        (None, "01", 8, True),
        ("03", "01", 4, False),
    ],
)
def test_a_refused_entity_is_probed_again_at_intervals_and_one_that_answered_after_a_week(
    refused: str | None, answered: str | None, day: int, due: bool
) -> None:
    refused, answered = (day and f"2026-11-{day}T05:00:00.000000Z" for day in (refused, answered))

    assert is_due(THRICE, refused, answered, parse_us(f"2026-11-0{day}T05:00:00Z")) is due


@attrs.define
class Shop:
    """An OpenRouter with what is in `models`, and a Civitai with what is in `ids`."""

    models: set[str] = attrs.field(factory=set)
    ids: set[str] = attrs.field(factory=set)
    clock: SteppingClock = attrs.field(factory=SteppingClock)
    asked: list[str] = attrs.field(factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        response = self.answer(request.path)
        response.headers["Date"] = formatdate(self.clock.at / SECOND, usegmt=True)
        return response

    def answer(self, path: str) -> web.Response:
        if path == "/api/v1/models":
            return web.json_response({"data": [{"id": name} for name in sorted(self.models)]})
        name = path.removeprefix("/api/v1/models/").removesuffix("/endpoints")
        if path.endswith("/endpoints") and name in self.models:
            model = {"id": name, "endpoints": [{"tag": "x"}, {"tag": "y"}]}
            return web.json_response({"data": model})
        if path.startswith("/models/") and path[8:] in self.ids:
            return web.json_response({"id": int(path[8:])})
        if path.startswith(("/api/v1/model", "/models/")):
            return web.json_response({"error": "none"}, status=404)
        return web.json_response({"data": []} if "/api/" in path else {"items": [], "metadata": {}})


async def hourly(root: Path, shop: Shop, *steps: set[str]) -> list[RunReport]:
    """A sync each hour, with these models."""
    reports = []
    async with upstream(shop.handle) as origin:
        for models in steps:
            shop.models = models
            reports.append(await sync_once(root, SOURCES["openrouter"], origin, shop.clock))
            shop.clock.at += HOUR
    return reports


def about(root: Path, source: str, *wanted: str) -> list[tuple[str, str | None, str | None]]:
    return [(x.kind, x.type, x.id) for x in lines(root, source) if x.kind in wanted]


def members(root: Path, line: Line) -> dict[str, Any]:
    event = orjson.loads(read_one(root, line.source, line.writer, line.seq).line)
    assert isinstance(event, dict)
    return event


def test_notices_are_in_the_batch_of_the_listing_that_causes_them(tmp_path: Path) -> None:
    asyncio.run(hourly(tmp_path, Shop(), {"a/1", "a/2"}, {"a/1"}, {"a/1", "a/2"}))

    events = lines(tmp_path, "openrouter")
    changes = [line for line in events if line.kind in (UNLISTED, BACK)]
    assert [(line.kind, line.id, line.scope) for line in changes] == [
        (UNLISTED, "a/2", "/api/v1/models?output_modalities=all"),
        (BACK, "a/2", "/api/v1/models"),
    ]
    assert {events[line.seq].kind for line in changes} == {PAGE}


def test_a_missing_model_that_is_refused_twice_is_gone_with_its_endpoints(tmp_path: Path) -> None:
    both, first = {"a/1", "a/2"}, {"a/1"}
    shop = Shop()
    asyncio.run(hourly(tmp_path, shop, both, first, first, first, first))

    gone = [line for line in lines(tmp_path, "openrouter") if line.kind == GONE]
    assert [(line.type, line.id) for line in gone] == [
        ("model", "a/2"),
        ("endpoint", "a/2#x"),
        ("endpoint", "a/2#y"),
    ]
    tombstone = members(tmp_path, gone[0])
    assert [refusal["status"] for refusal in tombstone["evidence"]] == [404, 404]
    assert (
        parse_us(tombstone["evidence"][1]["at"]) - parse_us(tombstone["evidence"][0]["at"])
        >= HOUR // 2
    )
    assert tombstone["missing_since"] < tombstone["evidence"][0]["at"]
    assert tombstone["endpoint"] == "/api/v1/model/:author/:slug"
    assert shop.asked.count("/api/v1/model/a/2") == 2


def test_a_missing_model_that_answers_is_not_gone_and_not_probed_every_hour(tmp_path: Path) -> None:
    shop = Shop({"a/1", "a/2"})

    async def handle(request: web.Request) -> web.Response:
        if request.path == "/api/v1/model/a/2":
            shop.asked.append(request.path)
            date = formatdate(shop.clock.at / SECOND, usegmt=True)
            return web.json_response({"data": {"id": "a/2"}}, headers={"Date": date})
        return await shop.handle(request)

    async def go() -> None:
        async with upstream(handle) as origin:
            for _ in range(4):
                await sync_once(tmp_path, SOURCES["openrouter"], origin, shop.clock)
                shop.clock.at += HOUR
                shop.models = {"a/1"}

    asyncio.run(go())

    assert about(tmp_path, "openrouter", GONE)[:1] != [(GONE, "model", "a/2")]
    assert shop.asked.count("/api/v1/model/a/2") == 1


def test_a_model_that_reappears_between_two_probes_is_not_gone(tmp_path: Path) -> None:
    both, first = {"a/1", "a/2"}, {"a/1"}
    asyncio.run(hourly(tmp_path, Shop(), both, first, both, first))

    assert about(tmp_path, "openrouter", GONE) == []


def test_a_sync_sends_a_limited_number_of_probes(tmp_path: Path) -> None:
    many = {f"a/{n}" for n in range(70)}
    reports = asyncio.run(hourly(tmp_path, Shop(), many, {"a/1"}))

    pages = {listing.listing: listing.pages for listing in reports[1].listings}
    assert (pages["gone-models"], pages["gone-endpoints"]) == (50, 50)


def test_the_index_of_presence_can_be_deleted_at_any_time(tmp_path: Path) -> None:
    both, first = {"a/1", "a/2"}, {"a/1"}

    async def go(root: Path, forget: bool) -> None:
        shop = Shop()
        for models in (both, first, first, both):
            await hourly(root, shop, models)
            if forget:
                shutil.rmtree(root / "state" / "presence")

    for name, forget in (("kept", False), ("forgotten", True)):
        asyncio.run(go(tmp_path / name, forget))

    wanted = (UNLISTED, BACK, GONE)
    assert about(tmp_path / "kept", "openrouter", *wanted) == about(
        tmp_path / "forgotten", "openrouter", *wanted
    )
    assert len(about(tmp_path / "kept", "openrouter", *wanted)) == 7


@pytest.mark.parametrize(("answers_after", "gone"), [(None, True), (4, False)])
def test_a_civitai_model_is_gone_after_three_404s_over_three_days_never_after_one(
    tmp_path: Path, answers_after: int | None, gone: bool
) -> None:
    shop = Shop()
    clock = shop.clock

    async def go() -> list[int]:
        counts = []
        async with upstream(shop.handle) as origin:
            add_run(tmp_path, Upstream(SOURCES["civitai"], origin), "/models/7", now=clock)
            for day in range(7):
                shop.ids = {"7"} if day == answers_after else set()
                await sync_once(tmp_path, SOURCES["civitai"], origin, clock)
                counts.append(kinds(lines(tmp_path, "civitai")).count(GONE))
                clock.at += DAY
        return counts

    counts = asyncio.run(go())

    assert counts[:4] == [0] * 4
    assert counts[-1] == int(gone)
    if gone:
        (line,) = [line for line in lines(tmp_path, "civitai") if line.kind == GONE]
        evidence = members(tmp_path, line)["evidence"]
        assert (line.type, line.id, len(evidence)) == ("model", "7", 3)
        assert parse_us(evidence[-1]["at"]) - parse_us(evidence[0]["at"]) >= 3 * DAY
