"""Macros over views that work whatever name the views file is attached under. Pure.

DuckDB looks up the views that a macro reads when the macro is called, and in the databases of
the caller. So a macro does not name views: it contains the SELECT of each view that it reads,
directly or through other views, as a CTE. (Views need none of this: DuckDB looks up what a view
reads in the database of the view.)
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import attrs
import duckdb

from projector.engine.sql_text import fill
from projector.views.dependencies import referenced_tables
from projector.views.statement import Statement

_MACRO = "(t) AS TABLE\n"
"""What follows the name of a macro of an entity view."""
_AS_OF = "getvariable('as_of')"
_ENDS = (
    *("", ")", ",", ";", "WHERE", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "SEMI"),
    *("ANTI", "ASOF", "NATURAL", "ON", "USING", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT"),
    *("UNION", "EXCEPT", "INTERSECT", "WINDOW", "SELECT"),
)
"""What may follow a table that has no alias."""


@attrs.frozen
class ViewSelect:
    """The SELECT of a view."""

    text: str
    reads_views: bool
    """Whether it may read other views; otherwise it reads files."""


def selects_of(statements: Sequence[Statement]) -> dict[str, ViewSelect]:
    """Returns the SELECT of every view over files that statements create, by `source.view`.

    A view over the macro of an entity view has the body of that macro.
    """
    macros = {each.name: each.definition for each in statements if each.kind == "MACRO"}
    selects = {}
    for statement in statements:
        if statement.kind == "VIEW":
            select = statement.definition.removeprefix(" AS").strip()
            name, _, condition = select.removeprefix("FROM ").partition(f"({_AS_OF})")
            if name in macros:
                body = macros[name].removeprefix(_MACRO)
                body = body.replace(fill("instant", value="t"), fill("instant", value=_AS_OF))
                select = f"FROM ({body}){condition}".rstrip()
            selects[statement.name.replace('"', "").lower()] = ViewSelect(select, False)
    return selects


def with_inlined_views(
    select: str, parameters: Sequence[str], selects: Mapping[str, ViewSelect]
) -> str:
    """Returns a SELECT that reads CTEs instead of the views of `selects`.

    It is returned unchanged if it reads no view, or if a parameter of the macro has the name of
    a column inside a view: DuckDB would take one for the other.
    """
    read = list(dict.fromkeys(_read_views(ViewSelect(select, True), selects)))
    ctes = {name: _with_cte_names(selects[name], selects) for name in read}
    listed = ",\n".join(f'"{name}" AS NOT MATERIALIZED (\n{text}\n)' for name, text in ctes.items())
    is_ambiguous = any(
        re.search(rf"\b{re.escape(parameter)}\b", listed, re.IGNORECASE) for parameter in parameters
    )
    if not read or is_ambiguous:
        return select
    return f"WITH {listed}\nFROM (\n{_with_cte_names(ViewSelect(select, True), selects)}\n)"


def _read_views(select: ViewSelect, selects: Mapping[str, ViewSelect]) -> Iterator[str]:
    """Yields the names of the views that a SELECT reads, each after those that it reads itself."""
    if select.reads_views:
        for name in sorted(referenced_tables((select.text,)).get(select.text, ())):
            if name in selects:
                yield from _read_views(selects[name], selects)
                yield name


@attrs.frozen
class _Word:
    """A token of SQL: bytes [start, end)."""

    text: str
    """The token without quotes, if it is a name."""
    start: int
    end: int


def _words(select: str) -> list[_Word]:
    data = select.encode()  # offsets of tokens are in bytes
    tokens = duckdb.tokenize(select)
    ends = [start for start, _ in tokens[1:]] + [len(data)]
    words = []
    for (start, kind), limit in zip(tokens, ends, strict=True):
        token = data[start:limit].rstrip()
        is_text = kind == duckdb.token_type.string_const and token[:1] == b"'"
        text = token.decode() if is_text else token.decode().strip('"')
        words.append(_Word(text, start, start + len(token)))
    return words


def _with_cte_names(select: ViewSelect, selects: Mapping[str, ViewSelect]) -> str:
    """Returns the text of a SELECT with the names of CTEs instead of the names of views."""
    if not select.reads_views:
        return select.text
    data = select.text.encode()
    words = [*_words(select.text), *[_Word("", len(data), len(data))] * 3]
    parts, position = [], 0
    for schema, dot, view, after in zip(words, words[1:], words[2:], words[3:], strict=False):
        name = f"{schema.text}.{view.text}".lower()
        if dot.text != "." or name not in selects or after.text == "(":
            continue
        is_unnamed = after.text.upper() in _ENDS
        new = view.text if after.text == "." else f'"{name}"' + f" AS {view.text}" * is_unnamed
        parts += [data[position : schema.start].decode(), new]
        position = view.end
    return "".join((*parts, data[position:].decode()))
