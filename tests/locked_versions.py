"""Prints the installed version of every direct and indirect dependency, as pip constraints.

    python tests/locked_versions.py > constraints.txt

Starts from `hindlog[dev]` and follows the requirements of installed packages, so that other
packages in the environment are left out. A requirement that is not installed (for another
platform or Python) is skipped. No address of a registry is written.
"""

import sys
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Requirement("hindlog[dev]")


def locked_versions(root: Requirement) -> dict[str, str]:
    """Returns {name: version} of everything that a requirement needs, without itself."""
    versions: dict[str, str] = {}
    pending, followed = [root], set()
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        if (name, *requirement.extras) in followed:
            continue
        followed.add((name, *requirement.extras))
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        versions[name] = installed.version
        extras = requirement.extras or {""}
        for needed in map(Requirement, installed.requires or ()):
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                pending.append(needed)
    del versions[canonicalize_name(root.name)]
    return versions


def main() -> None:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    print(f"# The versions that the tests ran with, on Python {python}. Written by `make lock`.")
    print("# Use them with: pip install -c constraints.txt .")
    for name, version in sorted(locked_versions(ROOT).items()):
        print(f"{name}=={version}")


if __name__ == "__main__":
    main()
