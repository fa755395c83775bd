"""Interrupted imports: the files are whole, and continued they equal an uninterrupted import."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eventlog.check.verify import verify
from eventlog.files.disk import Disk
from eventlog.format.paths import group_dir
from eventlog.write.group import GroupLimits
from fetcher.imports.import_report import ImportReport
from tests.crash.rounds import ROUNDS
from tests.crash.simulated_disk import PowerCut, SimulatedDisk, disk_of, mark_durable, power_cut
from tests.eventlog.write.test_group import NO_SYNC, log_files
from tests.extent import few_or_all
from tests.fetcher.importing import import_into, models_list, write_files
from tests.fetcher.making import WRITER

pytestmark = pytest.mark.sampled

LIMITS = GroupLimits(segments=3, single_syncs=1)
HOURS = [*range(20, 24), *range(24, 29)]
"""Recorded hours since 2025-01-01T00: two days, three groups."""
INSTANTS = ROUNDS // few_or_all(10, 1)
"""Instants of an interruption per fate."""
FATES = ["killed", "power cut", "power cut in disorder"]


def record_hours(folder: Path) -> list[Path]:
    """Writes two recordings per hour, whose prices change."""
    files = {
        f"202501{1 + hour // 24:02d}T{hour % 24:02d}{minute:02d}00Z.json": models_list(
            ("a/b", hour), ("c/d", hour // 3), ("e/f", 7), (f"g/{minute}", 1)
        )
        for hour in HOURS
        for minute in (5, 35)
    }
    return write_files(folder, files)


def import_hours(root: Path, paths: list[Path], disk: Disk = NO_SYNC) -> ImportReport:
    return import_into(root, paths, groups=LIMITS, disk=disk)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return record_hours(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def complete(recorded: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The log of an import that was not interrupted."""
    root = tmp_path_factory.mktemp("complete")
    import_hours(root, recorded)
    return log_files(root)


def interrupt(root: Path, paths: list[Path], simulated: SimulatedDisk) -> bool:
    """Imports until the disk fails. Returns whether it did."""
    mark_durable(simulated)
    try:
        import_hours(root, paths, disk_of(simulated))
    except PowerCut:
        return True
    return False


def instants(seed: str) -> Iterator[int]:
    """Yields the number of changes of a complete import in a random order."""
    chance = random.Random(seed)
    yield from chance.sample(range(190), min(190, max(INSTANTS, 2)))


@pytest.mark.parametrize("syncs_file_system", [True, False])
@pytest.mark.parametrize("fate", FATES)
def test_an_import_that_is_interrupted_at_any_change_continues_with_whole_files(
    recorded: list[Path],
    complete: dict[str, bytes],
    tmp_path: Path,
    fate: str,
    syncs_file_system: bool,
) -> None:
    for instant in instants(f"{fate} {syncs_file_system}"):
        root = tmp_path / str(instant)
        root.mkdir()
        simulated = SimulatedDisk(root, random.Random(instant), instant)
        simulated.syncs_file_system = syncs_file_system
        interrupt(root, recorded, simulated)
        if fate == "killed":
            assert verify(root).damages == ()
        else:
            after = tmp_path / f"{instant}-after"
            state = simulated.chance.choice(["kept", "gone", "emptied", "as synced"])
            power_cut(simulated, after, disorder="disorder" in fate, state=state)
            root = after
        report = import_hours(root, recorded)

        assert report.pages + report.already == len(recorded)
        assert verify(root).damages == ()
        assert log_files(root) == complete
        shutil.rmtree(root)


def test_an_import_has_about_as_many_changes_as_are_interrupted(
    recorded: list[Path], tmp_path: Path
) -> None:
    simulated = SimulatedDisk(tmp_path, random.Random(1))
    simulated.syncs_file_system = False
    interrupt(tmp_path, recorded, simulated)

    assert 150 < (1 << 60) - simulated.changes_left < 200


def test_a_power_cut_never_leaves_a_manifest_without_its_zst(
    recorded: list[Path], tmp_path: Path
) -> None:
    for instant in instants("names"):
        root, after = tmp_path / str(instant), tmp_path / f"{instant}-after"
        root.mkdir()
        simulated = SimulatedDisk(root, random.Random(instant), instant)
        interrupt(root, recorded, simulated)
        record = (group_dir(root, "openrouter", WRITER) / "record.json").exists()
        power_cut(simulated, after, disorder=False, state="gone")
        names = {path.name for path in after.glob("log/*/*/*")}
        sealed = {name.partition(".")[0] for name in names if name.endswith(".zst")}
        described = {name.partition(".")[0] for name in names if name.endswith(".manifest.json")}

        assert described <= sealed
        assert record or described == sealed


def kill_after(work: Callable[[], object], seconds: float) -> bool:
    """Runs in a child process, which is killed. Returns whether it was still running."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_an_import_that_is_killed_again_and_again_ends_as_one_that_is_not(
    recorded: list[Path], complete: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(5)
    for number in range(max(2, ROUNDS // 10)):
        root = tmp_path / str(number)
        while kill_after(lambda root=root: import_hours(root, recorded), chance.random() * 0.1):
            if root.exists():
                assert verify(root).damages == ()
        import_hours(root, recorded)

        assert log_files(root) == complete
