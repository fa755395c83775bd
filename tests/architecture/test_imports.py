"""No two modules import each other, not even inside functions."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("eventlog", "projector", "fetcher", "cli")


def modules() -> dict[str, Path]:
    """Returns the file of every module of the packages, by its dotted name."""
    paths = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            paths[name.removesuffix(".__init__")] = path
    return paths


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    """Returns the modules that a file imports, also inside functions."""
    names_imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            names_imported |= {name if name in known else node.module for name in names}
        elif isinstance(node, ast.Import):
            names_imported |= {alias.name for alias in node.names}
    return names_imported & known.keys()


def test_no_two_modules_import_each_other() -> None:
    known = modules()
    graph = {name: imported(path, known) - {name} for name, path in known.items()}

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" > ".join(error.args[1])) from error
    assert len(graph) > 150
