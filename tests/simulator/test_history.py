"""Changes of the world over time: new models, absences, returns, prices."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from fetcher.simulator.catalog import World
from fetcher.simulator.civitai.world import models
from fetcher.simulator.world.rhythms import DAY, HOUR
from tests.simulator.requesting import NOW, OR, C, F, get_json

STARTS = (NOW - 700 * DAY, NOW, NOW + 31 * DAY)


def moves(sets: Sequence[set[Any]]) -> tuple[set[Any], set[Any], set[Any]]:
    """What appeared for the first time, disappeared, and returned."""
    seen, new, gone, back = set(sets[0]), set[Any](), set[Any](), set[Any]()
    for before, after in pairwise(sets):
        new |= after - before - seen
        back |= (after - before) & seen
        gone |= before - after
        seen |= after
    return new, gone, back


@pytest.mark.parametrize("start_us", STARTS)
def test_openrouter_models_appear_disappear_return_and_change_price_within_three_days(
    start_us: int,
) -> None:
    hours = [
        get_json(World(5), f"{OR}/models", start_us + hour * HOUR, output_modalities="all")["data"]
        for hour in range(73)
    ]
    new, gone, back = moves([{row["id"] for row in rows} for rows in hours])
    prices = [{row["id"]: row["pricing"] for row in rows} for rows in hours]
    moved = {k for a, b in pairwise(prices) for k in a.keys() & b.keys() if a[k] != b[k]}

    assert new and gone and back
    assert len(moved) >= 5


@pytest.mark.parametrize("start_us", STARTS)
def test_civitai_models_appear_disappear_and_return_within_three_days(start_us: int) -> None:
    world = World(5)
    hours = [{m.id for m in models(world, start_us + hour * HOUR)} for hour in range(73)]
    new, gone, back = moves(hours)

    assert new and gone and back


def test_from_one_hour_to_the_next_mostly_counters_change() -> None:
    def rows(now_us: int) -> dict[int, Any]:
        page = get_json(World(5), f"{C}/models", now_us, nsfw="true")
        return {item["id"]: item for item in page["items"]}

    def durable(item: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in item.items() if k not in ("stats", "modelVersions")}

    before, after = rows(NOW), rows(NOW + HOUR)
    both = before.keys() & after.keys()

    assert sum(before[i]["stats"] != after[i]["stats"] for i in both) > 0.9 * len(both)
    assert sum(durable(before[i]) != durable(after[i]) for i in both) < 0.1 * len(both)


@pytest.mark.slow
def test_download_counts_never_fall() -> None:
    def count(now_us: int) -> dict[int, int | None]:
        page = get_json(World(5), f"{C}/models", now_us, nsfw="true")
        return {item["id"]: item["stats"]["downloadCount"] for item in page["items"]}

    hours = [count(NOW + hour * HOUR // 7) for hour in range(50)]

    for before, after in pairwise(hours):
        for identity in before.keys() & after.keys():
            first, second = before[identity], after[identity]
            assert (first is None) == (second is None)
            assert first is None or second is None or first <= second


def test_uptimes_move_every_hour() -> None:
    world = World(5)
    slug = get_json(world, f"{OR}/models")["data"][-1]["id"]

    def uptimes(now_us: int) -> list[object]:
        page = get_json(world, f"{OR}/models/{slug}/endpoints", now_us)
        return [row["uptime_last_1d"] for row in page["data"]["endpoints"]]

    hours = [uptimes(NOW + hour * HOUR) for hour in range(6)]

    assert all(a != b for a, b in pairwise(hours))


def test_an_endpoint_keeps_its_uuid_when_its_tag_changes() -> None:
    tags: dict[str, set[str]] = {}
    for day in range(0, 80, 4):
        for row in get_json(World(5), f"{F}/catalog/models", NOW + day * DAY)["data"]:
            if row["endpoint"]:
                tags.setdefault(row["endpoint"]["id"], set()).add(row["endpoint"]["provider_slug"])

    assert any(len(found) > 1 for found in tags.values())


def test_a_window_of_the_day_decides_the_price_that_is_shown() -> None:
    world, midnight, seen = World(5), NOW - NOW % DAY, 0
    for half_hour in range(48):
        at = midnight + half_hour * HOUR // 2
        start = 30 if 1 <= half_hour < 33 else 1630
        for row in get_json(world, f"{OR}/models", at)["data"]:
            windows = row["pricing"].get("overrides", [{}])
            if "utc_start" in windows[0]:
                now = next(each for each in windows if each["utc_start"] == start)
                assert row["pricing"]["prompt"] == now["prompt"]
                assert row["pricing"]["completion"] == now["completion"]
                seen += 1

    assert seen >= 48


def test_a_model_that_announces_its_end_is_gone_the_day_after() -> None:
    world, ends = World(5), dict[str, str]()
    for row in get_json(world, f"{OR}/models")["data"]:
        if row["expiration_date"] not in (None, "2098-12-31"):
            ends[row["id"]] = row["expiration_date"]
    assert ends
    for identity, end in ends.items():
        after = (date.fromisoformat(end).toordinal() - date(1970, 1, 1).toordinal() + 1) * DAY
        listed = {row["id"] for row in get_json(world, f"{OR}/models", after)["data"]}
        assert identity not in listed
