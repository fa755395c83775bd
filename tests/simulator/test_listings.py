"""Pagination of Civitai's listings: what a client gets when it follows the links."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fetcher.simulator.catalog import World
from fetcher.simulator.civitai.list import SORTS
from fetcher.simulator.civitai.world import images, models
from fetcher.simulator.world.rhythms import DAY, HOUR, SECOND
from tests.extent import few_or_all
from tests.simulator.requesting import NOW, ORIGIN, C, get, get_json, paginate


@settings(max_examples=few_or_all(10, 100))
@given(
    st.integers(0, 99),
    st.sampled_from(SORTS),
    st.integers(1, 100),
    st.integers(0, 400 * DAY),
)
def test_at_a_fixed_time_a_pagination_returns_every_model_exactly_once(
    seed: int, sort: str, limit: int, later_us: int
) -> None:
    world, at = World(seed, 40, 1), NOW + later_us
    received = [
        i["id"] for i in paginate(world, f"{C}/models", at, sort=sort, limit=limit, nsfw="true")
    ]
    live = [model.id for model in models(world, at) if model.mode is None]

    assert sorted(received) == sorted(live)


@settings(max_examples=few_or_all(10, 100))
@given(
    st.integers(0, 99),
    st.sampled_from(["Most Reactions", "Newest", "Oldest", "Most Comments"]),
    st.integers(1, 200),
)
def test_at_a_fixed_time_a_pagination_returns_every_image_exactly_once(
    seed: int, sort: str, limit: int
) -> None:
    world = World(seed, 24, 1)
    received = [
        i["id"]
        for i in paginate(world, f"{C}/images", NOW, sort=sort, limit=limit, browsingLevel=31)
    ]

    assert sorted(received) == sorted(image.id for image in images(world, NOW))


def paginate_over_time(world: World, start_us: int, step_us: int) -> list[int]:
    """The ids that a pagination returns while time passes between the pages."""
    received: list[int] = []
    query: dict[str, str | int] = {"nsfw": "true", "limit": 5}
    for page_no in range(200):
        page = get_json(world, f"{C}/models", start_us + page_no * step_us, **query)
        received += [item["id"] for item in page["items"]]
        cursor = page["metadata"].get("nextCursor")
        if cursor is None:
            break
        query["cursor"] = cursor
    return received


def test_while_time_passes_a_pagination_skips_some_models_and_returns_most() -> None:
    world = World(5)
    live = {model.id for model in models(world, NOW) if model.mode is None}
    lost = [
        len(live - set(paginate_over_time(world, NOW + n * HOUR, 10 * SECOND))) for n in range(8)
    ]

    assert any(lost)
    assert sum(lost) < 0.2 * len(live) * len(lost)


def test_while_time_passes_a_pagination_returns_some_models_twice() -> None:
    world = World(5)
    paginations = [paginate_over_time(world, NOW + n * DAY, 600 * SECOND) for n in range(8)]

    assert any(len(ids) > len(set(ids)) for ids in paginations)


def test_the_next_page_is_an_absolute_url_with_all_parameters() -> None:
    page = get_json(
        World(5), f"{C}/models", limit=7, types="LORA,Checkpoint", sort="Most Downloaded"
    )
    cursor = page["metadata"]["nextCursor"]

    assert page["metadata"]["nextPage"] == (
        f"{ORIGIN}{C}/models?limit=7&types=LORA%2CCheckpoint&sort=Most%20Downloaded"
        f"&cursor={cursor.replace('|', '%7C')}"
    )


def test_the_last_page_has_neither_cursor_nor_link() -> None:
    page = get_json(World(5), f"{C}/images", sort="Newest", limit=200, username="nobody at all")

    assert page == {"items": [], "metadata": {}}


def test_the_page_parameter_of_models_is_echoed_and_not_applied() -> None:
    first = get_json(World(5), f"{C}/models", limit=10, page=1)
    third = get_json(World(5), f"{C}/models", limit=10, page=3)

    assert first["items"] == third["items"]
    assert third["metadata"]["currentPage"] == 3


def test_numbered_pages_of_images_link_to_the_next_number_and_stop_at_a_thousand() -> None:
    page = get_json(World(5), f"{C}/images", limit=100, page=1, browsingLevel=31)
    second = get_json(World(5), f"{C}/images", limit=100, page=2, browsingLevel=31)
    stopped = get(World(5), f"{C}/images", limit=100, page=11, browsingLevel=31)

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
def test_a_cursor_of_images_is_valid_only_for_its_own_sort_order(
    sort: str, cursor: str, status: int
) -> None:
    assert get(World(5), f"{C}/images", sort=sort, cursor=cursor).status == status


@pytest.mark.parametrize("cursor", ["1|2", "1|2|3|4", "a|b|c", "", "1||2", "NaN|1|2"])
def test_a_cursor_of_models_with_another_number_of_parts_is_refused(cursor: str) -> None:
    response = get(World(5), f"{C}/models", cursor=cursor)

    assert response.status == 400
    assert b"Invalid cursor" in response.body


def test_creators_and_tags_have_numbered_pages_to_the_end() -> None:
    for path in (f"{C}/creators", f"{C}/tags"):
        received: list[Any] = list(paginate(World(5), path, limit=7))
        about = get_json(World(5), path, limit=7)["metadata"]

        assert len(received) == about["totalItems"] > 14
        assert about["totalPages"] == -(-len(received) // 7)
