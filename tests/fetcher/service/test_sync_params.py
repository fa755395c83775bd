"""Parameters that the configuration sets: what is requested, and what stays present."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.clock import HOUR
from eventlog.errors import Invalid
from eventlog.format.event import GONE, UNLISTED
from fetcher.service.open_crawl import SyncBounds
from fetcher.service.sync import plan_listings
from fetcher.sources import SOURCES
from tests.extent import few_or_all
from tests.fetcher.making import START, SteppingClock, lines
from tests.fetcher.syncing import paginated, sync_with

CIVITAI, OPENROUTER = SOURCES["civitai"], SOURCES["openrouter"]
MODELS = {"p/a": "x", "p/b": "x", "p/c": "y", "q/d": "y"}
"""Category of each model."""


def test_each_value_of_a_parameter_is_a_run_of_its_own(tmp_path: Path) -> None:
    asked: list[Mapping[str, str]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(dict(request.query))
        return await paginated(1)(request)

    chosen = {"models": {"baseModels": ("Pony", "SDXL 1.0"), "nsfw": ("false",)}}
    report = sync_with(tmp_path, CIVITAI, handle, listings=["models"], params=chosen)

    common = {"limit": "100", "nsfw": "false", "sort": "Newest"}
    assert asked == [{**common, "baseModels": "Pony"}, {**common, "baseModels": "SDXL 1.0"}]
    assert [run.state for run in report.listings] == ["completed"] * 2


def test_parameters_of_other_listings_and_an_unknown_listing_change_nothing() -> None:
    bounds = SyncBounds(listings=["tags"], params={"models": {"tag": ("a",)}})

    assert plan_listings(CIVITAI, bounds) == (CIVITAI.listing("tags"),)
    with pytest.raises(Invalid):
        plan_listings(CIVITAI, SyncBounds(listings=["nosuch"]))


CHOICES = st.lists(
    st.sampled_from([(), ("x",), ("y",), ("x", "y"), ("none",)]), min_size=1, max_size=4
)
"""Categories that the configuration chooses at each sync; none: all models."""


@settings(max_examples=few_or_all(4, 100), deadline=None)
@given(CHOICES)
def test_what_the_configuration_leaves_out_is_never_unlisted(
    choices: list[tuple[str, ...]],
) -> None:
    """Law: every model exists all the time, so none may be reported absent or gone."""
    with TemporaryDirectory() as folder:
        for number, categories in enumerate(choices):
            chosen = {"models": {"category": categories}} if categories else {}
            clock = SteppingClock(START + number * HOUR)
            names = ["models", "models-all", "gone-models"]
            sync_with(
                Path(folder), OPENROUTER, list_models, now=clock, listings=names, params=chosen
            )

        kinds = {line.kind for line in lines(Path(folder), "openrouter")}
        assert not kinds & {UNLISTED, GONE}


async def list_models(request: web.Request) -> web.Response:
    """Answers `/models` with those of the category, and refuses every other request."""
    if request.path != "/api/v1/models":
        return web.json_response({"error": "no such model"}, status=404)
    wanted = request.query.get("category")
    ids = [id_ for id_, category in MODELS.items() if wanted in (None, category)]
    return web.json_response({"data": [{"id": id_} for id_ in ids]})
