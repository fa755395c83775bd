"""The links of one record: within its limits, each continuing the one before."""

from pathlib import Path

import pytest

from eventlog.format.paths import manifest_path
from eventlog.mirror.bucket.chain import StreamHead
from eventlog.mirror.local.ledger import Ledger, PusherHead
from eventlog.mirror.plan.push_plan import StoppedStream
from eventlog.mirror.plan.unpushed import find_unpushed
from eventlog.mirror.push.batch import (
    conflict_of,
    in_pending_order,
    name_other_folder,
    take_batch,
    without_conflicts,
)
from tests.eventlog.making import OTHER, SOURCE, WRITER, write_hours
from tests.eventlog.mirror.links import ARCHIVE, PUSHER, record_of

KEY = (SOURCE, WRITER)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_hours(tmp_path, 3, 1)
    write_hours(tmp_path, 2, 1, writer=OTHER)
    return tmp_path


def test_a_batch_ends_at_the_limits_of_a_record(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = find_unpushed(root, {}).links
    sizes = [len(manifest_path(root, link.name).read_bytes()) for link in links]

    assert len(take_batch(root, links, {}).links) == 5
    monkeypatch.setattr("eventlog.mirror.bucket.record.MAX_RECORD_BYTES", sum(sizes[:3]))
    assert len(take_batch(root, links, {}).links) == 3
    monkeypatch.setattr("eventlog.mirror.push.batch.MAX_LINKS", 2)
    assert len(take_batch(root, links, {}).links) == 2
    monkeypatch.setattr("eventlog.mirror.bucket.record.MAX_RECORD_BYTES", 1)
    assert len(take_batch(root, links, {}).links) == 1


def test_a_batch_reads_a_bounded_number_of_bytes_and_at_least_one_segment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = find_unpushed(root, {}).links
    sizes = [link.zst_bytes for link in links]

    monkeypatch.setattr("eventlog.mirror.push.batch.MAX_BATCH_BYTES", sum(sizes[:3]))
    assert len(take_batch(root, links, {}).links) == 3
    monkeypatch.setattr("eventlog.mirror.push.batch.MAX_BATCH_BYTES", sizes[0] - 1)
    assert len(take_batch(root, links, {}).links) == 1


def test_a_link_that_does_not_continue_the_committed_one_is_a_conflict(root: Path) -> None:
    links = find_unpushed(root, {}).links
    prepared = take_batch(root, links, {}).links
    second = [link for link in links if link.key == KEY][1:]
    head = next(x.facts.head for x in prepared if x.facts.key == KEY)

    assert take_batch(root, second, {KEY: head}).stopped == ()
    other = StreamHead(head.last_seq, "ab" * 32, head.segment)
    batch = take_batch(root, second, {KEY: other})
    assert batch.links == () and [stopped.is_conflict for stopped in batch.stopped] == [True]
    assert f"{head.segment} in the mirror has abab" in batch.stopped[0].reason


def test_links_before_a_conflict_are_committed(root: Path) -> None:
    prepared = take_batch(root, find_unpushed(root, {}).links, {}).links
    ours = [link for link in prepared if link.facts.key == KEY]

    kept = without_conflicts(prepared, [(ours[2], "late"), (ours[1], "other bytes")])

    assert [link for link in kept if link.facts.key == KEY] == ours[:1]
    assert len(kept) == 3
    stopped = conflict_of((ours[1], "other bytes"))
    assert stopped == StoppedStream(KEY, "other bytes", is_conflict=True)


def test_the_reason_of_a_conflict_names_the_other_folder_if_it_is_known() -> None:
    conflict, damage = StoppedStream(KEY, "other bytes", is_conflict=True), StoppedStream(KEY, "x")
    streams = f"other bytes: two folders write the stream {SOURCE}, {WRITER}"

    assert name_other_folder(damage, record_of()) == damage
    assert name_other_folder(conflict, None).reason == streams
    other = "the other one is here:/srv/a, last seen 2026-11-21T05:00:00.000000Z"
    assert name_other_folder(conflict, record_of()).reason == f"{streams}; {other}"


def test_a_pending_record_is_finished_first(root: Path) -> None:
    links = find_unpushed(root, {}).links
    prepared = take_batch(root, links[:2], {}).links
    pending = record_of(*(x.link for x in prepared), number=0)
    ledger = Ledger("", ARCHIVE, PUSHER)

    assert list(in_pending_order(links, pending, ledger)) == list(links[:2])
    assert in_pending_order(links, None, ledger) == links
    assert in_pending_order(links[1:], pending, ledger) == links[1:]
    moved = Ledger("", ARCHIVE, PUSHER, {PUSHER: PusherHead(1, "ab" * 32)})
    assert in_pending_order(links, pending, moved) == links
