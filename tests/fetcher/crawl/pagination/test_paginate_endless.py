"""Endless paginations: cursors that are always new, on pages without anything new."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cli.commands.fetch.sync_report import sync_exit_code
from eventlog.format.event import PAGE
from fetcher.sources import SOURCES
from tests.fetcher.crawl.pagination.test_paginate import Feed, all_but, ids, paginate_feed
from tests.fetcher.making import Handle, lines
from tests.fetcher.split.splitting import HERE
from tests.fetcher.syncing import is_complete, sync_with

CIVITAI, OPENROUTER = SOURCES["civitai"], SOURCES["openrouter"]


def endless(items: Callable[[int], list[Any]], requested: list[int], end: int = 10**9) -> Handle:
    """A listing whose page n has these items and leads to page n + 1; `end` is its last page."""

    async def handle(request: web.Request) -> web.Response:
        number = int(request.query.get("cursor", 0))
        requested.append(number)
        metadata = {"total": 1} if number == end else {"nextCursor": number + 1}
        return web.json_response({"items": items(number), "metadata": metadata})

    return handle


ENDLESS: dict[str, tuple[Callable[[int], list[Any]], int]] = {
    "the same": (lambda n: [{"id": 1}, {"id": 2}], 21),
    "the same, changed": (lambda n: [{"id": 1, "count": n}], 21),
    "a cycle of three pages": (lambda n: [{"id": n % 3}], 23),
    "empty": (lambda n: [], 20),
    "empty from page 31 on": (lambda n: [{"id": n}] if n < 30 else [], 50),
    "without ids": (lambda n: [{"name": "x"}], 21),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_twenty_pages_in_a_row_without_anything_new_end_the_run(tmp_path: Path, name: str) -> None:
    items, pages = ENDLESS[name]
    requested: list[int] = []

    report = sync_with(
        tmp_path, CIVITAI, endless(items, requested), listings=["images"], pool_policy=HERE
    )

    assert requested == list(range(pages))
    assert (report.listings[0].state, report.listings[0].pages) == ("partial", pages)
    assert "20 pages in a row contain nothing new" in str(report.listings[0].why)
    assert sync_exit_code(report.listings) == 3
    recorded = [line for line in lines(tmp_path, "civitai") if line.kind == PAGE]
    assert len(recorded) == pages and not any(line.last for line in recorded)


@pytest.mark.parametrize("items", [lambda n: [], lambda n: [{"id": 1}]])
def test_fewer_pages_without_anything_new_are_no_reason_to_end(
    tmp_path: Path, items: Callable[[int], list[Any]]
) -> None:
    handle = endless(lambda n: [{"id": n}] if n % 20 == 0 else items(n), [], end=60)

    report = sync_with(tmp_path, CIVITAI, handle, listings=["images"])

    assert is_complete(report)
    assert report.listings[0].pages == 61


def test_pages_that_are_fetched_again_after_a_rejected_cursor_count_as_new(tmp_path: Path) -> None:
    def rejects(feed: Feed, cursor: str) -> bool:
        return cursor == "feed:1:10" and feed.requested[cursor] < 3

    report = paginate_feed(tmp_path, Feed(60, rejects=rejects), limit=1)

    assert ids(tmp_path) == all_but(60)
    assert "resumed from the beginning" in str(report.listings[0].why)
    assert "nothing new" not in str(report.listings[0].why)


def test_follow_up_requests_may_all_be_answered_without_anything_new(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        if request.path.endswith("/endpoints"):
            return web.json_response({"data": {"id": "a/1", "endpoints": []}})
        return web.json_response({"data": [{"id": f"a/{n}"} for n in range(40)]})

    report = sync_with(tmp_path, OPENROUTER, handle, listings=["endpoints"])

    assert report.listings[-1].pages == 40
    assert "nothing new" not in str(report.listings)
