"""The report of a run: figures per package, and every survivor with its position and its diff."""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.mutation.mutant import Mutant, changed_text, diff
from tests.mutation.trial import KILLED, TIMEOUT, TYPES, Outcome

EQUIVALENT = "equivalent"
"""A survivor that cannot change behaviour; the reason is written down."""
NOTICED = (KILLED, TIMEOUT, TYPES)

Key = tuple[str, str, str]
"""Path, changed lines before, changed lines after."""


def load_equivalent(file: Path) -> Mapping[Key, str]:
    """Returns the reason per equivalent mutant, from a file of `[[mutant]]` tables.

    Each table has the keys path, old, new and reason.
    """
    tables = tomllib.loads(file.read_text()).get("mutant", [])
    return {(each["path"], each["old"], each["new"]): each["reason"] for each in tables}


def key_of(root: Path, mutant: Mutant) -> Key:
    """Returns a key of a mutant that does not depend on line numbers."""
    return mutant.path, *changed_text((root / mutant.path).read_text(), mutant)


def text(root: Path, outcomes: Sequence[Outcome], title: str) -> str:
    """Returns the report in Markdown."""
    parts = [f"# Mutants: {title}\n", _table(outcomes)]
    survivors = [outcome for outcome in outcomes if outcome.result not in (*NOTICED, EQUIVALENT)]
    parts.append(f"## Survivors ({len(survivors)})\n")
    parts += [_survivor(root, outcome) for outcome in survivors]
    parts.append("## All\n")
    parts += [
        f"- {outcome.result}: {place(outcome.mutant)} by {outcome.by}" for outcome in outcomes
    ]
    return "\n".join(parts) + "\n"


def score(outcomes: Sequence[Outcome]) -> float:
    """Returns the share of detected mutants among those that can change behaviour."""
    counted = [each for each in outcomes if each.result != EQUIVALENT]
    return sum(each.result in NOTICED for each in counted) / max(len(counted), 1)


def _table(outcomes: Sequence[Outcome]) -> str:
    lines = ["| part | mutants | noticed | equivalent | survived |", "|---|--:|--:|--:|--:|"]
    groups: dict[str, Counter[str]] = {}
    for each in outcomes:
        path = Path(each.mutant.path)
        groups.setdefault(f"{path.parts[0]} {path.suffix[1:]}", Counter())[each.result] += 1
    groups = dict(sorted(groups.items()))
    groups["all"] = sum(groups.values(), Counter())
    for name, counts in groups.items():
        noticed = sum(counts[result] for result in NOTICED)
        left = counts.total() - noticed - counts[EQUIVALENT]
        lines.append(f"| {name} | {counts.total()} | {noticed} | {counts[EQUIVALENT]} | {left} |")
    return "\n".join([*lines, "", f"Score: {100 * score(outcomes):.1f} %", ""])


def _survivor(root: Path, outcome: Outcome) -> str:
    mutant = outcome.mutant
    source = (root / mutant.path).read_text()
    old, new = changed_text(source, mutant)
    return "\n".join(
        [
            f"### {place(mutant)}: {outcome.result}, {outcome.by}\n",
            f"```diff\n{diff(source, mutant)}\n```",
            "<!-- for equivalent.toml",
            f"[[mutant]]\npath = {_toml(mutant.path)}\nold = {_toml(old)}\nnew = {_toml(new)}",
            'reason = ""\n-->\n',
        ]
    )


def _toml(text: str) -> str:
    if "'" not in text:
        return f"'{text}'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def place(mutant: Mutant) -> str:
    """Returns file, line and rule of a mutant."""
    return f"{mutant.path}:{mutant.line} {mutant.rule}"
