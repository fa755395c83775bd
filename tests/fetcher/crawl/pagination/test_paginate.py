"""Pagination continues past poison pages, rejected cursors and silent ends."""

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
from tests.fetcher.making import WRITER, SteppingClock, lines, upstream
from tests.fetcher.syncing import add_run, paginated, queued, sync_with

CIVITAI = SOURCES["civitai"]


@attrs.define
class Feed:
    """Images 1 to `count`, newest first; a cursor names the first image of the next page."""

    count: int
    poison: frozenset[int] = frozenset()
    rejects: Callable[["Feed", str], bool] = lambda feed, cursor: False
    end: int = 10**6
    """Maximum number of entities that are served for one query."""
    members: Callable[[int], Mapping[str, object]] = lambda id_: {}
    """Further members of an image."""
    matches: Callable[[int, Mapping[str, str]], bool] = lambda id_, query: True
    """Whether an image matches a query."""
    requested: Counter[str] = attrs.field(factory=Counter)

    async def handle(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        cursor = query.get("cursor", "")
        self.requested[cursor] += 1
        if cursor and self.rejects(self, cursor):
            return web.json_response(
                {"message": "This cursor can no longer be continued"}, status=400
            )
        limit = int(query["limit"])
        matching = [id_ for id_ in range(self.count, 0, -1) if self.matches(id_, query)]
        rest = [
            id_ for id_ in matching[: self.end] if not cursor or id_ <= int(cursor.split(":")[2])
        ]
        if self.poison & set(rest[:limit]):
            return web.json_response({"error": "URI malformed"}, status=500)
        items = [{"id": id_, **self.members(id_)} for id_ in rest[:limit]]
        onward = {"nextCursor": f"feed:1:{rest[limit]}"} if rest[limit:] else {"total": 1}
        return web.json_response({"items": items, "metadata": onward})


def source(limit: int = 16, most: int | None = None) -> Source:
    """Civitai with `images` as its only listing, in pages of `limit` entities."""
    listing = CIVITAI.listing("images")
    params = {**listing.params, "limit": str(limit)}
    listing = attrs.evolve(listing, params=params, ends_silently_at=most)
    return attrs.evolve(CIVITAI, listings=(listing,))


def paginate_feed(root: Path, feed: Feed, **more: int) -> RunReport:
    return sync_with(root, source(**more), feed.handle)


def ids(root: Path) -> set[int]:
    pages = [line for line in lines(root, "civitai") if line.kind == PAGE]
    return {int(id_) for page in pages for entries in page.roster.values() for _, id_, _ in entries}


def failed(root: Path) -> list[dict[str, str]]:
    return [dict(line.params) for line in lines(root, "civitai") if line.kind == PAGE_FAILED]


def all_but(count: int, *missing: int) -> set[int]:
    return set(range(1, count + 1)) - set(missing)


@pytest.mark.parametrize("poison", [[84], [50], [1], [84, 83], [70, 31], [77, 60, 59, 2]])
def test_a_poison_page_is_bisected_and_one_entity_skipped(
    tmp_path: Path, poison: list[int]
) -> None:
    feed = Feed(100, frozenset(poison))

    report = paginate_feed(tmp_path, feed)

    assert ids(tmp_path) == all_but(100, *poison)
    assert [(params["cursor"], params["limit"]) for params in failed(tmp_path)] == [
        (f"feed:1:{id_}", "1") for id_ in poison
    ]
    assert (report.listings[0].state, report.listings[0].failures) == ("partial", len(poison))
    assert "was skipped" in str(report.listings[0].why)
    numbers = [line.page_no for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert numbers == list(range(1, len(numbers) + 1))
    assert sum(feed.requested.values()) < 7 + 11 * len(poison)


def test_poison_that_cannot_be_skipped_ends_the_run_and_is_named(tmp_path: Path) -> None:
    report = paginate_feed(tmp_path, Feed(100, frozenset([100])))

    assert report.listings[0].state == "failed"
    assert [params["limit"] for params in failed(tmp_path)] == ["1"]
    assert "no cursor leads past it" in str(report.listings[0].why)


def test_a_run_skips_at_most_twenty_entities(tmp_path: Path) -> None:
    poison = frozenset(range(30, 90, 2))
    feed = Feed(100, poison)

    report = paginate_feed(tmp_path, feed, limit=4)

    assert report.listings[0].state == "partial"
    assert "cannot be skipped: 20 were skipped already" in str(report.listings[0].why)
    assert len(failed(tmp_path)) == 21


def test_numbered_poison_pages_are_skipped_as_a_whole(tmp_path: Path) -> None:
    requested: list[int] = []

    async def handle(request: web.Request) -> web.Response:
        page = int(request.query.get("page", "1"))
        requested.append(page)
        if page == 2:
            return web.json_response({"error": "URI malformed"}, status=500)
        onward = {"nextPage": f"https://x/?page={page + 1}"} if page < 3 else {"totalPages": 3}
        return web.json_response({"items": [{"username": f"u{page}"}], "metadata": onward})

    report = sync_with(tmp_path, CIVITAI, handle, listings=["creators"])

    assert {line.id for line in lines(tmp_path, "civitai") if line.type == "creator"} == {
        "u1",
        "u3",
    }
    assert [params["page"] for params in failed(tmp_path)] == ["2"]
    assert requested == [1, 2, 3]
    assert (report.listings[0].state, report.listings[0].failures) == ("partial", 1)


def test_poison_that_disappears_during_the_bisection_costs_no_entity(tmp_path: Path) -> None:
    feed = Feed(100, frozenset([50]))
    poisoned = feed.handle

    async def handle(request: web.Request) -> web.Response:
        if sum(feed.requested.values()) == 6:
            feed.poison = frozenset()
        return await poisoned(request)

    report = sync_with(tmp_path, source(), handle)

    assert (report.listings[0].state, ids(tmp_path)) == ("completed", all_but(100))
    sizes = [line.params["limit"] for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert sizes[-1] == "16"


def first_time(feed: Feed, cursor: str) -> bool:
    return cursor == "feed:1:52" and feed.requested[cursor] == 1


def twice(feed: Feed, cursor: str) -> bool:
    return cursor == "feed:1:52" and feed.requested[cursor] <= 2


def always(feed: Feed, cursor: str) -> bool:
    return cursor == "feed:1:52"


@pytest.mark.parametrize(
    ("rejects", "state", "why", "count"),
    [
        (first_time, "completed", "the previous page", 8),
        (twice, "completed", "the beginning", 11),
        (always, "partial", "cursor:", 7),
    ],
)
def test_after_a_rejected_cursor_pagination_resumes_earlier_and_reports_it(
    tmp_path: Path,
    rejects: Callable[[Feed, str], bool],
    state: str,
    why: str,
    count: int,
) -> None:
    report = paginate_feed(tmp_path, Feed(100, rejects=rejects))

    assert (report.listings[0].state, report.listings[0].pages) == (state, count)
    assert why in str(report.listings[0].why)
    if state == "completed":
        assert ids(tmp_path) == all_but(100)
    assert all(params["cursor"] == "feed:1:52" for params in failed(tmp_path))
    assert len(failed(tmp_path)) >= 1


def test_cursors_that_are_always_rejected_end_the_pagination(tmp_path: Path) -> None:
    feed = Feed(400, rejects=lambda feed, cursor: feed.requested[cursor] == 1)

    report = paginate_feed(tmp_path, feed)

    assert report.listings[0].state == "partial"
    assert 10 < len(failed(tmp_path)) <= 12
    assert sum(feed.requested.values()) < 100


def test_a_page_cursor_too_long_for_a_url_ends_the_run_as_partial(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        onward = {"nextCursor": "y" * 100_000}
        return web.json_response({"items": [{"id": 1}], "metadata": onward})

    report = sync_with(tmp_path, source(), handle)

    assert ids(tmp_path) == {1}
    (listing,) = report.listings
    assert listing.state == "partial"
    assert "no next page, but does not look like the end" in str(listing.why)


class Lost(Exception):
    """Raised instead of recording a page."""


def losing_page(number: int) -> Callable[[Appended], None]:
    """Returns a listener of the journal that raises `Lost` at the nth page."""
    remaining = [number]

    def listen(done: Appended) -> None:
        remaining[0] -= sum(b'"kind":"page"' in line for _, line in done.draft_lines)
        if remaining[0] <= 0:
            raise Lost

    return listen


@pytest.mark.parametrize(
    ("pages", "limit", "lost"), [(9, 2, 2), (9, 3, 2), (2, None, 2), (9, None, 4)]
)
def test_a_pagination_ends_only_when_its_last_pages_are_durable(
    tmp_path: Path, pages: int, limit: int | None, lost: int
) -> None:
    clock = SteppingClock()

    async def go() -> None:
        async with upstream(paginated(pages)) as origin:
            server = Upstream(CIVITAI, origin, requests_per_minute=600_000)
            add_run(tmp_path, server, "/models", now=clock, limit=limit)
            async with open_crawl(Crawler(tmp_path, WRITER, clock), server) as crawl:
                crawl.context.journal.listeners.append(losing_page(lost))
                await drain(crawl)

    with pytest.raises(Lost):
        asyncio.run(go())

    (task,) = queued(tmp_path)
    assert (task.state, task.finished_at) == (RUNNING, None)
