"""SQL templates: reads them from files and fills in names and literals. Pure but for the reading.

Only trusted text is filled in: columns of definitions, names from the file system that match a
strict pattern, and quoted literals. Values that users enter are always bound as parameters.
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
    return Template(_COMMENT.sub("", template_text(name)).strip())


def fill(template: str, /, **parts: str) -> str:
    """Returns the SQL of a template, without comments, with every placeholder filled.

    Raises `KeyError` if a placeholder has no part.
    """
    return _template(template).substitute(parts)


@cache
def template_text(name: str) -> str:
    """Returns the unchanged text of a template, which may contain several statements.

    Names are unique across the folders of templates.
    """
    (path,) = _FOLDER.glob(f"*/{name}.sql")
    return path.read_text()


def literal(text: str) -> str:
    """Returns a text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Returns texts as SQL string literals, separated by commas."""
    return ", ".join(literal(text) for text in texts)


def list_literal(texts: Iterable[object]) -> str:
    """Returns texts or paths as an SQL list of string literals."""
    return f"[{literals(map(str, texts))}]"


def identifier(text: str) -> str:
    """Returns a quoted SQL name. Raises `ValueError` if no definition could have this name."""
    if not _IDENTIFIER.fullmatch(text):
        raise ValueError(f"expected a name of [a-z0-9_-], found {text!r}")
    return f'"{text}"'
