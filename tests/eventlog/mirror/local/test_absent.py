"""A segment is absent if its stream is committed beyond it, as the ledger of this archive says."""

from pathlib import Path

from eventlog.files.listing import read_manifest
from eventlog.mirror.local.absent import absent_test, mirrored_seq
from eventlog.mirror.local.identity import write_archive_id
from eventlog.mirror.local.ledger import ledger_path
from tests.eventlog.making import OTHER, SOURCE, WRITER
from tests.eventlog.mirror.buckets import add_hour, new_store, pushed


def test_what_is_committed_is_absent_if_it_is_missing_here(tmp_path: Path) -> None:
    first = read_manifest(tmp_path, add_hour(tmp_path, 0))
    assert not absent_test(tmp_path)(first) and mirrored_seq(tmp_path, SOURCE, WRITER) == 0
    pushed(tmp_path, new_store())
    second = read_manifest(tmp_path, add_hour(tmp_path, 1))
    other = read_manifest(tmp_path, add_hour(tmp_path, 1, OTHER))

    assert [absent_test(tmp_path)(x) for x in (first, second, other)] == [True, False, False]
    assert mirrored_seq(tmp_path, SOURCE, WRITER) == first.last_seq
    assert mirrored_seq(tmp_path, SOURCE, OTHER) == 0
    write_archive_id(tmp_path, "f" * 16)
    assert not absent_test(tmp_path)(first)
    write_archive_id(tmp_path, "f" * 16)
    ledger_path(tmp_path).unlink()
    assert not absent_test(tmp_path)(first)
