"""What is not committed is found from the catalog, and equals what the whole log says."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from eventlog.clock import DAY, HOUR
from eventlog.files.listing import list_segments, read_manifest
from eventlog.files.lost_segments import LOSS_FORMAT, Loss, write_loss
from eventlog.format.manifest import digest
from eventlog.format.paths import manifest_path, segment_at
from eventlog.mirror.bucket.chain import StreamHead
from eventlog.mirror.plan.unpushed import find_unpushed, last_sealed_links
from tests.eventlog.making import OTHER, SOURCE, START, WRITER, ManualClock, entity, write_log


def add(root: Path, day: int, writer: str = WRITER, *, seal: bool = True) -> None:
    clock = ManualClock(START + day * DAY)
    write_log(root, [[entity(1)], [entity(2)]], writer=writer, clock=clock, seal=seal)


def test_segments_beyond_the_committed_seq_are_found(tmp_path: Path) -> None:
    for day in range(4):
        add(tmp_path, day)
        add(tmp_path, day, OTHER)
    add(tmp_path, 4, seal=False)
    every = {
        files.name: read_manifest(tmp_path, files.name)
        for files in list_segments(tmp_path)
        if files.has_manifest
    }

    @given(st.integers(0, 4), st.integers(0, 4))
    def check(ours: int, theirs: int) -> None:
        counts = {WRITER: ours, OTHER: theirs}
        heads = {
            (SOURCE, writer): StreamHead(count * 2, "", "")
            for writer, count in counts.items()
            if count
        }
        plan = find_unpushed(tmp_path, heads)
        expected = {n for n, m in every.items() if m.last_seq > counts[n.writer] * 2}
        assert {link.name for link in plan.links} == expected and plan.stopped == ()

    check()
    [first, *_] = find_unpushed(tmp_path, {}).links
    manifest = every[first.name]
    assert (first.first_seq, first.last_seq, first.first_us, first.zst_bytes) == (
        *(1, 2, manifest.first_us, manifest.zst.bytes),
    )


def test_losses_and_unreadable_manifests_are_found(tmp_path: Path) -> None:
    add(tmp_path, 0)
    name = segment_at(SOURCE, WRITER, START + HOUR, 0)
    write_loss(
        tmp_path, Loss(LOSS_FORMAT, str(name), 3, 5, "2026-11-21T05:00:00.000000Z", None, None)
    )
    add(tmp_path, 0, OTHER)
    [damaged] = [files.name for files in list_segments(tmp_path, SOURCE, OTHER)]
    manifest_path(tmp_path, damaged).write_bytes(b"{}")

    plan = find_unpushed(tmp_path, {})

    assert [(link.name.writer, link.is_lost, link.last_seq) for link in plan.links] == [
        (WRITER, False, 2),
        (WRITER, True, 5),
    ]
    assert [stopped.key for stopped in plan.stopped] == [(SOURCE, OTHER)]
    heads = {(SOURCE, WRITER): StreamHead(5, "", "")}
    assert find_unpushed(tmp_path, heads).links == ()


def test_the_last_sealed_link_of_each_stream_is_found_by_its_seq(tmp_path: Path) -> None:
    for day in (1, 3):
        add(tmp_path, day, OTHER)
    add(tmp_path, 0)
    add(tmp_path, 2, seal=False)

    links = last_sealed_links(tmp_path)
    assert {key: (link.first_seq, link.last_seq) for key, link in links.items()} == {
        (SOURCE, WRITER): (1, 2),
        (SOURCE, OTHER): (3, 4),
    }
    path = tmp_path / "log" / f"{links[SOURCE, OTHER].segment}.manifest.json"
    assert links[SOURCE, OTHER].sha256 == digest(path.read_bytes())
    path.unlink()
    assert last_sealed_links(tmp_path)[SOURCE, OTHER].last_seq == 2
    assert last_sealed_links(tmp_path / "none") == {}
