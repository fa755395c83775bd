"""The journal: the record about to be put, and the lock of the pusher."""

from pathlib import Path

import pytest

from eventlog.errors import Locked
from eventlog.mirror.local.journal import (
    load_pending,
    lock_mirror,
    pending_path,
    remove_pending,
    save_pending,
)
from tests.eventlog.mirror.links import record_of


def test_a_pending_record_is_kept_until_it_is_removed(tmp_path: Path) -> None:
    assert load_pending(tmp_path) is None
    save_pending(tmp_path, record_of())
    assert load_pending(tmp_path) == record_of()
    pending_path(tmp_path).write_bytes(b"{")
    assert load_pending(tmp_path) is None
    remove_pending(tmp_path)
    remove_pending(tmp_path)
    assert not pending_path(tmp_path).exists()


def test_one_process_pushes_at_a_time(tmp_path: Path) -> None:
    refused = pytest.raises(Locked, match=f"{tmp_path}: another process")
    with lock_mirror(tmp_path), refused, lock_mirror(tmp_path):
        pass
    with lock_mirror(tmp_path):
        pass
