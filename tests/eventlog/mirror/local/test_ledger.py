"""The ledger: what is committed; a damaged one counts as none."""

from pathlib import Path

import pytest

from eventlog.errors import Corrupt
from eventlog.format.manifest import digest
from eventlog.mirror.bucket.chain import link_facts
from eventlog.mirror.bucket.record import encode_record
from eventlog.mirror.local.ledger import (
    Ledger,
    PusherHead,
    ledger_path,
    load_ledger,
    save_ledger,
    with_forked,
    with_record,
)
from tests.eventlog.making import SOURCE, WRITER
from tests.eventlog.mirror.links import ARCHIVE, PUSHER, record_of, sealed_link


def test_a_ledger_is_read_as_it_was_saved(tmp_path: Path) -> None:
    assert load_ledger(tmp_path) is None
    ledger = with_record(Ledger("memory://x", ARCHIVE, PUSHER), record_of(), "here")
    ledger = with_forked(ledger, {(SOURCE, WRITER): "other events"})
    assert ledger.forked == {f"{SOURCE}/{WRITER}": "other events"}
    save_ledger(tmp_path, ledger)
    assert load_ledger(tmp_path) == ledger
    data = ledger_path(tmp_path).read_bytes()
    for damaged in (data[:-5], data.replace(b'"format": 1', b'"format": 2'), b"[]", b"\xff"):
        ledger_path(tmp_path).write_bytes(damaged)
        assert load_ledger(tmp_path) is None


def test_a_committed_record_moves_the_heads(tmp_path: Path) -> None:
    link = sealed_link()
    ledger = with_record(Ledger("memory://x", ARCHIVE, PUSHER), record_of(link), "here")

    assert ledger.heads == {(SOURCE, WRITER): link_facts(link, "").head}
    assert ledger.own == PusherHead(1, digest(encode_record(record_of(link))))
    with pytest.raises(Corrupt, match="there: "):
        with_record(ledger, record_of(sealed_link(4, 1, None, 1)), "there")
