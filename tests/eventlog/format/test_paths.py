"""Names of segments: parsing and formatting are inverse, and names sort by hour."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.clock import hour_start
from eventlog.format.paths import (
    SegmentName,
    is_source,
    is_writer,
    loss_path,
    manifest_path,
    open_path,
    parse_segment,
    sealed_path,
    segment_at,
)

instants = st.integers(0, 4 * 10**15)
names = st.builds(
    segment_at,
    st.from_regex(r"[a-z][a-z0-9_-]{0,9}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
    instants,
    st.integers(0, 2000),
)


@given(names)
def test_parsing_is_the_inverse_of_spelling(name: SegmentName) -> None:
    assert parse_segment(str(name)) == name
    for path in (open_path, sealed_path, manifest_path, loss_path):
        assert parse_segment(str(path(Path(), name))) == name


@given(instants, instants)
def test_segment_names_sort_in_the_order_of_their_hours(instant: int, other_instant: int) -> None:
    first, second = (segment_at("s", "00000000", at, 0) for at in sorted((instant, other_instant)))

    assert str(first) <= str(second)
    assert first.starts_at == hour_start(min(instant, other_instant))


@pytest.mark.parametrize(
    "text",
    [
        "openrouter/2026-11-21/05-1a2b3c4d-00",
        "openrouter/2026-11-21/24-1a2b3c4d-000",
        "openrouter/2026-11-21/05-1A2B3C4D-000",
        "openrouter/2026-11-21/05-1a2b3c4d-0000",
        "Open/2026-11-21/05-1a2b3c4d-000",
        "openrouter/2026-11-21/05-1a2b3c4d-000.r1",
        "openrouter/05-1a2b3c4d-000",
        f"{'a' * 64}/2026-11-21/05-1a2b3c4d-000",
        "log/log/2026-11-21/05-1a2b3c4d-000/x",
        "",
    ],
)
def test_other_texts_are_not_parsed_as_segment_names(text: str) -> None:
    assert parse_segment(text) is None


def test_a_date_that_does_not_exist_is_not_a_segment_name() -> None:
    assert parse_segment("openrouter/2026-13-41/05-1a2b3c4d-000") is None


def test_names_of_sources_and_writers_are_restricted() -> None:
    assert [
        is_source(text) for text in ("civitai", "a_b-c1", "a" * 63, "a" * 64, "", "A", "a/b", "-a")
    ] == [
        True,
        True,
        True,
        False,
        False,
        False,
        False,
        False,
    ]
    assert [is_writer(text) for text in ("00ff00ff", "0", "00FF00FF", "00ff00ff0")] == [
        True,
        False,
        False,
        False,
    ]
