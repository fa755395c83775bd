"""A lost ledger is restored from the bucket, for readers, and the next push does not trust it."""

import asyncio
from pathlib import Path

import pytest

from eventlog.errors import Invalid
from eventlog.mirror.history.restore_ledger import restore_ledger
from eventlog.mirror.local.absent import committed_seqs
from eventlog.mirror.local.identity import write_archive_id
from eventlog.mirror.local.ledger import ledger_path, load_ledger
from tests.eventlog.making import OTHER, SOURCE, WRITER
from tests.eventlog.mirror.buckets import add_hour, new_store, pushed


def test_a_restored_ledger_names_what_is_committed(tmp_path: Path) -> None:
    store = new_store()
    for hour in range(3):
        add_hour(tmp_path, hour)
    add_hour(tmp_path, 0, OTHER, rows=1)
    pushed(tmp_path, store)
    seqs, ledger = committed_seqs(tmp_path), load_ledger(tmp_path)
    assert seqs == {(SOURCE, WRITER): 6, (SOURCE, OTHER): 1}

    asyncio.run(restore_ledger(tmp_path, store))
    assert load_ledger(tmp_path) == ledger  # there was one: it stays
    ledger_path(tmp_path).unlink()
    assert committed_seqs(tmp_path) is None
    asyncio.run(restore_ledger(tmp_path, store))
    assert committed_seqs(tmp_path) == seqs
    assert pushed(tmp_path, store).segments == 0


def test_the_ledger_of_another_archive_is_not_restored(tmp_path: Path) -> None:
    store = new_store()
    asyncio.run(restore_ledger(tmp_path, store))  # never pushed
    write_archive_id(tmp_path, "0" * 16)
    with pytest.raises(Invalid, match="expected archive 0000000000000000, there is none"):
        asyncio.run(restore_ledger(tmp_path, store))
    other = tmp_path / "other"
    add_hour(other, 0)
    pushed(other, store)
    with pytest.raises(Invalid, match="expected archive 0000000000000000, found "):
        asyncio.run(restore_ledger(tmp_path, store))

    assert not ledger_path(tmp_path).exists()
