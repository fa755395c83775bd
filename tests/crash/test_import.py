"""Interrupted imports: the files are whole, and continued they equal an uninterrupted import."""

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.check.verify import verify
from eventlog.format.paths import group_dir
from tests.crash.import_driver import import_hours, record_hours
from tests.crash.rounds import ROUNDS
from tests.crash.simulated_disk import PowerCut, SimulatedDisk, disk_of, mark_durable, power_cut
from tests.eventlog.write.test_group import log_files
from tests.extent import few_or_all
from tests.fetcher.making import WRITER

pytestmark = pytest.mark.sampled

INSTANTS = ROUNDS // few_or_all(10, 1)
"""Instants of an interruption per fate."""
FATES = ["killed", "power cut", "power cut in disorder"]


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


def test_an_import_that_is_killed_again_and_again_ends_as_one_that_is_not(tmp_path: Path) -> None:
    rounds = max(2, ROUNDS // 10)
    command = [sys.executable, "-m", "tests.crash.import_driver", str(tmp_path), str(rounds), "5"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert f"{rounds} imports" in done.stdout
