"""Prices: changes, each due to the price, a discount, the time of day or the schema."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson
import pytest

from projector.query.select import run_query
from projector.update.check import check
from projector.update.rebuild import rebuild_views
from projector.update.update import update
from tests.projector.conftest import WRITER
from tests.projector.logs import Page, Seen, hours, write_log
from tests.projector.projections import chosen
from tests.projector.recorded import HISTORY, Snapshot, import_snapshots, snapshots

PRICES = chosen("openrouter.prices")

WINDOWS = [
    {"utc_start": 30, "utc_end": 1630, "prompt": "0.00000028", "completion": "0.00000042"},
    {"utc_start": 1630, "utc_end": 30, "prompt": "0.00000014", "completion": "0.00000021"},
]
"""OpenRouter's own example of prices by time of day."""


def endpoint(**pricing: object) -> Seen:
    return Seen("endpoint", "z-ai/glm-5.2#novita/fp8", {"tag": "novita/fp8", "pricing": pricing})


def priced(root, *bodies: Seen, columns: str = "field, old, new, because"):
    pages = [Page(hours(n), [body], f"r{n}", "/e", 1, True) for n, body in enumerate(bodies)]
    write_log(root, "openrouter", WRITER, pages)
    assert update(root, definitions=PRICES).failed == ()
    sql = f"SELECT {columns} FROM openrouter.prices ORDER BY valid_from, field"
    return list(run_query(root, sql).rows)


CASES: list[tuple[Any, ...]] = [
    ({"prompt": "0.1"}, {"prompt": "0.2"}, [("0.1", "0.2", "price")]),
    (
        {"prompt": "0.0000002574", "discount": 0.1},
        {"prompt": "0.00000020735", "discount": 0.275},
        [("0.0000002574", "0.00000020735", "discount")],
    ),
    (
        {"prompt": "0.0000002574", "discount": 0.1},
        {"prompt": "0.00000029", "discount": 0},
        [("0.0000002574", "0.00000029", "price+discount")],
    ),
    ({"prompt": "0.5"}, {"prompt": "0.5", "discount": 0.5}, [("0.5", "0.5", "price+discount")]),
    ({"prompt": "0.5"}, {"prompt": "0.25", "discount": 0.5}, [("0.5", "0.25", "discount")]),
    ({}, {"prompt": "0"}, [(None, "0", "schema")]),
    ({"prompt": "0"}, {}, [("0", None, "schema")]),
    ({"prompt": "0.10"}, {"prompt": "0.1"}, []),
    ({"prompt": "0"}, {"prompt": "0", "discount": 0.5}, []),
]


def test_a_change_of_a_price_has_its_cause(empty):
    def page(n: int) -> Page:
        seen = [Seen("endpoint", str(id), {"pricing": case[n]}) for id, case in enumerate(CASES)]
        return Page(hours(n), seen, f"r{n}", "/e", 1, True)

    write_log(empty, "openrouter", WRITER, [page(0), page(1)])
    update(empty, definitions=PRICES)
    for id, (*_, expected) in enumerate(CASES):
        sql = "SELECT old, new, because FROM openrouter.prices WHERE entity = $id"
        changes = list(run_query(empty, sql, params={"id": str(id)}).rows)
        parsed = [
            (old and Decimal(old), Decimal(new) if new else None, why) for old, new, why in expected
        ]
        assert changes == parsed


def test_a_price_by_time_of_day_is_no_new_price(empty):
    day = {"prompt": "0.00000028", "completion": "0.00000042", "overrides": WINDOWS}
    night = {"prompt": "0.00000014", "completion": "0.00000021", "overrides": WINDOWS}
    dearer = {**night, "prompt": "0.0000002"}

    changes = priced(empty, *(endpoint(**pricing) for pricing in (day, night, day, dearer)))
    assert [(field, because) for field, _, _, because in changes] == [
        ("completion", "schedule"),
        ("prompt", "schedule"),
        ("completion", "schedule"),
        ("prompt", "schedule"),
        ("completion", "schedule"),
        ("prompt", "price"),
    ]


