"""`view update --engine` with a real Dask scheduler and two worker processes on 127.0.0.1."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.making import hindlog
from tests.projector.cluster.dask_processes import DaskProcesses, running_dask
from tests.projector.cluster.test_engine import digests, rows_of_parts
from tests.projector.conftest import WRITER, model
from tests.projector.logs import Page, hours, write_log

pytestmark = pytest.mark.slow

MONTH = 31 * 24


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of eight months whose views were built in this process, by two jobs."""
    root = tmp_path_factory.mktemp("here")
    hindlog("init", root)
    pages = [
        Page(hours(month * MONTH + hour), models(month + hour), f"r{month}-{hour}", "/m", 1, True)
        for month in range(8)
        for hour in range(2)
    ]
    write_log(root, "openrouter", WRITER, pages)
    assert hindlog("view", "update", "--jobs", "2", at=root).code == 0
    return root


def models(price: int) -> list:
    return [model(f"m{n}", f"name {n}", pricing={"prompt": str(price * n)}) for n in range(20)]


@pytest.fixture
def there(here: Path, tmp_path: Path) -> Path:
    """The same archive without views."""
    shutil.copytree(here, tmp_path / "there", ignore=shutil.ignore_patterns("views"))
    return tmp_path / "there"


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[DaskProcesses]:
    (tmp_path / "dask").mkdir()
    with running_dask(tmp_path / "dask") as running:
        yield running


def test_workers_that_see_the_folder_build_the_same_parts_and_views(here, there, dask):
    done = hindlog("view", "update", "--engine", f"dask://{dask.address}", at=there)

    assert (done.code, done.out) == (0, "")
    assert "2 workers with 2 threads, in the folder of the archive" in done.err
    assert rows_of_parts(there) == rows_of_parts(here)
    assert digests(there) == digests(here)


def test_workers_that_share_only_the_bucket_build_the_same(here, there, dask, monkeypatch):
    pushed_to_a_folder(there, monkeypatch)

    address = f"dask://{dask.address}?through=mirror"
    done = hindlog("view", "update", "--engine", address, at=there)

    assert done.code == 0, done.err
    assert "2 workers with 2 threads, through file://" in done.err
    assert rows_of_parts(there) == rows_of_parts(here)
    assert digests(there) == digests(here)


def test_an_update_continues_on_the_other_worker_if_one_is_killed(here, there, dask, monkeypatch):
    pushed_to_a_folder(there, monkeypatch)
    address = f"dask://{dask.address}?through=mirror"
    words = ["-C", str(there), "view", "update", "--engine", address]
    command = [sys.executable, "-m", "cli.main", *words]

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ) as update:
        for line in update.stderr or ():
            if line.startswith("openrouter: "):  # the first of eight jobs has ended
                dask.workers[0].kill()
                break
        rest = update.communicate()[1]

    assert update.returncode == 0, rest
    assert digests(there) == digests(here)


def test_an_archive_without_a_mirror_cannot_be_read_through_it(there, dask):
    done = hindlog("view", "update", "--engine", f"dask://{dask.address}?through=mirror", at=there)

    assert done.code == 2
    assert "the archive has no mirror that workers could read" in done.err
    assert "hindlog sync push" in done.err


def pushed_to_a_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushes an archive to a new folder, which the environment names as its mirror."""
    mirror = root.parent / "mirror"
    mirror.mkdir()
    monkeypatch.setenv("HINDLOG_MIRROR_URL", f"file://{mirror}")
    assert hindlog("sync", "push", at=root).code == 0
