import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from time import tzset
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output.cells import (
    as_json,
    as_short_text,
    as_text,
    cell_width,
    json_object,
    visible,
    visible_json,
)

SPELLINGS = [
    (True, "true", "true"),
    (0, "0", "0"),
    (2**127, "170141183460469231731687303715884105728", "170141183460469231731687303715884105728"),
    (0.1, "0.1", "0.1"),
    (1e16, "1e+16", "1e+16"),
    (math.nan, "NaN", '"NaN"'),
    (-math.inf, "-Infinity", '"-Infinity"'),
    (Decimal("1.10"), "1.1", "1.1"),
    (Decimal("1E+3"), "1000", "1000"),
    (Decimal("0.0000000001"), "0.0000000001", "0.0000000001"),
    (Decimal("sNaN"), "NaN", '"NaN"'),
    (Decimal("-Infinity"), "-Infinity", '"-Infinity"'),
    ("a\tb", "a\tb", '"a\\tb"'),
    ("NaN", "NaN", '"NaN"'),
    (b"\x00\xff", "AP8=", '"AP8="'),
    (
        UUID("00000000-0000-0000-0000-000000000001"),
        "00000000-0000-0000-0000-000000000001",
        '"00000000-0000-0000-0000-000000000001"',
    ),
    (
        datetime(2026, 11, 1, 13, tzinfo=timezone(timedelta(hours=2))),
        "2026-11-01T11:00:00.000000Z",
        '"2026-11-01T11:00:00.000000Z"',
    ),
    (
        datetime(2026, 11, 1, 13, 0, 0, 5),
        "2026-11-01T13:00:00.000005Z",
        '"2026-11-01T13:00:00.000005Z"',
    ),
    (date(2026, 11, 1), "2026-11-01", '"2026-11-01"'),
    (time(13, 5), "13:05:00", '"13:05:00"'),
    (timedelta(days=1, seconds=2.5), "P1DT2.5S", '"P1DT2.5S"'),
    (-timedelta(seconds=1), "-P0DT1S", '"-P0DT1S"'),
    ([1, None, "x"], '[1,null,"x"]', '[1,null,"x"]'),
    ({"a": Decimal("1.0"), "b": {}}, '{"a":1,"b":{}}', '{"a":1,"b":{}}'),
    ({1: b"x"}, '{"1":"eA=="}', '{"1":"eA=="}'),
    (None, "", "null"),
]


@pytest.mark.parametrize(
    ("value", "text", "in_json"), SPELLINGS, ids=lambda value: ascii(value)[:30]
)
def test_each_value_has_one_exact_form(value: object, text: str, in_json: str) -> None:
    assert as_text(value) == text
    assert as_json(value) == in_json


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_json_can_be_read_back_to_the_same_value(value: object) -> None:
    assert json.loads(as_json(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_in_json_keeps_every_digit(value: Decimal) -> None:
    read = json.loads(as_json(value), parse_float=Decimal, parse_int=Decimal)

    assert read == value
    assert "E" not in as_json(value)


@given(JSON)
def test_visible_json_has_the_same_value(value: object) -> None:
    shown = visible_json(as_json(value))

    assert json.loads(shown) == value
    assert visible(shown) == shown


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_instants_as_text_sort_in_order_of_time(one: datetime, other: datetime) -> None:
    assert (as_text(one) < as_text(other)) == (one < other)


@given(st.text(st.characters()))
def test_visible_text_contains_no_control_characters(text: str) -> None:
    shown = visible(text)

    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
    assert shown.encode("utf-8").decode() == shown
    assert visible(shown) == shown


def test_visible_text_contains_the_escapes_of_control_characters() -> None:
    assert visible("a\x1b[2J\n\u202eb\ud800") == r"a\x1b[2J\n\u202eb\ud800"
    assert visible("a\n\tb", keep="\n") == "a\n\\tb"
    assert visible("grüße 漢字 🎉 \\n") == "grüße 漢字 🎉 \\n"


def test_an_instant_without_zone_is_utc_in_any_time_zone_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    tzset()
    try:
        assert as_text(datetime(2026, 11, 1)) == "2026-11-01T00:00:00.000000Z"
    finally:
        monkeypatch.undo()
        tzset()


def test_an_instant_for_people_omits_a_zero_fraction() -> None:
    assert as_short_text(datetime(2026, 11, 1, 13)) == "2026-11-01T13:00:00Z"
    assert as_short_text(datetime(2026, 11, 1, 13, 0, 0, 5)) == "2026-11-01T13:00:00.000005Z"
    assert as_short_text("x.000000Z") == "x.000000Z"


def test_an_object_keeps_the_order_of_its_members() -> None:
    assert json_object(["b", "a"], [1, 2]) == '{"b":1,"a":2}'


def test_width_counts_the_columns_of_a_terminal() -> None:
    assert cell_width("abc") == 3
    assert cell_width("漢字") == 4
    assert cell_width("e\u0301") == 1
