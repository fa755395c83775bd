"""The views of one log are the same whichever supported version of DuckDB builds them."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import duckdb
import pytest
from packaging.requirements import Requirement

from eventlog.clock import HOUR, parse_us
from fetcher.service.rehearsal import rehearse

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
START = parse_us("2026-11-01T00:00:00Z")
TIMEOUT_S = 600


def oldest_supported() -> str:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (requirement,) = (item for item in map(Requirement, dependencies) if item.name == "duckdb")
    (bound,) = requirement.specifier
    assert bound.operator == ">="
    return f"duckdb=={bound.version}"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours of both sources, without views."""
    root = tmp_path_factory.mktemp("crawled")
    (root / "log").mkdir()
    asyncio.run(rehearse(root, 5, START, START + 2 * HOUR, lambda *_: None))
    return root


@pytest.fixture(scope="module")
def expected(archive: Path) -> dict[str, object]:
    """The digests by the installed version."""
    return digests(archive, archive.parent / "views-installed", ())


def install(requirement: str, folder: Path) -> None:
    """Installs DuckDB alone into a folder that precedes the environment's packages."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", requirement]
    result = subprocess.run(
        [*command, "--target", str(folder)], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        pytest.skip(f"pip cannot install {requirement}: {result.stderr.strip()[-200:]}")


def digests(archive: Path, copy: Path, packages: tuple[Path, ...]) -> dict[str, object]:
    """Builds all views of a copy of the archive; returns the digest of each."""
    shutil.copytree(archive, copy)
    result = subprocess.run(
        [sys.executable, "-m", "tests.projector.view_digests", str(copy)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*packages, ROOT)))},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("requirement", [oldest_supported(), "duckdb"], ids=["oldest", "newest"])
def test_every_view_has_the_same_rows_and_types_by_another_version_of_duckdb(
    archive: Path, expected: dict[str, object], requirement: str, tmp_path: Path
) -> None:
    install(requirement, tmp_path / "packages")
    if next((tmp_path / "packages").glob(f"duckdb-{duckdb.__version__}.dist-info"), None):
        pytest.skip(f"{requirement} is the installed version, {duckdb.__version__}")

    others = digests(archive, tmp_path / "archive", (tmp_path / "packages",))

    assert others.pop("duckdb") != expected["duckdb"]
    assert [name for name in others if others[name] != expected[name]] == []
    assert {"duckdb", *others} == set(expected)
    assert len(others) > 50
