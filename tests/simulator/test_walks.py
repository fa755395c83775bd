"""Walking Civitai's listings: what a client meets when it follows the links."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fetcher.simulator.catalog import World
from fetcher.simulator.civitai.list import SORTS
from fetcher.simulator.civitai.world import images, models
from fetcher.simulator.world.rhythms import DAY, HOUR, SECOND
from tests.extent import few_or_all
from tests.simulator.asking import NOW, ORIGIN, C, ask, told, walk


@settings(max_examples=few_or_all(10, 100))
@given(
    st.integers(0, 99),
    st.sampled_from(SORTS),
    st.integers(1, 100),
    st.integers(0, 400 * DAY),
)
def test_at_a_fixed_instant_a_walk_over_models_meets_each_exactly_once(
    seed: int, sort: str, limit: int, later_us: int
) -> None:
    world, at = World(seed, 40, 1), NOW + later_us
    met = [i["id"] for i in walk(world, f"{C}/models", at, sort=sort, limit=limit, nsfw="true")]
    live = [each.id for each in models(world, at) if each.mode is None]

    assert sorted(met) == sorted(live)


@settings(max_examples=few_or_all(10, 100))
@given(
    st.integers(0, 99),
    st.sampled_from(["Most Reactions", "Newest", "Oldest", "Most Comments"]),
    st.integers(1, 200),
)
def test_at_a_fixed_instant_a_walk_over_images_meets_each_exactly_once(
    seed: int, sort: str, limit: int
) -> None:
    world = World(seed, 24, 1)
    met = [
        i["id"] for i in walk(world, f"{C}/images", NOW, sort=sort, limit=limit, browsingLevel=31)
    ]

    assert sorted(met) == sorted(each.id for each in images(world, NOW))


def slipping_walk(world: World, start_us: int, step_us: int) -> list[int]:
    """The ids met when time goes on between the pages."""
    met: list[int] = []
    query: dict[str, str | int] = {"nsfw": "true", "limit": 5}
    for page_no in range(200):
        page = told(world, f"{C}/models", start_us + page_no * step_us, **query)
        met += [item["id"] for item in page["items"]]
        cursor = page["metadata"].get("nextCursor")
        if cursor is None:
            break
        query["cursor"] = cursor
    return met


def test_while_time_goes_on_a_walk_skips_some_models_and_meets_most() -> None:
    world = World(5)
    live = {each.id for each in models(world, NOW) if each.mode is None}
    lost = [len(live - set(slipping_walk(world, NOW + n * HOUR, 10 * SECOND))) for n in range(8)]

    assert any(lost)
    assert sum(lost) < 0.2 * len(live) * len(lost)


def test_while_time_goes_on_a_walk_meets_some_models_twice() -> None:
    world = World(5)
    walks = [slipping_walk(world, NOW + n * DAY, 600 * SECOND) for n in range(8)]

    assert any(len(met) > len(set(met)) for met in walks)


def test_the_next_page_is_an_absolute_address_with_all_parameters() -> None:
    page = told(World(5), f"{C}/models", limit=7, types="LORA,Checkpoint", sort="Most Downloaded")
    cursor = page["metadata"]["nextCursor"]

    assert page["metadata"]["nextPage"] == (
        f"{ORIGIN}{C}/models?limit=7&types=LORA%2CCheckpoint&sort=Most%20Downloaded"
        f"&cursor={cursor.replace('|', '%7C')}"
    )


def test_the_last_page_has_neither_cursor_nor_link() -> None:
    page = told(World(5), f"{C}/images", sort="Newest", limit=200, username="nobody at all")

    assert page == {"items": [], "metadata": {}}


def test_the_page_parameter_of_models_is_echoed_and_not_applied() -> None:
    first = told(World(5), f"{C}/models", limit=10, page=1)
    third = told(World(5), f"{C}/models", limit=10, page=3)

    assert first["items"] == third["items"]
    assert third["metadata"]["currentPage"] == 3


def test_a_page_walker_of_images_is_led_on_by_page_and_stopped_at_a_thousand() -> None:
    page = told(World(5), f"{C}/images", limit=100, page=1, browsingLevel=31)
    second = told(World(5), f"{C}/images", limit=100, page=2, browsingLevel=31)
    stopped = ask(World(5), f"{C}/images", limit=100, page=11, browsingLevel=31)

    assert "page=2" in page["metadata"]["nextPage"]
    assert not {i["id"] for i in page["items"]} & {i["id"] for i in second["items"]}
    assert stopped.status == 429
    assert b"use cursors instead" in stopped.body


@pytest.mark.parametrize(
    ("sort", "cursor", "status"),
    [
        ("Most Reactions", "feed:1:2", 400),
        ("Newest", "4|1736603039244", 400),
        ("Newest", "feed:x:2", 400),
        ("Most Reactions", "NaN|1", 400),
        ("Newest", "feed:1736603039244:2", 200),
    ],
)
def test_a_cursor_of_images_is_good_only_for_its_own_order(
    sort: str, cursor: str, status: int
) -> None:
    assert ask(World(5), f"{C}/images", sort=sort, cursor=cursor).status == status


@pytest.mark.parametrize("cursor", ["1|2", "1|2|3|4", "a|b|c", "", "1||2", "NaN|1|2"])
def test_a_cursor_of_models_with_another_number_of_parts_is_refused(cursor: str) -> None:
    found = ask(World(5), f"{C}/models", cursor=cursor)

    assert found.status == 400
    assert b"Invalid cursor" in found.body


def test_creators_and_tags_have_numbered_pages_to_the_end() -> None:
    for path in (f"{C}/creators", f"{C}/tags"):
        met: list[Any] = list(walk(World(5), path, limit=7))
        about = told(World(5), path, limit=7)["metadata"]

        assert len(met) == about["totalItems"] > 14
        assert about["totalPages"] == -(-len(met) // 7)
