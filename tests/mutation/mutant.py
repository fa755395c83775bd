"""One small change of the program, which a test should detect. Pure."""

import difflib

import attrs


@attrs.frozen
class Mutant:
    """A replacement of one span of one file."""

    path: str
    """Relative to the root of the project."""
    line: int
    """Where the span begins, from 1."""
    rule: str
    """What kind of change it is."""
    start: int
    """First character of the span."""
    end: int
    """Character after the last of the span."""
    new: str


def apply(source: str, mutant: Mutant) -> str:
    """Returns the text of the file with the change."""
    return source[: mutant.start] + mutant.new + source[mutant.end :]


def diff(source: str, mutant: Mutant) -> str:
    """Returns the change as a unified diff without context."""
    lines = difflib.unified_diff(
        source.splitlines(), apply(source, mutant).splitlines(), lineterm="", n=0
    )
    return "\n".join(list(lines)[3:])


def changed_text(source: str, mutant: Mutant) -> tuple[str, str]:
    """Returns the changed lines before and after, with normalized white space.

    Identifies the change even if lines are added or removed elsewhere in the file."""
    body = diff(source, mutant).splitlines()
    old = " ".join(line[1:].strip() for line in body if line.startswith("-"))
    new = " ".join(line[1:].strip() for line in body if line.startswith("+"))
    return old, new
