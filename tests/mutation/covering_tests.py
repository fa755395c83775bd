"""Finds the tests that execute a line, from coverage data with one context per test.

    .mutants/coverage        coverage data, contexts `test id|phase`
    .mutants/tests/*.json    seconds and shared fixtures of each test (`recording.py`)

If the setup of a shared fixture (module, session) executed a line, all tests that use the fixture
count. A line executed during import (a constant, a signature, a decorator) counts as executed
by all tests of the module, by those of every file that names the module, and by those of the
generated reference. A line of SQL counts as executed by the tests of the Python lines that name
its file; a line of a projection by the tests of the code that reads `definition.select`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import coverage
import orjson

from tests.mutation.mutant import Mutant

_REFERENCE = ("tests/cli/test_reference.py", "tests/cli/test_views_reference.py")
_PHASE = re.compile(r"\|(setup|run|teardown)$")


@attrs.frozen
class Suite:
    """The recorded data about the tests."""

    lines: Mapping[str, Mapping[int, frozenset[str]]]
    """Contexts by file (relative) and line."""
    seconds: Mapping[str, float]
    sharing: Mapping[str, frozenset[str]]
    """Test to the tests that share a fixture with it."""
    texts: Mapping[str, str]
    """Sources of the test files, by path relative to the root."""
    sources: Mapping[str, str]
    """Sources of the projector's modules, by path relative to the root."""


def load(root: Path, folder: Path) -> Suite:
    """Returns the suite that was recorded in a folder."""
    data = coverage.CoverageData(basename=str(folder / "coverage"))
    data.read()
    lines = {
        str(Path(name).relative_to(root)): {
            line: frozenset(contexts) for line, contexts in data.contexts_by_lineno(name).items()
        }
        for name in data.measured_files()
    }
    tests: dict[str, dict[str, object]] = {}
    for file in sorted((folder / "tests").glob("*.json")):
        tests |= orjson.loads(file.read_bytes())
    by_fixture: dict[str, set[str]] = defaultdict(set)
    for test, record in tests.items():
        for fixture in _names(record["shared"]):
            by_fixture[fixture].add(test)
    return Suite(
        lines=lines,
        seconds={test: float(str(record["seconds"])) for test, record in tests.items()},
        sharing={
            test: frozenset().union(*(by_fixture[f] for f in _names(record["shared"])))
            for test, record in tests.items()
        },
        texts={str(p.relative_to(root)): p.read_text() for p in root.glob("tests/**/*.py")},
        sources={str(p.relative_to(root)): p.read_text() for p in root.glob("projector/**/*.py")},
    )


def _names(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def covering_tests(suite: Suite, mutant: Mutant) -> list[str]:
    """Returns the tests that execute the changed line, by file, the likeliest to fail first."""
    contexts, is_import = _contexts(suite, mutant)
    direct = {_PHASE.sub("", name) for name in contexts} & suite.seconds.keys()
    shared = {
        other
        for name in contexts
        if name.endswith("|setup")
        for other in suite.sharing.get(name.removesuffix("|setup"), ())
    }
    named = _naming(suite, mutant) if is_import else set()
    return _ordered(suite, mutant, direct | shared | named)


def _naming(suite: Suite, mutant: Mutant) -> set[str]:
    """Returns the tests of files that name the module, and those of the generated reference."""
    words = _words(mutant)
    files = {file for file, text in suite.texts.items() if _affinity(file, text, mutant, words) > 1}
    files.update(_REFERENCE)
    return {test for test in suite.seconds if test.partition("::")[0] in files}


def _contexts(suite: Suite, mutant: Mutant) -> tuple[frozenset[str], bool]:
    """Returns the contexts of the line, and whether it is executed during import."""
    if not mutant.path.endswith(".sql"):
        lines = suite.lines.get(mutant.path, {})
        return _python(lines, mutant.line), "" in _executed(lines, mutant.line)
    named = re.compile(rf"""["']{re.escape(Path(mutant.path).stem)}(\.sql)?["']""")
    if "/projections/" in mutant.path:
        named = re.compile(r"\.select\b")
    contexts = (
        _python(suite.lines.get(path, {}), number)
        for path, text in suite.sources.items()
        for number, line in enumerate(text.splitlines(), 1)
        if named.search(line)
    )
    return frozenset().union(*contexts), False


def _python(lines: Mapping[int, frozenset[str]], line: int) -> frozenset[str]:
    contexts = _executed(lines, line)
    return contexts if contexts and "" not in contexts else frozenset().union(*lines.values())


def _executed(lines: Mapping[int, frozenset[str]], line: int) -> frozenset[str]:
    """Returns the contexts of the statement that contains a line."""
    before = (lines[n] for n in range(line, max(line - 40, 0), -1) if lines.get(n))
    return next(before, frozenset())


def _ordered(suite: Suite, mutant: Mutant, tests: Iterable[str]) -> list[str]:
    files: dict[str, list[str]] = defaultdict(list)
    for test in sorted(tests):
        files[test.partition("::")[0]].append(test)
    words = _words(mutant)

    def rank(file: str) -> tuple[int, float]:
        seconds = sum(suite.seconds[test] for test in files[file])
        return -_affinity(file, suite.texts.get(file, ""), mutant, words), seconds

    return [test for file in sorted(files, key=rank) for test in files[file]]


def _words(mutant: Mutant) -> Sequence[str]:
    path = Path(mutant.path)
    if "/projections/" in mutant.path:
        return (f"{path.parent.name}.{path.stem}", f'"{path.stem}"')
    if mutant.path.endswith(".sql"):
        return (path.stem,)
    return (".".join(path.with_suffix("").parts),)


def _affinity(file: str, text: str, mutant: Mutant, words: Sequence[str]) -> int:
    same_name = Path(file).stem == f"test_{Path(mutant.path).stem}"
    same_package = f"tests/{Path(mutant.path).parts[0]}/" in file
    return 4 * same_name + 2 * any(word in text for word in words) + same_package
