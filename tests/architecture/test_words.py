"""The house keeps its shape: no module that ate the rest, no name that says nothing."""

import ast
from pathlib import Path

import pytest

from tests.architecture.names import public_functions

ROOT = Path(__file__).parents[2]
PACKAGES = ("eventlog", "projector", "fetcher", "cli")
MODULES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
NAMES_THAT_SAY_NOTHING = {"utils", "util", "common", "helpers", "core", "base", "manager", "misc"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_and_stays_readable(path: Path) -> None:
    tree = ast.parse(path.read_text())

    assert path.stem not in NAMES_THAT_SAY_NOTHING
    assert ast.get_docstring(tree), "no docstring"
    assert len(path.read_text().splitlines()) <= 400
    for function in public_functions(tree):
        assert ast.get_docstring(function), f"{function.name}: no docstring"
