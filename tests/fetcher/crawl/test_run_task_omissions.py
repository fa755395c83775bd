"""The end of a run reports what earlier processes of the run had left out."""

from pathlib import Path

import pytest
from aiohttp import web

from fetcher.crawl.report import ListingReport, OnProgress, Progress
from fetcher.source import Source
from fetcher.sources import SOURCES
from fetcher.state.run_queue import LEASE_US
from tests.fetcher.crawl.pagination.test_paginate import Feed, source
from tests.fetcher.making import Handle, SteppingClock
from tests.fetcher.syncing import sync_with, work_on_queue


class Killed(Exception):
    """Ends a crawl in place of a kill of its process."""


def killed_after(pages: int) -> OnProgress:
    """Raises `Killed` as soon as that many pages are durable."""

    def on_progress(progress: Progress) -> None:
        if progress.listing.pages == pages:
            raise Killed

    return on_progress


def report_after_kill(
    root: Path, crawled: Source, listing: str, handle: Handle, pages: int
) -> ListingReport:
    """Kills a sync of one listing after some pages; returns the report of its continuation."""
    clock = SteppingClock()
    kill = killed_after(pages)
    with pytest.raises(Killed):
        sync_with(root, crawled, handle, now=clock, listings=[listing], on_progress=kill)
    clock.at += LEASE_US
    (report,) = work_on_queue(root, handle, crawled, now=clock).listings
    return report


def test_an_entity_that_was_skipped_before_a_kill_leaves_the_run_partial(tmp_path: Path) -> None:
    feed = Feed(100, frozenset([84]))

    report = report_after_kill(tmp_path, source(), "images", feed.handle, pages=3)

    assert (report.state, report.failures) == ("partial", 1)
    assert "'URI malformed': skipped before an interruption" in str(report.why)


def test_a_doubtful_page_before_a_kill_leaves_the_run_partial(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "a/1"}, {"name": "x"}]})

    openrouter = SOURCES["openrouter"]

    report = report_after_kill(tmp_path, openrouter, "models", handle, pages=1)

    assert (report.state, report.doubtful) == ("partial", 1)


def test_a_run_without_omissions_is_completed_after_a_kill(tmp_path: Path) -> None:
    report = report_after_kill(tmp_path, source(), "images", Feed(100).handle, pages=3)

    assert (report.state, report.failures, report.doubtful) == ("completed", 0, 0)
