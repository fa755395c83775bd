"""Writing the manifests of a bucket: all durable before the first is visible, none replaced."""

from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.files.publish import temporary_path
from eventlog.files.writer_ids import HASHED, owner_of
from eventlog.mirror.bucket.chain import link_facts
from eventlog.mirror.bucket.record import Link, encode_record
from eventlog.mirror.history.spool import Spool
from eventlog.mirror.local.ledger import Ledger
from eventlog.mirror.pull import manifests
from eventlog.mirror.pull.manifests import WrittenManifests, write_manifests
from tests.eventlog.making import SOURCE, WRITER, disk_with, files_of
from tests.eventlog.mirror.links import ARCHIVE, PUSHER, lost_link, record_of, sealed_link

FIRST = sealed_link()
SECOND = sealed_link(4, 3, link_facts(FIRST, "a test").sha256, hour=1)


def written(root: Path, *links: Link) -> WrittenManifests:
    path = root / "records.ndjson"
    path.write_bytes(b"".join(encode_record(record_of(link)) for link in links))
    return write_manifests(root, Spool(path, Ledger("memory://x", ARCHIVE, PUSHER)))


def path_of(root: Path, link: Link, end: str = "manifest.json") -> Path:
    return root / "log" / f"{link_facts(link, 'a test').segment}.{end}"


def manifests_in(root: Path) -> dict[str, bytes]:
    return {name: data for name, data in files_of(root).items() if "/" in name}


def record_syncs(patch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Calls `act` at each fsync of a file."""
    patch.setattr(manifests, "REAL", disk_with(fsync=lambda _handle: act()))


def test_links_that_are_not_here_are_written_and_counted_once(tmp_path: Path) -> None:
    assert written(tmp_path, FIRST) == WrittenManifests(1, {})
    assert written(tmp_path, FIRST, SECOND, SECOND) == WrittenManifests(1, {})
    assert written(tmp_path, FIRST, SECOND) == WrittenManifests(0, {})
    for link in (FIRST, SECOND):
        assert path_of(tmp_path, link).read_bytes() == link.file.encode()
    assert len(manifests_in(tmp_path)) == 2


def test_a_loss_is_written_in_place_of_a_manifest(tmp_path: Path) -> None:
    link = lost_link()
    assert written(tmp_path, link).count == 1
    assert path_of(tmp_path, link, "lost.json").read_bytes() == link.file.encode()
    assert len(manifests_in(tmp_path)) == 1


@pytest.mark.parametrize("many", [False, True])
def test_all_are_durable_before_the_first_is_visible_and_again_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    visible: list[int] = []

    def act() -> None:
        visible.append(len(manifests_in(tmp_path)))

    def sync_file_system(_handle: int) -> bool:
        act()
        return True

    monkeypatch.setattr(manifests, "MANY", 1 if many else 2)
    if many:
        monkeypatch.setattr(manifests, "REAL", disk_with(sync_file_system=sync_file_system))
    else:
        record_syncs(monkeypatch, act)
    written(tmp_path, FIRST, SECOND)

    assert visible == ([0, 2] if many else [0, 0, 2, 2])
    assert not list(tmp_path.rglob(".*.tmp"))


@pytest.mark.parametrize("number", [0, 1])
def test_an_error_of_the_sync_is_raised_and_nothing_counts_as_written_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    results = iter([OSError("lost")] if number == 0 else [None, OSError("lost")])

    def sync_file_system(_handle: int) -> bool:
        if (error := next(results)) is not None:
            raise error
        return True

    monkeypatch.setattr(manifests, "MANY", 1)
    monkeypatch.setattr(manifests, "REAL", disk_with(sync_file_system=sync_file_system))
    with pytest.raises(OSError, match="lost"):
        written(tmp_path, FIRST, SECOND)
    assert len(manifests_in(tmp_path)) == 2 * number


def test_many_are_synced_one_by_one_where_a_file_system_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    disk = disk_with(sync_file_system=lambda _: False, fsync=synced.append)
    monkeypatch.setattr(manifests, "MANY", 1)
    monkeypatch.setattr(manifests, "REAL", disk)
    written(tmp_path, FIRST, SECOND)

    assert len(synced) == 4


def test_a_temporary_file_of_a_killed_pull_is_replaced(tmp_path: Path) -> None:
    path = path_of(tmp_path, FIRST)
    path.parent.mkdir(parents=True)
    temporary_path(path).write_bytes(FIRST.file.encode()[:10])

    assert written(tmp_path, FIRST).count == 1
    assert path.read_bytes() == FIRST.file.encode()
    assert not list(tmp_path.rglob(".*.tmp"))


def test_a_file_that_another_process_made_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_syncs(monkeypatch, lambda: path_of(tmp_path, FIRST).write_bytes(b"theirs"))

    written(tmp_path, FIRST)

    assert path_of(tmp_path, FIRST).read_bytes() == b"theirs"
    assert not list(tmp_path.rglob(".*.tmp"))


def test_a_conflict_in_a_later_link_leaves_out_the_earlier_ones_too(tmp_path: Path) -> None:
    path = path_of(tmp_path, SECOND)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"other")

    result = written(tmp_path, FIRST, SECOND)

    segment = link_facts(SECOND, "a test").segment
    message = (
        f"{segment}: the mirror has other events with seq 4 to 6 than this folder: two folders"
        f" write the stream {SOURCE}, {WRITER}; the other one is here:/srv/a,"
        " last seen 2026-11-21T05:00:00.000000Z"
    )
    assert result == WrittenManifests(0, {(SOURCE, WRITER): message})
    assert list(manifests_in(tmp_path).values()) == [b"other"]


def test_the_owner_of_a_stream_is_added_if_its_link_names_one(tmp_path: Path) -> None:
    written(tmp_path, lost_link())
    assert owner_of(tmp_path, WRITER) == (None, None)
    written(tmp_path, lost_link(), SECOND)
    assert owner_of(tmp_path, WRITER) == (f"{HASHED}{FIRST.machine}", FIRST.role)
