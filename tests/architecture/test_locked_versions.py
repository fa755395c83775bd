"""constraints.txt names one version for each dependency, and pyproject.toml accepts it."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.locked_versions import locked_versions

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = [
    *PROJECT["dependencies"],
    *PROJECT["optional-dependencies"]["dev"],
    *PROJECT["optional-dependencies"]["docs"],
]
LINES = [
    line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")
]


@pytest.mark.parametrize("text", REQUIREMENTS)
def test_the_locked_version_of_a_dependency_satisfies_its_requirement(text: str) -> None:
    requirement = Requirement(text)
    versions = dict(line.split("==") for line in LINES)

    assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


def test_the_lock_contains_only_names_and_versions() -> None:
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.+]*", line) for line in LINES)
    assert len({line.split("==")[0] for line in LINES}) == len(LINES)


def test_indirect_dependencies_are_locked_and_unused_packages_are_not() -> None:
    versions = locked_versions(Requirement("aiohttp"))

    assert "multidict" in versions
    assert "aiohttp" not in versions
    assert "duckdb" not in versions
