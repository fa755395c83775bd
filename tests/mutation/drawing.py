"""Chooses the mutants to try: a random sample, or those of the lines that a branch changed."""

import random
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.mutation import python_mutants, sql_mutants
from tests.mutation.mutant import Mutant

PACKAGES = ("eventlog", "fetcher", "projector", "cli", "server")
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")


def files(root: Path, packages: Sequence[str] = PACKAGES) -> list[str]:
    """Returns the files that can be mutated, relative to the root."""
    return sorted(
        str(path.relative_to(root))
        for package in packages
        for path in (root / package).rglob("*")
        if path.suffix in (".py", ".sql")
    )


def mutants_of(root: Path, path: str) -> list[Mutant]:
    """Returns every mutant of a file."""
    source = (root / path).read_text()
    rules = python_mutants if path.endswith(".py") else sql_mutants
    return rules.mutants_of(path, source)


def sample(root: Path, paths: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """Returns a random sample, distributed over packages and languages by their number of lines.

    Draws a file, weighted by its size, then one of its lines, then a rule, then a mutant: lines
    and rules with many mutants have no greater weight than others. Draws no line twice.
    """
    chance = random.Random(seed)
    sizes = {path: _lines_of_code((root / path).read_text()) for path in paths}
    strata: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        strata.setdefault((Path(path).parts[0], Path(path).suffix), []).append(path)
    mutants: dict[str, list[Mutant]] = {}
    drawn: list[Mutant] = []
    for stratum, wanted in _shares(strata, sizes, count).items():
        group = [path for path in strata[stratum] if sizes[path]]
        weights = [sizes[path] for path in group]
        taken: set[tuple[str, int]] = set()
        for _ in range(50 * wanted):
            if len(taken) == wanted:
                break
            path = chance.choices(group, weights)[0]
            if path not in mutants:
                mutants[path] = mutants_of(root, path)
            mutant = _one(chance, root, mutants[path], taken)
            if mutant is not None:
                taken.add((mutant.path, mutant.line))
                drawn.append(mutant)
    return drawn


def since(root: Path, paths: Iterable[str], revision: str) -> list[Mutant]:
    """Returns every mutant of the lines in the working tree that differ from a revision."""
    mutants: list[Mutant] = []
    for path in paths:
        lines = _changed_lines(root, path, revision)
        if lines:
            mutants += [mutant for mutant in mutants_of(root, path) if mutant.line in lines]
    return [mutant for mutant in mutants if _compiles(root, mutant)]


def thinned(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """Returns a random selection of at most `count` mutants, in their order."""
    if len(mutants) <= count:
        return list(mutants)
    kept = sorted(random.Random(seed).sample(range(len(mutants)), count))
    return [mutants[n] for n in kept]


def _shares(
    strata: dict[tuple[str, str], list[str]], sizes: dict[str, int], count: int
) -> dict[tuple[str, str], int]:
    """Returns the number of mutants per stratum, by the largest-remainder method."""
    total = sum(sizes.values())
    exact = {key: count * sum(sizes[path] for path in strata[key]) / total for key in strata}
    shares = {key: int(value) for key, value in exact.items()}
    rest = sorted(exact, key=lambda key: exact[key] - shares[key], reverse=True)
    for key in rest[: count - sum(shares.values())]:
        shares[key] += 1
    return shares


def _one(
    chance: random.Random, root: Path, known: Sequence[Mutant], taken: set[tuple[str, int]]
) -> Mutant | None:
    lines = sorted({mutant.line for mutant in known if (mutant.path, mutant.line) not in taken})
    if not lines:
        return None
    line = chance.choice(lines)
    rules = sorted({mutant.rule for mutant in known if mutant.line == line})
    rule = chance.choice(rules)
    drawn = chance.choice(
        [mutant for mutant in known if mutant.line == line and mutant.rule == rule]
    )
    return drawn if _compiles(root, drawn) else None


def _compiles(root: Path, mutant: Mutant) -> bool:
    if mutant.path.endswith(".sql"):
        return True
    return python_mutants.compiles((root / mutant.path).read_text(), mutant)


def _lines_of_code(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip() and line.strip()[:1] not in "#-\"'")


def _changed_lines(root: Path, path: str, revision: str) -> set[int]:
    command = ["git", "diff", "-U0", "--no-color", revision, "--", path]
    text = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    lines: set[int] = set()
    for match in filter(None, map(_HUNK.match, text.splitlines())):
        first, size = int(match[1]), int(match[2] or 1)
        lines |= set(range(first, first + size))
    return lines
