"""What the next start of a writer does with a group that was interrupted."""

import shutil
from pathlib import Path

import attrs
import pytest

from eventlog.check.verify import verify
from eventlog.clock import HOUR
from eventlog.errors import Corrupt
from eventlog.files.disk import Disk
from eventlog.format.paths import group_dir
from eventlog.read.reader import read_events
from eventlog.write.group import GroupLimits
from eventlog.write.publish_group import finish_group, list_groups
from eventlog.write.writer import close_stream, seal_all
from tests.eventlog.making import SOURCE, START, WRITER, entity, opened, recording_disk
from tests.eventlog.write.test_group import NO_SYNC, log_files, write_in_groups


class _Stop(BaseException):
    pass


def interrupted(root: Path, operation: str, at: int) -> None:
    """Writes a group of three segments; stops before the `at`-th call of a disk operation."""
    left = [at]

    def stop_or_call(*arguments: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise _Stop
        return getattr(NO_SYNC, operation)(*arguments)

    disk: Disk = attrs.evolve(NO_SYNC, **{operation: stop_or_call})  # type: ignore[arg-type]
    with pytest.raises(_Stop):
        write_in_groups(root, [(START + n * HOUR, [entity(n)]) for n in range(3)], disk=disk)


def seqs(root: Path) -> list[int]:
    return [record.seq for record in read_events(root)]


def test_a_group_without_a_record_is_deleted(tmp_path: Path) -> None:
    interrupted(tmp_path, "rename", 0)
    prepared = len(list(group_dir(tmp_path, SOURCE, WRITER).iterdir()))
    close_stream(opened(tmp_path, disk=NO_SYNC))

    assert prepared == 7
    assert list(group_dir(tmp_path, SOURCE, WRITER).iterdir()) == []
    assert seqs(tmp_path) == []


@pytest.mark.parametrize("links", range(6))
def test_a_group_with_a_record_is_published(tmp_path: Path, links: int) -> None:
    interrupted(tmp_path / "a", "link", links)
    close_stream(opened(tmp_path / "a", disk=NO_SYNC))
    write_in_groups(tmp_path / "b", [(START + n * HOUR, [entity(n)]) for n in range(3)])

    assert seqs(tmp_path / "a") == [1, 2, 3]
    assert verify(tmp_path / "a").damages == ()
    shutil.rmtree(group_dir(tmp_path / "a", SOURCE, WRITER))
    assert log_files(tmp_path / "a") == log_files(tmp_path / "b")


def test_readers_see_the_segments_in_the_order_of_the_chain(tmp_path: Path) -> None:
    for links in range(6):
        root = tmp_path / str(links)
        interrupted(root, "link", links)

        assert seqs(root) == list(range(1, links // 2 + 1))
        assert verify(root).damages == ()


@pytest.mark.parametrize("can_sync", [True, False])
def test_the_names_of_many_days_become_durable_before_the_record_is_removed(
    tmp_path: Path, can_sync: bool
) -> None:
    steps: list[str] = []

    def sync_file_system(handle: int) -> bool:
        steps.append("sync_file_system")
        return can_sync

    disk = attrs.evolve(
        recording_disk(steps), fsync=lambda handle: None, sync_file_system=sync_file_system
    )
    days = [(START + n * 24 * HOUR, [entity(n)]) for n in range(3)]
    write_in_groups(tmp_path, days, limits=GroupLimits(single_syncs=2), disk=disk)
    first_link = next(n for n, step in enumerate(steps) if step.startswith("link"))
    published = steps[first_link : steps.index("unlink record.json")]
    day_by_day = [*(f"sync_dir 2026-11-{day}" for day in (21, 22, 23)), f"sync_dir {SOURCE}"]

    assert [step for step in published if "sync" in step] == [
        "sync_file_system",
        *([] if can_sync else day_by_day),
    ]
    linked = published[: published.index("sync_file_system")]
    assert sum(step.startswith("link") for step in linked) == 6


def test_sealing_everything_publishes_a_group(tmp_path: Path) -> None:
    interrupted(tmp_path, "link", 0)
    groups = list_groups(tmp_path)
    seal_all(tmp_path)

    assert groups == [(SOURCE, WRITER)]
    assert seqs(tmp_path) == [1, 2, 3]


def test_a_file_of_a_group_that_exists_nowhere_is_reported(tmp_path: Path) -> None:
    interrupted(tmp_path, "link", 0)
    folder = group_dir(tmp_path, SOURCE, WRITER)
    sorted(folder.glob("*.zst"))[1].unlink()

    with pytest.raises(Corrupt, match=r"06-1a2b3c4d-000\.ndjson\.zst: expected the file .* none"):
        finish_group(tmp_path, SOURCE, WRITER, NO_SYNC)


def test_a_name_that_other_bytes_have_is_reported(tmp_path: Path) -> None:
    interrupted(tmp_path, "link", 2)
    manifest = next((tmp_path / "log" / SOURCE).glob("*/*.manifest.json"))
    manifest.write_bytes(b"{}\n")

    with pytest.raises(Corrupt, match=r"05-1a2b3c4d-000\.manifest\.json: expected .* another"):
        finish_group(tmp_path, SOURCE, WRITER, NO_SYNC)


@pytest.mark.parametrize("record", [b"", b"{", b'{"format":2,"segments":[]}', b'{"format":1}'])
def test_a_damaged_record_stops_the_writer(tmp_path: Path, record: bytes) -> None:
    interrupted(tmp_path, "link", 0)
    (group_dir(tmp_path, SOURCE, WRITER) / "record.json").write_bytes(record)

    with pytest.raises(Corrupt, match=r"record\.json: expected"):
        opened(tmp_path, disk=NO_SYNC)
