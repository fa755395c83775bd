"""Gaps found with the catalog equal those of a full read, whatever happened before."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.check.coverage_gaps import find_gaps
from eventlog.clock import DAY, HOUR
from tests.eventlog.catalog.changing_log import ChangingLog, Step
from tests.eventlog.catalog.log_steps import steps_with_runs
from tests.eventlog.check.full_gaps import full_gaps
from tests.eventlog.making import START
from tests.extent import few_or_all


@settings(max_examples=few_or_all(20, 300))
@given(steps_with_runs, st.sampled_from([None, START - DAY, START + HOUR, START + DAY]))
def test_gaps_equal_those_of_a_full_read(changes: list[Step], since: int | None) -> None:
    with TemporaryDirectory() as folder:
        log = ChangingLog(Path(folder))
        for step in changes:
            log.apply(step)
            now = log.clock.at

            assert find_gaps(log.root, now, since, log.times) == full_gaps(log.root, now, since)
