"""Compares measured coverage with its floor, and lists the modules that have little.

    python tests/coverage_floor.py coverage.json

The floors are in pyproject.toml, `[tool.hindlog.coverage]`: percent of lines and branches per
package. They only rise: a package that is more than a point above its floor is named, so that
the floor is raised in the same commit. Exit 1 if a package is below its floor.
"""

import json
import sys
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

LITTLE = 85.0
"""Percent below which a module is listed."""
SLACK = 1.0
"""Points by which a floor may be below what is measured."""

Counts = tuple[int, int]
"""Covered and all lines and branches."""


def counts_by_module(
    report: Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]],
) -> dict[str, Counts]:
    """Lines and branches of each file of a report of `coverage json`."""
    counts = {}
    for path, file in report["files"].items():
        summary = file["summary"]
        covered = summary["covered_lines"] + summary.get("covered_branches", 0)
        counts[path] = (covered, summary["num_statements"] + summary.get("num_branches", 0))
    return counts


def percent(counts: Counts) -> float:
    """Percent covered; of nothing, all."""
    covered, every = counts
    return 100 * covered / every if every else 100.0


def by_package(modules: Mapping[str, Counts]) -> dict[str, float]:
    """Percent covered of each package, over all its modules."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for path, (covered, every) in modules.items():
        package = Path(path).parts[0]
        sums[package][0] += covered
        sums[package][1] += every
    return {package: percent((covered, every)) for package, (covered, every) in sums.items()}


def verdict(measured: Mapping[str, float], floors: Mapping[str, float]) -> tuple[list[str], bool]:
    """A line per package, and whether none is below its floor."""
    lines, passed = [], True
    for package, floor in sorted(floors.items()):
        value = measured.get(package, 0.0)
        word = "ok"
        if value < floor:
            word, passed = "below its floor: test what is new", False
        elif value > floor + SLACK:
            word = f"raise its floor to {value - SLACK / 2:.1f} in pyproject.toml"
        lines.append(f"{package:10} {value:5.1f} % of lines and branches, floor {floor} %: {word}")
    return lines, passed


def main(file: str) -> int:
    """Prints the verdict and the modules with little coverage."""
    root = Path(__file__).parents[1]
    floors = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hindlog"]["coverage"]
    modules = counts_by_module(json.loads(Path(file).read_text()))
    lines, passed = verdict(by_package(modules), floors)
    print("\n".join(lines))
    for path, counts in sorted(modules.items(), key=lambda item: percent(item[1])):
        if percent(counts) < LITTLE:
            print(f"  {percent(counts):5.1f} % {path}")
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
