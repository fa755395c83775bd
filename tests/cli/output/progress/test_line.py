"""The line of progress says how far a stage is, in any width."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output.progress.line import Step, describe_step, duration_text, next_step

SECOND = 1_000_000
WIDTHS = (40, 80, 200)
STEP = Step("segments read", 1_200, 4_000, since=0, first=200)


def test_a_step_is_described_with_total_share_rate_and_the_time_that_is_left() -> None:
    assert describe_step(STEP, 50 * SECOND) == (
        "1,200 of 4,000 segments read, 30%, 20/s, 2 min left"
    )


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (51, "1,200 of 4,000 segments read, 30%, 20/s, 2 min left"),
        (50, "1,200 of 4,000 segments read, 30%, 2 min left"),
        (44, "1,200 of 4,000 segments read, 2 min left"),
        (39, "1,200 of 4,000 segments read, 30%"),
        (32, "1,200 of 4,000 segments read"),
        (20, "1,200 of 4,000 segm…"),
        (1, "…"),
    ],
)
def test_a_narrow_line_drops_what_matters_least(width: int, line: str) -> None:
    assert describe_step(STEP, 50 * SECOND, width) == line


def test_without_a_total_there_is_no_share_and_no_time_that_is_left() -> None:
    step = Step("responses fetched", 30, None, since=0, first=0)

    assert describe_step(step, 60 * SECOND) == "30 responses fetched, 30.0/min"


@pytest.mark.parametrize("now", [0, SECOND - 1])
def test_a_stage_that_has_just_begun_has_no_rate(now: int) -> None:
    assert describe_step(STEP, now) == "1,200 of 4,000 segments read, 30%"


def test_a_stage_that_is_done_has_no_time_left() -> None:
    step = Step("segments read", 4_000, 4_000, since=0, first=0)

    assert describe_step(step, 10 * SECOND) == "4,000 of 4,000 segments read, 100%, 400/s"


def test_a_step_that_counts_something_else_or_less_begins_a_stage() -> None:
    first = next_step(None, "segments read", 5, 9, now=1)
    second = next_step(first, "segments read", 7, 9, now=2)

    assert (second.since, second.first, second.done) == (1, 5, 7)
    assert next_step(second, "views compared", 8, 9, now=3).since == 3
    assert next_step(second, "segments read", 1, 9, now=3).since == 3


@given(
    unit=st.text(min_size=1, max_size=60, alphabet=st.characters(categories=["L", "N"])),
    done=st.integers(0, 10**9),
    more=st.none() | st.integers(0, 10**9),
    now=st.integers(0, 10**12),
    width=st.integers(1, 250),
)
def test_a_line_never_exceeds_its_width(
    unit: str, done: int, more: int | None, now: int, width: int
) -> None:
    step = Step(unit, done, None if more is None else done + more, since=0, first=0)

    line = describe_step(step, now, width)

    assert 0 < len(line) <= width
    assert len(line) <= len(describe_step(step, now))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7_199, "120 min"),
        (7_200, "2 h"),
        (172_800, "2 d"),
    ],
)
def test_a_duration_is_given_in_its_largest_unit_of_which_there_are_two(
    seconds: float, text: str
) -> None:
    assert duration_text(seconds) == text
