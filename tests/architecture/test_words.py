"""The code stays readable: short modules and functions, and names that say what they name."""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

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


Check = Callable[[ast.Module], list[str]]


def show(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def violations(paths: Iterable[Path], check: Check) -> dict[str, list[str]]:
    """Returns what a check reports, by module."""
    reports = {show(path): check(parse(path)) for path in paths}
    return {path: report for path, report in reports.items() if report}


def test_a_module_says_what_it_contains() -> None:
    def undocumented(tree: ast.Module) -> list[str]:
        functions = [each.name for each in public_functions(tree) if not ast.get_docstring(each)]
        return functions if ast.get_docstring(tree) else ["the module", *functions]

    assert violations(MODULES, undocumented) == {}
    assert [show(path) for path in MODULES if path.stem in VAGUE_MODULES] == []


def test_a_module_has_at_most_300_lines() -> None:
    lengths = {show(path): len(path.read_text().splitlines()) for path in [*MODULES, *OTHERS]}

    assert {path: length for path, length in lengths.items() if length > 300} == {}


def test_a_function_has_at_most_40_lines() -> None:
    def too_long(tree: ast.Module) -> list[str]:
        return [
            function.name
            for function in functions(tree)
            if (function.end_lineno or 0) - function.lineno + 1 > 40
        ]

    assert violations(MODULES, too_long) == {}


def test_a_name_that_says_nothing_lives_for_three_lines_at_most() -> None:
    def too_long(tree: ast.Module) -> list[str]:
        return [
            f"{name} in lines {first} to {last}"
            for name, first, last in lifetimes(tree)
            if name in VAGUE_VARIABLES and last - first >= MAX_LINES
        ]

    assert violations([*MODULES, *OTHERS], too_long) == {}


def test_no_name_contains_a_banned_word() -> None:
    def banned(tree: ast.Module) -> list[str]:
        return [
            f"{name} in line {line}"
            for name, line in defined_names(tree)
            if BANNED_WORDS & set(name.lower().split("_"))
        ]

    assert violations(MODULES, banned) == {}


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
