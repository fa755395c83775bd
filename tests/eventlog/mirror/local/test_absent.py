"""Which segments are absent: committed in the mirror, as the ledger knows it."""

from pathlib import Path

from eventlog.format.manifest import Manifest, parse_manifest
from eventlog.format.paths import SegmentName, manifest_path
from eventlog.mirror.local.absent import absent_test, committed_seqs
from eventlog.mirror.local.identity import write_archive_id
from eventlog.mirror.local.ledger import ledger_path
from tests.eventlog.making import OTHER, SOURCE, WRITER
from tests.eventlog.mirror.buckets import add_hour, new_store, pushed


def manifest_of(root: Path, name: SegmentName) -> Manifest:
    return parse_manifest(manifest_path(root, name).read_bytes(), "here")


def test_only_what_is_committed_is_absent_without_its_file(tmp_path: Path) -> None:
    first = manifest_of(tmp_path, add_hour(tmp_path, 0))
    assert not absent_test(tmp_path)(first)
    pushed(tmp_path, new_store())
    later = manifest_of(tmp_path, add_hour(tmp_path, 1))
    other = manifest_of(tmp_path, add_hour(tmp_path, 0, OTHER))

    is_absent = absent_test(tmp_path)

    assert committed_seqs(tmp_path) == {(SOURCE, WRITER): first.last_seq}
    assert (is_absent(first), is_absent(later), is_absent(other)) == (True, False, False)


def test_without_a_ledger_of_this_archive_nothing_is_absent(tmp_path: Path) -> None:
    first = manifest_of(tmp_path, add_hour(tmp_path, 0))
    pushed(tmp_path, new_store())
    ledger = ledger_path(tmp_path).read_bytes()

    ledger_path(tmp_path).unlink()
    assert committed_seqs(tmp_path) is None and not absent_test(tmp_path)(first)
    ledger_path(tmp_path).write_bytes(ledger)
    assert absent_test(tmp_path)(first)
    write_archive_id(tmp_path, "0" * 16)
    assert committed_seqs(tmp_path) is None and not absent_test(tmp_path)(first)
