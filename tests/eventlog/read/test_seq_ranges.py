"""The seqs that each segment contains."""

from pathlib import Path

import pytest

from eventlog.errors import Corrupt
from eventlog.format.paths import manifest_path, open_path, sealed_path
from eventlog.read.seq_ranges import (
    KnownSeqs,
    ignore_corrupt,
    segment_seqs,
    seq_ranges,
)
from eventlog.write.writer import close_stream
from tests.eventlog.making import (
    HOUR,
    SECOND,
    SOURCE,
    START,
    WRITER,
    ManualClock,
    entity,
    opened,
    write_hours,
    write_log,
)


def test_a_sealed_segment_has_a_last_seq_and_an_open_one_has_none(tmp_path: Path) -> None:
    names = write_hours(tmp_path, 2, 3)
    write_log(tmp_path, [[entity(1)]], seal=False, clock=ManualClock(START + 3 * HOUR))
    sealed_path(tmp_path, names[0]).with_name(f"09-{WRITER}-000.ndjson.zst").write_bytes(b"x")
    ranges = seq_ranges(tmp_path, SOURCE, WRITER)

    assert [(x.first_seq, x.last_seq, x.last_us) for x in ranges] == [
        (1, 3, START + 2 * SECOND),
        (4, 6, START + HOUR + 2 * SECOND),
        (7, None, None),
    ]


def test_a_damaged_manifest_is_reported_and_the_other_segments_are_returned(
    tmp_path: Path,
) -> None:
    names = write_hours(tmp_path, 3, 2)
    manifest_path(tmp_path, names[1]).write_bytes(b"{}")
    errors: list[Corrupt] = []
    ranges = seq_ranges(tmp_path, SOURCE, WRITER, errors.append)

    assert [x.first_seq for x in ranges] == [1, 5]
    assert [str(names[1]) in error.what for error in errors] == [True]
    assert seq_ranges(tmp_path, SOURCE, WRITER, ignore_corrupt) == ranges
    with pytest.raises(Corrupt):
        seq_ranges(tmp_path, SOURCE, WRITER)


def test_the_seqs_of_an_open_segment_end_with_its_last_complete_line(tmp_path: Path) -> None:
    write_hours(tmp_path, 1, 3)
    name = write_log(
        tmp_path, [[entity(1)], [entity(2)]], seal=False, clock=ManualClock(START + HOUR)
    )
    data = open_path(tmp_path, name).read_bytes()
    for content, last in ((data, 5), (data + b"torn", 5), (data[:-1], 4)):
        open_path(tmp_path, name).write_bytes(content)
        assert segment_seqs(tmp_path, name) == KnownSeqs(name, 4, last, is_open=True)
    open_path(tmp_path, name).write_bytes(b"torn")

    assert segment_seqs(tmp_path, name) is None


def test_the_seqs_of_a_sealed_segment_are_those_of_its_manifest(tmp_path: Path) -> None:
    name = write_log(tmp_path, [[entity(1)], [entity(2)]], seal=False)
    data = open_path(tmp_path, name).read_bytes()
    close_stream(opened(tmp_path), seal_open=True)
    sealed = KnownSeqs(name, 1, 2)

    assert segment_seqs(tmp_path, name) == sealed
    open_path(tmp_path, name).write_bytes(data)  # sealing crashed before it removed the file
    assert segment_seqs(tmp_path, name) == sealed


def test_a_segment_that_does_not_exist_has_no_seqs(tmp_path: Path) -> None:
    name, other = write_hours(tmp_path, 2, 1)
    for path in (sealed_path, manifest_path):
        path(tmp_path, name).unlink()
    manifest_path(tmp_path, other).unlink()

    assert segment_seqs(tmp_path, name) is None
    assert segment_seqs(tmp_path, other) is None


def test_a_manifest_that_changed_since_it_was_read_is_read_again(tmp_path: Path) -> None:
    (name,) = write_hours(tmp_path, 1, 2)
    assert segment_seqs(tmp_path, name) == KnownSeqs(name, 1, 2)
    seq_ranges(tmp_path, SOURCE, WRITER)
    manifest_path(tmp_path, name).write_bytes(b"{}")

    with pytest.raises(Corrupt):
        segment_seqs(tmp_path, name)
