"""What a run has left out so far, from its events."""

from hypothesis import given
from hypothesis import strategies as st

from fetcher.state.omissions import Omissions, count_omissions

PAGE = ("page", b'{"url":"u"}')
DOUBTFUL = ("page", b'{"url":"u","doubt":"2 entities without id"}')
FAILED = ("page_failed", b'{"error":"poison","what":"URI malformed"}')
CURSOR = ("page_failed", b'{"error":"cursor","what":"expired"}')
RETRIED = ("run", b'{"state":"retried"}')
CREATED = ("run", b'{"state":"created","url":"u"}')


def count(*events: tuple[str, bytes]) -> tuple[int, int]:
    counted = count_omissions(events)
    return counted.skipped, counted.doubtful


def test_a_failure_before_a_later_page_is_a_skipped_request() -> None:
    assert count(CREATED, PAGE, FAILED, PAGE) == (1, 0)
    assert count(PAGE, FAILED, FAILED, PAGE, FAILED, PAGE) == (3, 0)


def test_a_failure_after_the_last_page_is_requested_again() -> None:
    assert count_omissions([PAGE, FAILED]) == Omissions()


def test_a_retry_cancels_the_failure_that_ended_the_run_but_not_earlier_ones() -> None:
    assert count(PAGE, FAILED, RETRIED, PAGE) == (0, 0)
    assert count(PAGE, FAILED, PAGE, FAILED, RETRIED, PAGE) == (1, 0)
    assert count(PAGE, FAILED, CREATED, PAGE) == (1, 0)


def test_a_rejected_cursor_leaves_nothing_out() -> None:
    assert count_omissions([PAGE, CURSOR, PAGE]) == Omissions()


def test_a_doubtful_page_is_named_with_its_reason() -> None:
    assert count_omissions([PAGE, DOUBTFUL, PAGE]) == Omissions(0, 1, "u: 2 entities without id")
    skipped = "poison: URI malformed: skipped before an interruption"
    assert count_omissions([DOUBTFUL, FAILED, PAGE]) == Omissions(1, 1, skipped)


@given(st.lists(st.sampled_from([PAGE, DOUBTFUL, FAILED, CURSOR, RETRIED])))
def test_each_failure_counts_unless_a_retry_or_nothing_follows_it(
    events: list[tuple[str, bytes]],
) -> None:
    skipped = 0
    for place, event in enumerate(events):
        after = [other for other in events[place:] if other[0] == "page" or other == RETRIED]
        skipped += event == FAILED and bool(after) and after[0] != RETRIED
    assert count(*events) == (skipped, events.count(DOUBTFUL))
