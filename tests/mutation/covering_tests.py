"""Which tests execute a line: from coverage data with one context for each test.

    .mutants/coverage        coverage data, contexts `test id|phase`
    .mutants/tests/*.json    seconds and shared fixtures of each test (`recording.py`)

A test that shares a fixture (module, session) with the test in whose setup the line ran is
counted, too. A line that ran during import (a constant, a signature) counts as executed by all
tests of the module. A line of SQL is executed by the tests of the Python lines that name its
file; a projection by the tests of the code that reads `definition.select`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import coverage
import orjson

from tests.mutation.mutant import Mutant

_PHASE = re.compile(r"\|(setup|run|teardown)$")


@attrs.frozen
class Suite:
    """What is known about the tests."""

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
    """The suite as it was recorded in a folder."""
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
    """Tests that execute the changed line, the likeliest to notice first, file by file."""
    contexts = set(_contexts(suite, mutant))
    direct = {_PHASE.sub("", name) for name in contexts} & suite.seconds.keys()
    shared = {
        other
        for name in contexts
        if name.endswith("|setup")
        for other in suite.sharing.get(name.removesuffix("|setup"), ())
    }
    return _ordered(suite, mutant, direct | shared)


def _contexts(suite: Suite, mutant: Mutant) -> Iterable[str]:
    if not mutant.path.endswith(".sql"):
        return _python(suite.lines.get(mutant.path, {}), mutant.line)
    named = re.compile(rf"""["']{re.escape(Path(mutant.path).stem)}(\.sql)?["']""")
    if "/projections/" in mutant.path:
        named = re.compile(r"\.select\b")
    return frozenset().union(
        *(
            _python(suite.lines.get(path, {}), number)
            for path, text in suite.sources.items()
            for number, line in enumerate(text.splitlines(), 1)
            if named.search(line)
        )
    )


def _python(lines: Mapping[int, frozenset[str]], line: int) -> frozenset[str]:
    """Contexts of a line; of the statement it belongs to, if it is a later line of one."""
    executed = next((n for n in range(line, max(line - 40, 0), -1) if lines.get(n)), None)
    contexts = frozenset() if executed is None else lines[executed]
    if "" in contexts or not contexts:
        return frozenset().union(*lines.values())
    return contexts


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
