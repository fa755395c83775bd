"""Texts: SQL kept in files, filled with names and literals. Pure.

Only what is code goes in: columns of definitions, names from the file system that a
strict pattern let through, and literals. Values of users are always parameters.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from string import Template

_FOLDER = Path(__file__).parents[1] / "templates"
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_-]*")


@cache
def _template(name: str) -> Template:
    return Template(_COMMENT.sub("", statements(name)).strip())


def fill(template: str, /, **parts: str) -> str:
    """The SQL of a template with every placeholder filled. Raises `KeyError` for one left."""
    return _template(template).substitute(parts)


@cache
def statements(name: str) -> str:
    """A template as it is written, possibly several statements. Each name is unique."""
    (path,) = _FOLDER.glob(f"*/{name}.sql")
    return path.read_text()


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Texts, separated by commas."""
    return ", ".join(literal(text) for text in texts)


def identifier(text: str) -> str:
    """A quoted name. Raises `ValueError` for what no definition can be called."""
    if not _IDENTIFIER.fullmatch(text):
        raise ValueError(f"no name: {text!r}")
    return f'"{text}"'
