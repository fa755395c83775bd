"""An outage begins after three failures of the host in a row and ends with any answer."""

import pytest

from fetcher.net.outage import Outage, host_failure, note_answer, note_failure


def test_an_outage_begins_once_and_ends_with_its_duration() -> None:
    outage = Outage()

    assert note_answer(outage, 0) is None
    assert [note_failure(outage, at) for at in (10, 20, 30, 40)] == [False, False, True, False]
    assert outage.is_begun
    assert (note_answer(outage, 50), note_answer(outage, 60)) == (40, None)


def test_failures_between_answers_are_no_outage() -> None:
    outage = Outage()

    for at in range(0, 90, 3):
        assert not note_failure(outage, at) and not note_failure(outage, at + 1)
        assert note_answer(outage, at + 2) is None


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        ("connect", None, "no connection"),
        ("timeout", 200, "no answer in time"),
        (None, 503, "status 503"),
        (None, 500, None),
        (None, 200, None),
        ("encoding", 200, None),
    ],
)
def test_only_what_says_something_about_the_host_counts(
    error: str | None, status: int | None, reason: str | None
) -> None:
    assert host_failure(error, status) == reason
