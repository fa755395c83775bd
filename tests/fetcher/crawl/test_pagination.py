"""Walks past what stands in the way: poison, refused cursors, ends that are none."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import pytest
from aiohttp import web

from eventlog.format.event import PAGE, PAGE_FAILED
from eventlog.write.append import Appended
from fetcher.crawl.report import RunReport
from fetcher.service.open_crawl import Crawler, Upstream, open_crawl
from fetcher.service.sync import drain
from fetcher.source import Source
from fetcher.sources import SOURCES
from fetcher.state.task import RUNNING
from tests.fetcher.making import WRITER, Hand, lines, upstream
from tests.fetcher.state.test_run_queue import listed, many, sync_with
from tests.fetcher.syncing import add_run

CIVITAI = SOURCES["civitai"]


@attrs.define
class Feed:
    """Images 1 to `count`, newest first; a cursor names the next one, inclusive."""

    count: int
    poison: frozenset[int] = frozenset()
    refuses: Callable[["Feed", str], bool] = lambda feed, cursor: False
    end: int = 10**6
    """Entities after which every walk ends without saying so."""
    of: Callable[[int], Mapping[str, object]] = lambda id_: {}
    """What else an image says."""
    keeps: Callable[[int, Mapping[str, str]], bool] = lambda id_, query: True
    """Whether a query holds an image."""
    asked: Counter[str] = attrs.field(factory=Counter)

    async def handle(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        cursor = query.get("cursor", "")
        self.asked[cursor] += 1
        if cursor and self.refuses(self, cursor):
            return web.json_response(
                {"message": "This cursor can no longer be continued"}, status=400
            )
        limit = int(query["limit"])
        held = [each for each in range(self.count, 0, -1) if self.keeps(each, query)][: self.end]
        rest = [each for each in held if not cursor or each <= int(cursor.split(":")[2])]
        if self.poison & set(rest[:limit]):
            return web.json_response({"error": "URI malformed"}, status=500)
        items = [{"id": each, **self.of(each)} for each in rest[:limit]]
        onward = {"nextCursor": f"feed:1:{rest[limit]}"} if rest[limit:] else {"total": 1}
        return web.json_response({"items": items, "metadata": onward})


def source(limit: int = 16, most: int | None = None) -> Source:
    """Civitai, of which a sync walks images in pages of `limit`."""
    listing = CIVITAI.listing("images")
    params = {**listing.params, "limit": str(limit)}
    listing = attrs.evolve(listing, params=params, ends_silently_at=most)
    return attrs.evolve(CIVITAI, listings=(listing,))


def walk(root: Path, feed: Feed, **more: int) -> RunReport:
    return sync_with(root, source(**more), feed.handle)


def ids(root: Path) -> set[int]:
    pages = [line for line in lines(root, "civitai") if line.kind == PAGE]
    return {int(id_) for page in pages for entries in page.roster.values() for _, id_, _ in entries}


def failed(root: Path) -> list[dict[str, str]]:
    return [dict(line.params) for line in lines(root, "civitai") if line.kind == PAGE_FAILED]


def but(count: int, *missing: int) -> set[int]:
    return set(range(1, count + 1)) - set(missing)


@pytest.mark.parametrize("poison", [[84], [50], [1], [84, 83], [70, 31], [77, 60, 59, 2]])
def test_a_poison_page_is_bisected_and_one_entity_stepped_over(
    tmp_path: Path, poison: list[int]
) -> None:
    feed = Feed(100, frozenset(poison))

    told = walk(tmp_path, feed)

    assert ids(tmp_path) == but(100, *poison)
    assert [(each["cursor"], each["limit"]) for each in failed(tmp_path)] == [
        (f"feed:1:{each}", "1") for each in poison
    ]
    assert (told.listings[0].state, told.listings[0].failures) == ("partial", len(poison))
    assert "stepped over" in str(told.listings[0].why)
    numbers = [line.page_no for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert numbers == list(range(1, len(numbers) + 1))
    assert sum(feed.asked.values()) < 7 + 11 * len(poison)


def test_poison_that_nobody_can_step_over_ends_the_run_and_is_named(tmp_path: Path) -> None:
    told = walk(tmp_path, Feed(100, frozenset([100])))

    assert told.listings[0].state == "failed"
    assert [each["limit"] for each in failed(tmp_path)] == ["1"]
    assert "no cursor leads past it" in str(told.listings[0].why)


def test_of_poison_without_end_twenty_entities_are_stepped_over(tmp_path: Path) -> None:
    poison = frozenset(range(30, 90, 2))
    feed = Feed(100, poison)

    told = walk(tmp_path, feed, limit=4)

    assert told.listings[0].state == "partial"
    assert "cannot be stepped over: the 21th of this run" in str(told.listings[0].why)
    assert len(failed(tmp_path)) == 21


def test_pages_that_are_counted_are_stepped_over_whole(tmp_path: Path) -> None:
    asked: list[int] = []

    async def handle(request: web.Request) -> web.Response:
        page = int(request.query.get("page", "1"))
        asked.append(page)
        if page == 2:
            return web.json_response({"error": "URI malformed"}, status=500)
        onward = {"nextPage": f"https://x/?page={page + 1}"} if page < 3 else {"totalPages": 3}
        return web.json_response({"items": [{"username": f"u{page}"}], "metadata": onward})

    told = sync_with(tmp_path, CIVITAI, handle, listings=["creators"])

    assert {line.id for line in lines(tmp_path, "civitai") if line.type == "creator"} == {
        "u1",
        "u3",
    }
    assert [each["page"] for each in failed(tmp_path)] == ["2"]
    assert asked == [1, 2, 3]
    assert (told.listings[0].state, told.listings[0].failures) == ("partial", 1)


def test_poison_that_heals_while_it_is_bisected_costs_nothing(tmp_path: Path) -> None:
    feed = Feed(100, frozenset([50]))
    poisoned = feed.handle

    async def handle(request: web.Request) -> web.Response:
        if sum(feed.asked.values()) == 6:
            feed.poison = frozenset()
        return await poisoned(request)

    told = sync_with(tmp_path, source(), handle)

    assert (told.listings[0].state, ids(tmp_path)) == ("completed", but(100))
    sizes = [line.params["limit"] for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert sizes[-1] == "16"


def first_time(feed: Feed, cursor: str) -> bool:
    return cursor == "feed:1:52" and feed.asked[cursor] == 1


def twice(feed: Feed, cursor: str) -> bool:
    return cursor == "feed:1:52" and feed.asked[cursor] <= 2


def always(feed: Feed, cursor: str) -> bool:
    return cursor == "feed:1:52"


@pytest.mark.parametrize(
    ("refuses", "state", "pages", "count"),
    [
        (first_time, "completed", "the page before", 8),
        (twice, "completed", "the beginning", 11),
        (always, "partial", "cursor:", 7),
    ],
)
def test_a_refused_cursor_goes_back_to_a_safe_place_and_says_so(
    tmp_path: Path,
    refuses: Callable[[Feed, str], bool],
    state: str,
    pages: str,
    count: int,
) -> None:
    told = walk(tmp_path, Feed(100, refuses=refuses))

    assert (told.listings[0].state, told.listings[0].pages) == (state, count)
    assert pages in str(told.listings[0].why)
    if state == "completed":
        assert ids(tmp_path) == but(100)
    assert all(each["cursor"] == "feed:1:52" for each in failed(tmp_path))
    assert len(failed(tmp_path)) >= 1


def test_cursors_that_are_refused_everywhere_end_the_walk(tmp_path: Path) -> None:
    feed = Feed(400, refuses=lambda feed, cursor: feed.asked[cursor] == 1)

    told = walk(tmp_path, feed)

    assert told.listings[0].state == "partial"
    assert 10 < len(failed(tmp_path)) <= 12
    assert sum(feed.asked.values()) < 100


def test_a_page_cursor_that_no_url_can_hold_ends_the_walk_in_part(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        onward = {"nextCursor": "y" * 100_000}
        return web.json_response({"items": [{"id": 1}], "metadata": onward})

    told = sync_with(tmp_path, source(), handle)

    assert ids(tmp_path) == {1}
    (listing,) = told.listings
    assert listing.state == "partial"
    assert "no next page, and does not look like the end" in str(listing.why)


class Lost(Exception):
    """A page that does not become durable."""


def losing_page(number: int) -> Callable[[Appended], None]:
    """A hearer of the journal that loses the nth page."""
    left = [number]

    def hear(done: Appended) -> None:
        left[0] -= sum(b'"kind":"page"' in line for _, line in done.told)
        if left[0] <= 0:
            raise Lost

    return hear


@pytest.mark.parametrize(
    ("pages", "limit", "lost"), [(9, 2, 2), (9, 3, 2), (2, None, 2), (9, None, 4)]
)
def test_a_walk_ends_only_when_its_last_pages_are_durable(
    tmp_path: Path, pages: int, limit: int | None, lost: int
) -> None:
    clock = Hand()

    async def go() -> None:
        async with upstream(many(pages)) as origin:
            server = Upstream(CIVITAI, origin, requests_per_minute=600_000)
            add_run(tmp_path, server, "/models", now=clock, limit=limit)
            async with open_crawl(Crawler(tmp_path, WRITER, clock), server) as crawl:
                crawl.desk.journal.hearers.append(losing_page(lost))
                await drain(crawl)

    with pytest.raises(Lost):
        asyncio.run(go())

    (task,) = listed(tmp_path)
    assert (task.state, task.finished_at) == (RUNNING, None)
