"""The first hour of an archive, at the real rate of 60 requests a minute, on a scaled clock.

The event loop's clock runs 60 times as fast, and so do all waits: the rate limit, pauses and
timeouts. Both sources are crawled side by side, twice, against upstreams of realistic size.
"""

import asyncio
from pathlib import Path
from typing import Any

import attrs
import pytest

from eventlog.clock import SECOND
from fetcher.crawl.report import RunReport
from fetcher.forecast.estimate import forecast_listings
from fetcher.forecast.past_crawls import past_crawls
from fetcher.service.open_crawl import Crawler, SyncBounds, Upstream
from fetcher.service.queue_commands import list_runs
from fetcher.service.sync import plan_listings, run_once
from fetcher.simulator.app import serve
from fetcher.simulator.world.world import World
from fetcher.sources import SOURCES
from tests.fetcher.making import START, WRITER
from tests.fetcher.syncing import SIMULATED_PATHS

_FACTOR = 60
_WORLD = World(7, civitai_models=1_300, openrouter_models=340)
"""About 430 models of OpenRouter, as in 2026, and more of Civitai than a sync takes."""
_BOUNDS = SyncBounds(first_walk=1_000)


class _ScaledLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock and waits are `_FACTOR` times as fast."""

    def __init__(self) -> None:
        super().__init__()
        selector: Any = self._selector  # type: ignore[attr-defined]
        select = selector.select
        selector.select = lambda timeout=None: select(timeout and timeout / _FACTOR)

    def time(self) -> float:
        return super().time() * _FACTOR


@attrs.frozen
class Played:
    """Requests of one sync: forecast before, and sent."""

    forecast: int
    sent: int

    @property
    def error(self) -> float:
        """Relative error of the forecast."""
        return abs(self.forecast - self.sent) / self.sent


def forecast(root: Path, server: Upstream) -> int:
    tasks = list_runs(root, server.source.name, lambda: START)
    past = past_crawls(server.source, server.base_url, tasks)
    listings = plan_listings(server.source, _BOUNDS)
    forecasts = forecast_listings(server.source, listings, past, first_walk=_BOUNDS.first_walk)
    return sum(listing.requests or 0 for listing in forecasts)


async def play(root: Path, server: Upstream) -> list[Played]:
    """Syncs a source twice, each time after a forecast."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    crawler = Crawler(root, WRITER, lambda: START + int((loop.time() - begun) * SECOND))
    played = []
    for _ in range(2):
        expected = forecast(root, server)
        report: RunReport = await run_once(crawler, server, _BOUNDS)
        played.append(Played(expected, report.total("pages")))
    return played


@pytest.mark.slow
def test_the_forecast_of_the_first_hour_is_within_a_fifth_of_what_is_fetched(
    tmp_path: Path,
) -> None:
    async def go() -> list[list[Played]]:
        async with serve(_WORLD, lambda: START) as origin:
            servers = (
                Upstream(SOURCES[name], origin + SIMULATED_PATHS[name], requests_per_minute=60)
                for name in sorted(SOURCES)
            )
            return await asyncio.gather(*(play(tmp_path, server) for server in servers))

    with asyncio.Runner(loop_factory=_ScaledLoop) as runner:
        civitai, openrouter = runner.run(go())

    assert all(sync.error <= 0.2 for sync in (*civitai, *openrouter))
    assert openrouter[1].error < 0.01
    assert civitai[0].sent == 15 and openrouter[0].sent > 800
