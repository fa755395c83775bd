"""Wheel and sdist contain the files of the tree. An editable install would hide a missing file."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("eventlog", "projector", "fetcher", "cli")


def test_the_wheel_contains_every_file_of_the_packages(tmp_path: Path) -> None:
    tracked = tracked_files(*PACKAGES)
    names = zipfile.ZipFile(built(tmp_path, "wheel")).namelist()

    assert tracked <= {name for name in names if name.startswith(PACKAGES)}
    assert any(name.endswith("/share/man/man1/hindlog.1") for name in names)


def test_the_sdist_contains_every_file_so_that_its_tests_pass(tmp_path: Path) -> None:
    tracked = tracked_files()
    with tarfile.open(built(tmp_path, "sdist")) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}

    assert tracked - names == set()


@pytest.mark.slow
def test_tests_pass_in_an_unpacked_sdist(tmp_path: Path) -> None:
    (tmp_path / "sdist").mkdir()
    with tarfile.open(built(tmp_path / "sdist", "sdist")) as sdist:
        sdist.extractall(tmp_path, filter="data")
    [unpacked] = tmp_path.glob("hindlog-*")

    words = ["-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", *CHEAP_TESTS]
    done = subprocess.run(
        [sys.executable, *words], cwd=unpacked, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


CHEAP_TESTS = ("tests/architecture", "tests/docs", "tests/eventlog/format", "tests/cli/options")
"""Tests of the files beside the packages, and of some modules."""


def tracked_files(*folders: str) -> set[str]:
    """Returns the files that git tracks. Skips the test outside of a checkout."""
    listed = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("no git checkout")
    return set(listed.stdout.split())


def built(folder: Path, target: str) -> Path:
    """Builds a distribution into a folder and returns its file."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = folder.iterdir()
    return path
