"""One small change of the program, which a test should notice. Pure."""

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
    """The file with the change in it."""
    return source[: mutant.start] + mutant.new + source[mutant.end :]


def diff(source: str, mutant: Mutant) -> str:
    """The change as a unified diff without context."""
    lines = difflib.unified_diff(
        source.splitlines(), apply(source, mutant).splitlines(), lineterm="", n=0
    )
    return "\n".join(list(lines)[3:])


def changed_text(source: str, mutant: Mutant) -> tuple[str, str]:
    """The changed lines before and after, white space joined: a name for the change that
    holds when lines are added or removed elsewhere in the file."""
    body = diff(source, mutant).splitlines()
    old = " ".join(line[1:].strip() for line in body if line.startswith("-"))
    new = " ".join(line[1:].strip() for line in body if line.startswith("+"))
    return old, new
