"""Syncs and queue commands whose settings are given by name."""

from pathlib import Path
from typing import Any

import attrs

from eventlog.clock import Clock
from fetcher.crawl.report import RunReport
from fetcher.service.open_crawl import Crawler, SyncBounds, Upstream
from fetcher.service.queue_commands import RunRequest, add_runs
from fetcher.service.sync import run_once
from fetcher.source import Source
from fetcher.state.task import Task
from tests.fetcher.making import HURRIED, OTHER, WRITER, Hand


async def sync_once(
    root: Path, source: Source, base_url: str, now: Clock | None = None, **settings: Any
) -> RunReport:
    """One sync, fast and without long pauses between attempts.

    `settings` are fields of `Upstream`, `SyncBounds` and `Crawler`; the remaining ones are
    arguments of `run_once`.
    """
    settings = {"requests_per_minute": 600_000, "policy": HURRIED, **settings}
    upstream = Upstream(source, base_url, **_take(Upstream, settings))
    bounds = SyncBounds(**_take(SyncBounds, settings))
    crawler = Crawler(
        root, settings.pop("writer", WRITER), now or Hand(), **_take(Crawler, settings)
    )
    return await run_once(crawler, upstream, bounds, **settings)


def is_complete(report: RunReport) -> bool:
    """Whether every listing of a sync is completed."""
    return all(listing.state == "completed" for listing in report.listings)


def _take(value: type[attrs.AttrsInstance], settings: dict[str, Any]) -> dict[str, Any]:
    """Removes the settings that are fields of a value and returns them."""
    names = [field.name for field in attrs.fields(value) if field.name in settings]
    return {name: settings.pop(name) for name in names}


def add_run(
    root: Path,
    upstream: Upstream,
    target: str,
    *,
    writer: str = OTHER,
    now: Clock,
    **settings: Any,
) -> Task:
    """Queues a listing or URL and returns its run; `settings` are fields of `RunRequest`."""
    request = RunRequest(target, **settings)
    (task,) = add_runs(Crawler(root, writer, now), upstream, request)
    return task