def test_a_price_by_prompt_length_is_not_one_by_time_of_day(empty):
    tiers = [{"min_prompt_tokens": 200000, "prompt": "0.4"}]
    changes = priced(
        empty,
        endpoint(prompt="0.2", overrides=tiers),
        endpoint(prompt="0.4", overrides=tiers),
    )

    assert [because for *_, because in changes] == ["price"]


def test_a_price_lasts_until_the_next_change_or_the_end_and_an_absence_is_no_change(empty):
    seen_by_hour = [[endpoint(prompt="1")], [endpoint(prompt="2")], [], [endpoint(prompt="2")]]
    seen_by_hour += [[endpoint(prompt="3")], []]
    pages = [Page(hours(n), seen, f"r{n}", "/e", 1, True) for n, seen in enumerate(seen_by_hour)]
    write_log(empty, "openrouter", WRITER, pages)
    update(empty, definitions=PRICES)
    columns = "old, new, epoch_us(valid_from), epoch_us(valid_to)"
    sql = f"SELECT {columns} FROM openrouter.prices ORDER BY 3"

    assert list(run_query(empty, sql).rows) == [
        (1, 2, hours(1), hours(4)),
        (2, 3, hours(4), hours(5)),
    ]
    assert list(run_query(empty, sql, as_of=hours(3)).rows) == [(1, 2, hours(1), None)]


FIELDS = (
    *("prompt", "completion", "request", "image", "audio", "web_search", "internal_reasoning"),
    *("input_cache_read", "input_cache_write", "input_cache_write_1h"),
)


def steps(
    taken: list[Snapshot], id: str
) -> Iterator[tuple[str, int, Decimal | None, Decimal | None]]:
    """Yields field, instant, old and new value of a model's price changes, from the responses."""
    before: dict[str, Decimal | None] | None = None
    for snapshot in taken:
        models = [model for model in orjson.loads(snapshot.body)["data"] if model["id"] == id]
        if not models:
            continue
        prices = {field: models[0]["pricing"].get(field) for field in FIELDS}
        now = {
            field: None if text is None or Decimal(text) < 0 else Decimal(text)
            for field, text in prices.items()
        }
        if before is not None:
            yield from (
                (field, snapshot.at, before[field], now[field])
                for field in FIELDS
                if before[field] != now[field]
            )
        before = now


@pytest.mark.slow
@pytest.mark.recordings
@pytest.mark.skipif(not HISTORY.is_dir(), reason="no recorded history")
def test_the_price_history_of_ten_models_is_that_of_the_recordings(tmp_path):
    (tmp_path / "log").mkdir()
    taken = list(snapshots("jvrck-openrouterlist"))[::6]
    import_snapshots(tmp_path, "0000000a", taken)
    assert update(tmp_path, definitions=PRICES).failed == ()
    ten = [
        row[0]
        for row in run_query(
            tmp_path,
            "SELECT entity FROM openrouter.prices GROUP BY entity ORDER BY count(*) DESC, entity "
            "LIMIT 10",
        ).rows
    ]

    for id in ten:
        sql = (
            "SELECT field, epoch_us(valid_from), old, new FROM openrouter.prices WHERE entity = $id"
        )
        changes = sorted(run_query(tmp_path, sql, params={"id": id}).rows, key=str)
        assert changes == sorted(steps(taken, id), key=str)
    assert len(ten) == 10


@pytest.mark.slow
def test_a_rebuild_of_prices_includes_the_views_that_they_read(empty):
    priced(empty, endpoint(prompt="1"), endpoint(prompt="2"))
    report = rebuild_views(
        empty, ["openrouter.prices"], to=empty / "prices.parquet", definitions=PRICES
    )

    assert report.rows == (("openrouter.prices", 1),)
    assert check(empty, ["openrouter.prices"], definitions=PRICES) == []
