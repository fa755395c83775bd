"""The last crawl of a listing: a second sync takes what the first one took."""

from pathlib import Path

import attrs
import pytest

from fetcher.forecast.backfills import backfills_left
from fetcher.forecast.estimate import FROM_LOG, forecast_listings
from fetcher.forecast.past_crawls import last_runs, past_crawls
from fetcher.service.open_crawl import SyncBounds
from fetcher.service.queue_commands import list_runs
from fetcher.service.sync import plan_listings
from fetcher.sources import SOURCES
from fetcher.state.task import COMPLETED, PENDING
from tests.fetcher.making import START, SteppingClock
from tests.fetcher.syncing import add_civitai_run, paginated, queued, sync_simulated, sync_with

CIVITAI, OPENROUTER = SOURCES["civitai"], SOURCES["openrouter"]


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_second_sync_takes_as_many_requests_as_forecast(
    tmp_path: Path, source: attrs.AttrsInstance
) -> None:
    name = getattr(source, "name")  # noqa: B009
    clock = SteppingClock(START)
    first = sync_simulated(tmp_path, name, clock=clock)
    tasks = list_runs(tmp_path, name, clock)
    base_url = next(task.first_url for task in tasks if task.first_url).partition("/models")[0]
    base_url = base_url.removesuffix("/api/v1") if name == "openrouter" else base_url
    listings = plan_listings(SOURCES[name], SyncBounds())

    past = past_crawls(SOURCES[name], base_url, tasks)
    forecasts = forecast_listings(SOURCES[name], listings, past, first_walk=20_000)

    assert {forecast.basis for forecast in forecasts} == {FROM_LOG}
    assert sum(forecast.requests or 0 for forecast in forecasts) == first.total("pages")
    assert set(past_crawls(SOURCES[name], "https://elsewhere.example", tasks)) == {
        (listing.name, None) for listing in listings if listing.has_derived_requests
    }
    assert {task.state for task in last_runs(tasks).values()} == {COMPLETED}


def test_runs_with_a_limit_are_no_complete_crawls(tmp_path: Path) -> None:
    sync_with(tmp_path, CIVITAI, paginated(9), listings=["models"], limit=2)
    (task,) = queued(tmp_path)

    base_url = str(task.first_url).partition("/models")[0]

    assert task.state == COMPLETED
    assert past_crawls(CIVITAI, base_url, [task]) == {}


def test_what_is_left_of_a_backfill_is_known_if_the_size_of_the_listing_is(
    tmp_path: Path,
) -> None:
    sync_with(tmp_path, CIVITAI, paginated(9), listings=["models"], first_walk=2)
    add_civitai_run(tmp_path)
    listing = attrs.evolve(CIVITAI.listing("models"), typical_entities=9)
    sized = attrs.evolve(CIVITAI, listings=(listing,))
    tasks = queued(tmp_path)

    (left,) = backfills_left(CIVITAI, tasks)
    assert (left.listing, left.requests, left.entities, left.requests_left) == (
        *("models", 0, 2),
        None,
    )
    going = [attrs.evolve(task, pages=2, entities=2, state=PENDING) for task in tasks]
    (left,) = backfills_left(sized, going)
    assert (left.entities, left.requests_left) == (4, 5)
