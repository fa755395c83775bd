"""The code stays readable: short modules and functions, and names that say what they name."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from tests.architecture.names import (
    defined_names,
    functions,
    lifetimes,
    public_functions,
    public_types,
)

ROOT = Path(__file__).parents[2]
PACKAGES = ("eventlog", "projector", "fetcher", "cli")
MODULES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
OTHERS = sorted(path for name in ("tests", "bench") for path in (ROOT / name).rglob("*.py"))
VAGUE_MODULES = {"utils", "util", "common", "helpers", "core", "base", "manager", "misc"}
VAGUE_VARIABLES = {"told", "found", "held", "each", "it", "what", "one", "mine"}
"""Names that a variable may have for three lines at most."""
MAX_LINES = 3
BANNED_WORDS = {
    *("told", "tell", "tells", "hear", "hears", "heard", "aside", "glimpse", "glimpses"),
    *("errand", "errands", "leads", "mine", "mistaken"),
}
"""Metaphors that no function, parameter, type or attribute has in its name."""
REPEATING = (ROOT / "cli" / "commands", ROOT / "fetcher" / "simulator")
"""Folders whose modules are alike, and may define functions and types of the same name."""


def show(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.mark.parametrize("path", MODULES, ids=show)
def test_a_module_says_what_it_contains(path: Path) -> None:
    tree = parse(path)

    assert path.stem not in VAGUE_MODULES
    assert ast.get_docstring(tree), "no docstring"
    undocumented = [each.name for each in public_functions(tree) if not ast.get_docstring(each)]
    assert undocumented == []


@pytest.mark.parametrize("path", [*MODULES, *OTHERS], ids=show)
def test_a_module_has_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", MODULES, ids=show)
def test_a_function_has_at_most_40_lines(path: Path) -> None:
    lengths = {
        function.name: (function.end_lineno or 0) - function.lineno + 1
        for function in functions(parse(path))
    }

    assert {name: length for name, length in lengths.items() if length > 40} == {}


@pytest.mark.parametrize("path", [*MODULES, *OTHERS], ids=show)
def test_a_name_that_says_nothing_lives_for_three_lines_at_most(path: Path) -> None:
    too_long = [
        f"{name} in lines {first} to {last}"
        for name, first, last in lifetimes(parse(path))
        if name in VAGUE_VARIABLES and last - first >= MAX_LINES
    ]

    assert too_long == []


@pytest.mark.parametrize("path", MODULES, ids=show)
def test_no_name_contains_a_banned_word(path: Path) -> None:
    banned = [
        f"{name} in line {line}"
        for name, line in defined_names(parse(path))
        if BANNED_WORDS & set(name.lower().split("_"))
    ]

    assert banned == []


def test_a_public_name_has_one_meaning() -> None:
    places = defaultdict(list)
    for path in MODULES:
        if any(folder in path.parents for folder in REPEATING):
            continue
        tree = parse(path)
        for name in (*public_types(tree), *(each.name for each in public_functions(tree))):
            places[name].append(show(path))

    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


CODE = """
def load(path, told):
    found = path
    each = 1
    return [
        found,

        lambda held: held,
    ]

class Kept:
    aside: int
Alias = int
"""


def test_the_lifetime_of_a_name_ends_with_its_last_use() -> None:
    lives = {(name, last - first) for name, first, last in lifetimes(ast.parse(CODE))}

    assert {("found", 3), ("each", 0), ("held", 0), ("path", 1), ("told", 0)} <= lives


def test_names_are_those_that_a_module_defines() -> None:
    tree = ast.parse(CODE)

    assert {name for name, _ in defined_names(tree)} == {
        *("load", "path", "told", "held", "Kept", "aside"),
    }
    assert list(public_types(tree)) == ["Kept", "Alias"]
    assert [each.name for each in functions(tree)] == ["load"]
