"""The links of one record: within its limits, each continuing the one before."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.format.paths import manifest_path, parse_segment
from eventlog.mirror.bucket.chain import StreamHead
from eventlog.mirror.bucket.record import MAX_LINKS
from eventlog.mirror.local.ledger import Ledger, PusherHead
from eventlog.mirror.plan.push_plan import StoppedStream, Unpushed
from eventlog.mirror.plan.unpushed import find_unpushed
from eventlog.mirror.push.batch import (
    LOOK_AHEAD,
    conflict_of,
    due_links,
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


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 5))
def test_the_due_links_are_found_in_order_and_none_is_left_out(
    kinds: list[int], width: int
) -> None:
    name = parse_segment(f"{SOURCE}/2026-11-21/05-{WRITER}-000")
    assert name is not None
    links = [Unpushed(name, False, True, seq, seq, 0, 1) for seq in range(len(kinds))]
    done = {link.first_seq for link, kind in zip(links, kinds, strict=True) if kind == 0}
    expected = [link.first_seq for link in links if link.first_seq not in done]
    taken: list[int] = []
    start = 0

    def is_due(link: Unpushed) -> bool:
        return link.first_seq not in done

    while True:
        start, due = due_links(links, start, is_due)
        if not due:
            break
        taken += [link.first_seq for link in due[:width]]
        done.update(taken)

    assert taken == expected


def test_each_link_is_looked_at_a_few_times_however_many_there_are() -> None:
    name = parse_segment(f"{SOURCE}/2026-11-21/05-{WRITER}-000")
    assert name is not None
    links = [Unpushed(name, False, True, seq, seq, 0, 1) for seq in range(20 * LOOK_AHEAD)]
    looks = start = pushed = 0

    def is_due(link: Unpushed) -> bool:
        nonlocal looks
        looks += 1
        return link.first_seq >= pushed

    while True:
        start, due = due_links(links, start, is_due)
        if not due:
            break
        pushed += MAX_LINKS

    assert looks <= 6 * len(links)


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
