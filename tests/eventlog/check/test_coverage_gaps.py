"""Gaps: hours without a segment, missing seqs, and runs that did not complete."""

from pathlib import Path

import pytest

from eventlog.check.accept_loss import accept_loss
from eventlog.check.coverage_gaps import Gap, find_gaps
from eventlog.clock import DAY, format_us
from eventlog.files.listing import list_segments
from eventlog.files.writer_ids import writer_id
from eventlog.format.event import PAGE, RUN, Draft
from eventlog.format.paths import manifest_path, open_path, sealed_path
from eventlog.write.writer import Stream, append_heartbeat, close_stream
from tests.eventlog.making import (
    HOUR,
    MINUTE,
    OTHER,
    SECOND,
    SOURCE,
    START,
    WRITER,
    ManualClock,
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
    clock = ManualClock()
    for hour in at:
        clock.at = START + hour * HOUR
        stream = opened(root, clock, writer=writer)
        put(stream, entity(hour))
        close_stream(stream)


def describe(gap: Gap) -> str:
    """Returns a gap as one line of text."""
    span = f"{format_us(gap.since)[:16]}Z to {format_us(gap.until)[:16]}Z"
    named = f" {gap.run}" if gap.run else ""
    return f"{gap.source}, {gap.what}{named}, {span}: {gap.reason}"


def test_adjacent_hours_without_a_segment_are_one_gap(tmp_path: Path) -> None:
    write_at(tmp_path, [0, 1, 4, 5, 7])
    gaps = find_gaps(tmp_path, START + 10 * HOUR + MINUTE)

    assert hours(gaps) == [(2, 4), (6, 7), (8, 10)]
    assert describe(gaps[0]) == (
        "openrouter, hours, 2026-11-21T07:00Z to 2026-11-21T09:00Z: "
        "2 hours without segment or heartbeat"
    )
    assert hours(find_gaps(tmp_path, START + 7 * HOUR, START + 5 * HOUR)) == [(6, 7)]


def test_a_gap_that_overlaps_the_requested_time_is_reported_completely(tmp_path: Path) -> None:
    write_at(tmp_path, [0, 4, 5])
    now = START + 6 * HOUR

    assert hours(find_gaps(tmp_path, now, START + 2 * HOUR)) == [(1, 4)]
    assert hours(find_gaps(tmp_path, now, START + 4 * HOUR - 1)) == [(1, 4)]
    assert hours(find_gaps(tmp_path, now, START + 4 * HOUR)) == []


def test_a_heartbeat_closes_a_gap_and_so_does_another_writer(tmp_path: Path) -> None:
    write_at(tmp_path, [0, 3])
    write_at(tmp_path, [1], writer=OTHER)
    stream = opened(tmp_path, ManualClock(START + 4 * HOUR))
    append_heartbeat(stream)
    close_stream(stream)

    assert hours(find_gaps(tmp_path, START + 5 * HOUR)) == [(2, 3)]


@pytest.mark.parametrize("known", [True, False])
def test_imports_do_not_count_as_coverage(tmp_path: Path, known: bool) -> None:
    writer = writer_id(tmp_path, "import", "here") if known else OTHER
    stream = opened(tmp_path, ManualClock(START + 99 * HOUR), writer=writer)
    for hour in (1, 5):
        draft = Draft(kind=PAGE, members={"url": "u", "import": {"file": "f"}})
        put(stream, draft, at=START + hour * HOUR)
    close_stream(stream, seal_open=True)

    assert find_gaps(tmp_path, START + 9 * HOUR) == []
    write_at(tmp_path, [0, 3])
    assert hours(find_gaps(tmp_path, START + 4 * HOUR)) == [(1, 3)]


def test_missing_seqs_are_reported(tmp_path: Path) -> None:
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


def test_a_rolled_segment_that_is_not_sealed_yet_is_no_gap(tmp_path: Path) -> None:
    clock = ManualClock()
    stream = opened(tmp_path, clock)
    for _ in range(3):
        put(stream, entity(1), entity(2), entity(3))
        clock.at += HOUR
        if clock.at < START + 3 * HOUR:  # rolled by a writer that died before it was sealed
            assert stream.segment is not None
            stream.disk.close(stream.segment.handle)
            stream.segment = None
    path = open_path(tmp_path, [each.name for each in list_segments(tmp_path)][1])

    assert find_gaps(tmp_path, START + 2 * HOUR) == []
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    (gap,) = find_gaps(tmp_path, START + 2 * HOUR)
    assert "seq 6 to 6 missing" in gap.reason
    close_stream_as_it_is(stream)


def close_stream_as_it_is(stream: Stream) -> None:
    """Releases a stream without sealing."""
    stream.broken = True
    close_stream(stream)


def test_each_gap_with_an_accepted_loss_names_the_day_of_its_acceptance(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 6, 2)
    for number, day in ((1, 1), (4, 3)):
        sealed_path(tmp_path, names[number]).unlink()
        accept_loss(tmp_path, names[number], clock=ManualClock(START + day * DAY))
    lost = [gap for gap in find_gaps(tmp_path, START + 5 * HOUR) if gap.what == "seqs"]

    assert [gap.reason.partition(", ")[2] for gap in lost] == [
        "recorded as lost on 2026-11-22T05:00Z",
        "recorded as lost on 2026-11-24T05:00Z",
    ]
    assert [(gap.since, gap.until) for gap in lost] == [
        (START + SECOND, START + 2 * HOUR),
        (START + 3 * HOUR + SECOND, START + 5 * HOUR),
    ]
    for path in (sealed_path, manifest_path):
        path(tmp_path, names[2]).unlink()
    (first, _) = [gap for gap in find_gaps(tmp_path, START + 5 * HOUR) if gap.what == "seqs"]
    assert first.reason.endswith(f"seq 3 to 6 missing before {names[3]}")


def test_only_hours_of_a_writer_that_crawls_count(tmp_path: Path) -> None:
    command = writer_id(tmp_path, "command", "here")
    write_at(tmp_path, [0, 3])
    write_at(tmp_path, [1, 2], writer=command)

    assert hours(find_gaps(tmp_path, START + 4 * HOUR)) == [(1, 3)]


def test_a_gap_of_one_hour_is_called_one_hour(tmp_path: Path) -> None:
    write_at(tmp_path, [0, 2, 5])

    assert [gap.reason for gap in find_gaps(tmp_path, START + 5 * HOUR)] == [
        "1 hour without segment or heartbeat",
        "2 hours without segment or heartbeat",
    ]


def test_the_first_page_of_an_unknown_writer_decides_whether_it_imports(tmp_path: Path) -> None:
    imported = Draft(kind=PAGE, members={"url": "u", "import": {"file": "f"}})
    for hour, draft in ((0, imported), (5, Draft(kind=PAGE, members={"url": "u"}))):
        stream = opened(tmp_path, ManualClock(START + 99 * HOUR), writer=OTHER)
        put(stream, draft, at=START + hour * HOUR)
        close_stream(stream, seal_open=True)

    assert find_gaps(tmp_path, START + 9 * HOUR) == []


def test_a_writer_whose_first_segment_is_damaged_counts_as_live(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 4, 3)
    for path in (sealed_path, manifest_path):
        path(tmp_path, names[1]).unlink()
    sealed_path(tmp_path, names[0]).write_bytes(b"short")

    assert hours(find_gaps(tmp_path, START + 4 * HOUR)) == [(1, 2)]


def test_gaps_are_ordered_by_source_and_time(tmp_path: Path) -> None:
    for source in (SOURCE, "civitai"):
        clock = ManualClock()
        for hour in (0, 3, 6):
            clock.at = START + hour * HOUR
            stream = opened(tmp_path, clock, source=source)
            put(stream, run(f"r{hour}", "failed"))
            close_stream(stream)
    gaps = find_gaps(tmp_path, START + 6 * HOUR)

    assert [(gap.source, gap.what, gap.run) for gap in gaps] == [
        (source, *each)
        for source in ("civitai", SOURCE)
        for each in (("run", "r0"), ("hours", None), ("run", "r3"), ("hours", None), ("run", "r6"))
    ]


def test_every_unreadable_manifest_is_reported(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 3, 3)
    for name in names[:2]:
        manifest_path(tmp_path, name).write_bytes(b"{}")
    reasons = " ".join(gap.reason for gap in find_gaps(tmp_path, START + 3 * HOUR))

    assert all(f"{name}.manifest.json: expected a manifest" in reasons for name in names[:2])
