"""Readable lines of events: members, width, colors, hostile bytes."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output.cells import cell_width
from cli.output.event_line import event_line

HEAD = {
    "v": 1,
    "source": "civitai",
    "writer": "00c0ffee",
    "seq": 7,
    "observed_at": "2026-11-01T13:05:09.123456Z",
}
ENTITY = {**HEAD, "kind": "entity", "type": "model", "id": "15003", "shape": "list"}
PAGE = {**HEAD, "kind": "page", "status": 200, "url": "https://civitai.com/api/v1/models"}


def line(event: object) -> bytes:
    return json.dumps(event).encode() + b"\n"


def words(text: str) -> list[str]:
    return re.split("  +", text)


def test_the_line_of_an_entity_contains_its_path_shape_and_size() -> None:
    shown = event_line(line({**ENTITY, "body": "x" * 2798}), False, 0)

    assert words(shown) == [
        "2026-11-01 13:05:09",
        "civitai",
        "entity",
        "model/15003",
        "list",
        "2.8 kB",
    ]


def test_the_line_of_a_page_contains_its_status_url_and_number_of_rows() -> None:
    roster = {"/data": [["model", "1", 5], ["model", "2", 6]]}
    shown = event_line(line({**PAGE, "roster": roster, "body": {}}), False, 0)

    assert words(shown)[3:] == ["200", "https://civitai.com/api/v1/models", "2 rows"]


@pytest.mark.parametrize(
    ("event", "rest"),
    [
        ({**HEAD, "kind": "heartbeat"}, []),
        ({**HEAD, "kind": "run", "run": "r1", "state": "completed"}, ["r1 completed"]),
        ({**HEAD, "kind": "gone", "type": "model", "id": "1"}, ["model/1"]),
        ({**PAGE, "kind": "page_failed", "status": 503}, ["503", PAGE["url"]]),
        ({**HEAD, "kind": "anomaly", "url": "u", "body_raw": "AAAA"}, ["u", "3 B"]),
        ({**HEAD, "kind": "tomorrow's", "id": 5}, ["5"]),
    ],
    ids=lambda value: value.get("kind", "") if isinstance(value, dict) else "",
)
def test_every_kind_has_a_line(event: dict[str, object], rest: list[str]) -> None:
    assert words(event_line(line(event), False, 0))[2:] == [event["kind"], *rest]


def test_an_event_with_unparsable_numbers_is_still_formatted() -> None:
    raw = line(ENTITY)[:-2] + b',"body":{"n":1e400,"m":1234567890123456789012345}}\n'

    assert words(event_line(raw, False, 0))[3] == "model/15003"


def test_a_line_that_is_not_an_event_is_shown_unchanged() -> None:
    assert event_line(b'{"torn":\n', False, 0) == '{"torn":'
    assert event_line(b"\xff\x1b[2J\n", False, 0) == r"\xff\x1b[2J"
    assert event_line(b'{"a":1}', False, 0) == '{"a":1}'


def test_a_line_is_cut_to_the_terminal_with_an_ellipsis() -> None:
    shown = event_line(line(PAGE), False, 50)

    assert cell_width(shown) == 50
    assert shown.endswith("…")
    assert event_line(line(PAGE), False, 200) == event_line(line(PAGE), False, 0)


def test_color_adds_only_escape_sequences() -> None:
    colored = event_line(line(ENTITY), True, 0)

    assert "\x1b[32m" in colored
    assert re.sub("\x1b\\[[0-9]*m", "", colored) == event_line(line(ENTITY), False, 0)


TEXT = st.text(st.characters())
VALUE = st.none() | st.integers() | TEXT | st.lists(st.integers()) | st.just({"/": [[1]]})


@given(
    st.fixed_dictionaries(
        {"kind": VALUE | st.sampled_from(["entity", "page"])},
        optional=dict.fromkeys(
            ("observed_at", "source", "type", "id", "shape", "status", "url", "run"), VALUE
        )
        | {"roster": VALUE, "body_raw": VALUE, "body": VALUE},
    ),
    st.integers(0, 120),
    st.booleans(),
)
def test_any_event_is_one_line_without_control_characters(
    event: dict[str, object], width: int, color: bool
) -> None:
    shown = re.sub("\x1b\\[[0-9]*m", "", event_line(line(event), color, width))

    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", shown)
    assert not width or cell_width(shown) <= width


@given(st.binary(), st.integers(0, 40))
def test_any_bytes_give_a_line(raw: bytes, width: int) -> None:
    shown = event_line(raw, False, width)

    assert not re.search("[\x00-\x1f\x7f-\x9f]", shown)
    assert not width or cell_width(shown) <= width
