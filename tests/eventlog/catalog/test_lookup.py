"""Each answer of the catalog equals that of a full listing, whatever happened before."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings

from eventlog.catalog.day import DayFolder, SealedFacts
from eventlog.catalog.index import read_indexes
from eventlog.catalog.lookup import count_segments, days_between, find_streams
from eventlog.clock import parse_us
from eventlog.errors import Corrupt
from eventlog.files.listing import SegmentFiles, list_sources, list_streams
from eventlog.read.seq_ranges import iterate_seq_ranges
from tests.eventlog.catalog.changing_log import SOURCES, ChangingLog, Step
from tests.eventlog.catalog.full_listing import listed_ranges, listed_segments, listed_totals
from tests.eventlog.catalog.log_steps import steps
from tests.extent import few_or_all

Known = list[tuple[SegmentFiles, SealedFacts | None]]


def known_segments(day: DayFolder) -> Known:
    return [
        (SegmentFiles(name, entry.is_open, entry.has_zst, entry.has_manifest), entry.facts)
        for name, entry in day.segments
    ]


def check_streams_and_totals(log: ChangingLog) -> None:
    root = log.root
    assert find_streams(root, log.times) == list_streams(root)
    totals = {index.source: count_segments(index) for index in read_indexes(root, log.times)}
    assert totals == {source: listed_totals(root, source) for source in list_sources(root)}


def check_days(log: ChangingLog) -> None:
    for source in SOURCES:
        for since, until in (("", "~"), ("2026-11-21", "2026-11-22"), ("2026-11-22", "~")):
            instants = [
                parse_us(f"{date}T00:00:00Z") if date.strip("~") else None
                for date in (since, until)
            ]
            days = [*days_between(log.root, [source], *instants, times=log.times)]
            known = [pair for day in days for folder in day for pair in known_segments(folder)]
            assert known == listed_segments(log.root, source, since, until)
            backwards = days_between(log.root, [source], *instants, backwards=True, times=log.times)
            assert [*backwards] == days[::-1]


def check_seqs(log: ChangingLog) -> None:
    for source, writer in list_streams(log.root):
        listed = listed_ranges(log.root, source, writer)
        known = {seq for first, _, last in listed for seq in (first, last or first)}
        for first, last in [(0, 1 << 40), *((seq, seq) for seq in known), (2, 4)]:
            expected = [
                (begin, name, end)
                for begin, name, end in listed
                if begin <= last and (end is None or first <= end)
            ]
            for backwards in (False, True):
                damages: list[Corrupt] = []
                ranges = iterate_seq_ranges(
                    *(log.root, source, writer, first, last),
                    on_corrupt=damages.append,
                    backwards=backwards,
                    times=log.times,
                )
                found = [(x.first_seq, x.name, x.last_seq) for x in ranges]
                assert found == (expected[::-1] if backwards else expected)


@settings(max_examples=few_or_all(20, 300))
@given(steps)
def test_every_answer_equals_that_of_a_full_listing(changes: list[Step]) -> None:
    with TemporaryDirectory() as folder:
        log = ChangingLog(Path(folder))
        for step in changes:
            log.apply(step)

            check_streams_and_totals(log)
            check_days(log)
            check_seqs(log)
