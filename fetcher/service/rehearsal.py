"""Rehearsal: simulated days of hourly syncs with the built-in upstream.

HTTP and segments are real; only the clock is simulated, the same for the upstream and the
crawler. The demo and the end-to-end tests use it.
"""

import os
from collections.abc import Callable
from pathlib import Path

import attrs

from eventlog.clock import HOUR, MINUTE
from eventlog.files.writer_ids import FETCH, machine_name, writer_id
from fetcher.service.open_crawl import Crawler, Upstream
from fetcher.service.sync import run_once
from fetcher.simulator.app import make_app, serve
from fetcher.simulator.catalog import World
from fetcher.sources import SOURCES

OnSync = Callable[[int, int, int, int], None]
"""Called after each sync with: syncs done, syncs in total, responses, entities."""

_MINUTES = {"civitai": 5, "openrouter": 30}
"""Minute of each hour at which a source is synced."""
_PATHS = {"civitai": "/civitai/api/v1", "openrouter": ""}
"""Path of each source on the simulated upstream."""


@attrs.define
class _Clock:
    now: int


async def rehearse(root: Path, seed: int, start: int, end: int, on_sync: OnSync) -> None:
    """Syncs every source in every hour of [start, end); both in microseconds, full hours."""
    clock = _Clock(start)
    writer = writer_id(root, FETCH, machine_name(os.environ))
    crawler = Crawler(root, writer, lambda: clock.now)
    hours = range(start, end, HOUR)
    pages = entities = done = 0
    app = make_app(World(seed, civitai_models=40, openrouter_models=24), lambda: clock.now)
    async with serve(app, lambda: clock.now) as origin:
        for hour in hours:
            for name, minute in sorted(_MINUTES.items(), key=lambda item: item[1]):
                clock.now = hour + minute * MINUTE
                upstream = Upstream(
                    SOURCES[name],
                    origin + _PATHS[name],
                    requests_per_minute=1_000_000,
                    concurrency=12,
                )
                report = await run_once(crawler, upstream)
                pages += report.total("pages")
                entities += report.total("entities")
                done += 1
                on_sync(done, 2 * len(hours), pages, entities)
