"""Gaps: hours nobody looked at, seqs that are missing, runs that did not complete."""

from pathlib import Path

import pytest

from eventlog.event import PAGE, RUN, Draft
from eventlog.gaps import Gap, describe, find_gaps
from eventlog.paths import manifest_path, sealed_path
from eventlog.writer import beat, close_stream
from eventlog.writers import writer_id
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    OTHER,
    SOURCE,
    START,
    WRITER,
    Hand,
    entity,
    opened,
    put,
    write_hours,
)


def hours(gaps: list[Gap]) -> list[tuple[int, int]]:
    return [
        ((gap.since - START) // HOUR, (gap.until - START) // HOUR)
        for gap in gaps
        if gap.what == "hours"
    ]


def write_at(root: Path, at: list[int], writer: str = WRITER) -> None:
    hand = Hand()
    for hour in at:
        hand.at = START + hour * HOUR
        stream = opened(root, hand, writer=writer)
        put(stream, entity(hour))
        close_stream(stream)


def test_hours_without_a_segment_are_listed_as_spans(tmp_path: Path) -> None:
    write_at(tmp_path, [0, 1, 4, 5, 7])
    gaps = find_gaps(tmp_path, START + 10 * HOUR + MINUTE)

    assert hours(gaps) == [(2, 4), (6, 7), (8, 10)]
    assert describe(gaps[0]) == (
        "openrouter, hours, 2026-11-21T07:00Z to 2026-11-21T09:00Z: "
        "2 hours without segment or heartbeat"
    )
    assert hours(find_gaps(tmp_path, START + 7 * HOUR, START + 5 * HOUR)) == [(6, 7)]


def test_a_gap_that_reaches_into_the_time_asked_about_is_listed_whole(tmp_path: Path) -> None:
    write_at(tmp_path, [0, 4, 5])
    now = START + 6 * HOUR

    assert hours(find_gaps(tmp_path, now, START + 2 * HOUR)) == [(1, 4)]
    assert hours(find_gaps(tmp_path, now, START + 4 * HOUR - 1)) == [(1, 4)]
    assert hours(find_gaps(tmp_path, now, START + 4 * HOUR)) == []


def test_a_heartbeat_closes_a_gap_and_so_does_another_writer(tmp_path: Path) -> None:
    write_at(tmp_path, [0, 3])
    write_at(tmp_path, [1], writer=OTHER)
    stream = opened(tmp_path, Hand(START + 4 * HOUR))
    beat(stream)
    close_stream(stream)

    assert hours(find_gaps(tmp_path, START + 5 * HOUR)) == [(2, 3)]


@pytest.mark.parametrize("known", [True, False])
def test_imports_say_nothing_about_when_anybody_looked(tmp_path: Path, known: bool) -> None:
    writer = writer_id(tmp_path, "import", "here") if known else OTHER
    stream = opened(tmp_path, Hand(START + 99 * HOUR), writer=writer)
    for hour in (1, 5):
        draft = Draft(kind=PAGE, members={"url": "u", "import": {"file": "f"}})
        put(stream, draft, at=START + hour * HOUR)
    close_stream(stream, seal_open=True)

    assert find_gaps(tmp_path, START + 9 * HOUR) == []
    write_at(tmp_path, [0, 3])
    assert hours(find_gaps(tmp_path, START + 4 * HOUR)) == [(1, 3)]


def test_missing_seqs_are_named(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 4, 3)
    sealed_path(tmp_path, names[1]).unlink()
    manifest_path(tmp_path, names[1]).unlink()
    gaps = find_gaps(tmp_path, START + 4 * HOUR)

    assert [gap.what for gap in gaps] == ["seqs", "hours"]
    assert gaps[0].reason == f"writer {WRITER}: seq 4 to 6 missing before {names[2]}"


def test_an_unreadable_manifest_is_a_gap_with_its_reason(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 2, 3)
    manifest_path(tmp_path, names[0]).write_bytes(b"{}")

    assert any(str(names[0]) in gap.reason for gap in find_gaps(tmp_path, START + 2 * HOUR))


def run(name: str, state: str, **members: object) -> Draft:
    return Draft(kind=RUN, run=name, members={"state": state, "listing": "models"} | members)


def test_runs_that_did_not_complete_are_listed_with_their_reason(tmp_path: Path) -> None:
    hand = Hand()
    stream = opened(tmp_path, hand)
    put(stream, run("r1", "created"), run("r2", "created"), run("r3", "created"))
    put(stream, run("r4", "created"), run("r5", "created"))
    hand.at += MINUTE
    put(stream, run("r1", "completed"), run("r2", "failed", why="HTTP 503"))
    put(stream, run("r3", "completed", partial=True, why="2 pages given up"))
    put(stream, run("r4", "cancelled"))
    assert "r5" not in [gap.run for gap in find_gaps(tmp_path, START)]
    close_stream(stream)
    found = {gap.run: gap for gap in find_gaps(tmp_path, START)}

    assert {name: gap.reason for name, gap in found.items()} == {
        "r2": "models failed: HTTP 503",
        "r3": "models partial: 2 pages given up",
        "r4": "models cancelled",
        "r5": "models never ended",
    }
    assert (found["r2"].since, found["r2"].until) == (START, START + MINUTE + 1)
    assert found["r2"].source == SOURCE
