"""Gaps: runs that did not complete, that never ended, or that nobody started."""

from pathlib import Path

import pytest

from eventlog.check.coverage_gaps import find_gaps
from eventlog.files.writer_ids import writer_id
from eventlog.format.event import ANOMALY, PAGE, PAGE_FAILED, Draft
from eventlog.write.writer import close_stream
from tests.eventlog.check.test_coverage_gaps import describe, run
from tests.eventlog.making import (
    MINUTE,
    OTHER,
    SECOND,
    SOURCE,
    START,
    ManualClock,
    entity,
    opened,
    put,
)


def test_runs_that_did_not_complete_are_listed_with_their_reason(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    put(stream, run("r1", "created"), run("r2", "created"), run("r3", "created"))
    put(stream, run("r4", "created"), run("r5", "created"))
    clock.at += MINUTE
    put(stream, run("r1", "completed"), run("r2", "failed", why="HTTP 503"))
    put(stream, run("r3", "completed", partial=True, why="2 pages given up"))
    put(stream, run("r4", "cancelled"))
    assert "r5" not in [gap.run for gap in find_gaps(tmp_path, START)]
    close_stream(stream)
    gaps = {gap.run: gap for gap in find_gaps(tmp_path, START)}

    assert {name: gap.reason for name, gap in gaps.items()} == {
        "r2": "models failed: HTTP 503",
        "r3": "models partial: 2 pages given up",
        "r4": "models cancelled",
        "r5": "models queued, not started",
    }
    assert (gaps["r2"].since, gaps["r2"].until) == (START, START + MINUTE + 1)
    assert gaps["r2"].source == SOURCE


def test_runs_of_imports_are_no_gaps(tmp_path: Path) -> None:
    importer = writer_id(tmp_path, "import", "here")
    stream = opened(tmp_path, writer=importer)
    put(stream, run("r1", "failed"))
    close_stream(stream)
    stream = opened(tmp_path)
    put(stream, run("r2", "failed"))
    close_stream(stream)

    assert [gap.run for gap in find_gaps(tmp_path, START)] == ["r2"]


def test_runs_that_ended_before_the_requested_time_are_omitted(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    put(stream, run("r1", "created"))
    put(stream, run("r2", "created"))
    clock.at += MINUTE
    put(stream, run("r1", "failed"))
    put(stream, run("r2", "cleaned"))
    clock.at += MINUTE
    close_stream(stream)

    assert [gap.run for gap in find_gaps(tmp_path, START, START + MINUTE)] == ["r1"]
    assert find_gaps(tmp_path, START, START + MINUTE + 1) == []


@pytest.mark.parametrize("state", ["created", "progressed"])
def test_an_unfinished_run_is_no_gap_while_a_writer_of_its_source_is_locked(
    tmp_path: Path, state: str
) -> None:
    stream = opened(tmp_path)
    put(stream, run("r1", "created"), run("r1", state))
    other = opened(tmp_path, writer=OTHER)
    put(other, entity(1))
    close_stream(other)

    assert find_gaps(tmp_path, START) == []
    close_stream(stream)
    (gap,) = find_gaps(tmp_path, START)
    assert describe(gap) == (
        "openrouter, run r1, 2026-11-21T05:00Z to 2026-11-21T05:00Z: models queued, not started"
    )


@pytest.mark.parametrize("kind", [PAGE, PAGE_FAILED, ANOMALY])
def test_a_queued_run_is_distinguished_from_one_that_never_ended(tmp_path: Path, kind: str) -> None:
    clock = ManualClock()
    response = Draft(kind=kind, run="r1", members={"url": "u"})
    stream = opened(tmp_path, clock)
    put(stream, run("r1", "created"), run("r2", "created"))
    clock.at += MINUTE
    put(stream, response, Draft(kind=PAGE, run="other", members={"url": "u"}))
    close_stream(stream)

    def reasons(since: int | None = None) -> list[tuple[str | None, str]]:
        return [(gap.run, gap.reason) for gap in find_gaps(tmp_path, START, since)]

    assert reasons() == [("r1", "models never ended"), ("r2", "models queued, not started")]
    stream = opened(tmp_path, clock)
    clock.at += MINUTE
    put(stream, run("r1", "retried"))
    close_stream(stream)
    assert reasons(START + MINUTE + SECOND) == [("r1", "models queued, not started")]


def test_a_run_that_got_a_response_at_the_instant_of_its_creation_was_started(
    tmp_path: Path,
) -> None:
    stream = opened(tmp_path)
    put(stream, run("r1", "created"), Draft(kind=PAGE, run="r1", members={"url": "u"}))
    close_stream(stream)

    assert [gap.reason for gap in find_gaps(tmp_path, START)] == ["models never ended"]
