"""Multipart uploads that were begun are found again, as long as their files exist."""

from pathlib import Path

from eventlog.mirror.local.uploads import upload_journal
from eventlog.stores.store import OpenUpload

UPLOAD = OpenUpload("log/x/ü.zst", "ab" * 32, "7", 16)


def test_an_upload_that_was_begun_is_known_until_it_is_removed(tmp_path: Path) -> None:
    journal = upload_journal(tmp_path)
    assert journal.load(UPLOAD.name) is None
    journal.save(UPLOAD)
    assert upload_journal(tmp_path).load(UPLOAD.name) == UPLOAD
    assert journal.load("log/x") is None
    journal.remove(UPLOAD.name)
    journal.remove(UPLOAD.name)
    assert journal.load(UPLOAD.name) is None


def test_an_unreadable_file_counts_as_no_upload(tmp_path: Path) -> None:
    journal = upload_journal(tmp_path)
    journal.save(UPLOAD)
    [path] = (tmp_path / "state" / "mirror" / "uploads").iterdir()
    good = path.read_bytes()
    for damaged in (b"", good[:-1], b"\xff", good.replace(b"log/x", b"log/y")):
        path.write_bytes(damaged)
        assert journal.load(UPLOAD.name) is None
