"""Unfinished runs: the changes of ranges of time, combined."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.check.run_gaps import RunEvent, UnfinishedRun, run_changes, unfinished_after

_STATES = st.sampled_from(["created", "retried", "failed", "completed", "cleaned"])
_events = st.lists(st.tuples(st.sampled_from("ab"), _STATES, st.booleans()), max_size=12)
_cuts = st.lists(st.integers(0, 12), max_size=4).map(sorted)


def events_of(changes: list[tuple[str, str, bool]]) -> list[RunEvent]:
    return [
        RunEvent(f"{number:02}", run, state, partial=partial)
        for number, (run, state, partial) in enumerate(changes)
    ]


def unfinished_by_definition(events: list[RunEvent]) -> dict[str, UnfinishedRun]:
    runs: dict[str, list[RunEvent]] = {}
    for event in events:
        is_complete = event.state in ("completed", "cleaned") and not event.partial
        runs[event.run] = [] if is_complete else [*runs.get(event.run, []), event]
    return {
        run: UnfinishedRun(since[0].observed_at, since[-1]) for run, since in runs.items() if since
    }


@settings(max_examples=200)
@given(_events, _cuts)
def test_ranges_of_time_may_be_cut_anywhere(
    changes: list[tuple[str, str, bool]], cuts: list[int]
) -> None:
    events = events_of(changes)
    ranges = [events[first:last] for first, last in pairwise([0, *cuts, len(events)])]

    assert unfinished_after(map(run_changes, ranges)) == unfinished_by_definition(events)


def test_a_run_that_is_retried_after_it_was_complete_begins_anew() -> None:
    changes = [("a", "created", False), ("a", "completed", False), ("a", "retried", False)]
    (run,) = unfinished_after([run_changes(events_of(changes))]).values()

    assert (run.began, run.last.state) == ("02", "retried")
