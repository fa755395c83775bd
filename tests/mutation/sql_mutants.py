"""Mutants of SQL: templates and projections, changed token by token.

Each rule examines one token and its neighbours. Header lines of a projection that name a column
(`--   name  /pointer  cast`) are mutated, too: they are code.
"""

import re
from collections.abc import Iterator, Sequence

from tests.mutation.mutant import Mutant
from tests.mutation.sql_tokens import Token, tokens_of

_COLUMN = re.compile(r"^--\s+(?P<name>\w+)\s+(?P<pointer>/\S*)\s+(?P<cast>\w+)\s*$", re.MULTILINE)
_SWAPS = {
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    ">": (">=", "<"),
    ">=": (">", "<="),
    "=": ("<>",),
    "<>": ("=",),
    "!=": ("=",),
    "+": ("-",),
    "-": ("+",),
    "/": ("*",),
    "*": ("/",),
    "<<": (">>",),
}
_WORDS = {
    "MIN": ("max",),
    "MAX": ("min",),
    "ARG_MAX": ("arg_min",),
    "ARG_MIN": ("arg_max",),
    "LAG": ("lead",),
    "LEAD": ("lag",),
    "FIRST_VALUE": ("last_value",),
    "LAST_VALUE": ("first_value",),
    "LIST_MIN": ("list_max",),
    "LIST_MAX": ("list_min",),
    "BOOL_OR": ("bool_and",),
    "BOOL_AND": ("bool_or",),
    "TRUE": ("false",),
    "FALSE": ("true",),
    "AND": ("OR",),
    "OR": ("AND",),
    "DESC": ("ASC",),
    "ASC": ("DESC",),
    "SEMI": ("ANTI",),
    "ANTI": ("SEMI",),
    "PRECEDING": ("FOLLOWING",),
    "FOLLOWING": ("PRECEDING",),
}
_ENDS = {
    *("WHERE", "GROUP", "ORDER", "HAVING", "QUALIFY", "WINDOW", "LIMIT", "UNION", "SELECT"),
    *("JOIN", "LEFT", "INNER", "SEMI", "ANTI", "ASOF", "FROM", "THEN", "ELSE", "END", "WHEN"),
    *("ROWS", "RANGE", "ON"),
}


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Returns every mutant of an SQL file, in the order of their positions."""
    tokens = tokens_of(source)
    changes = list(_header(source))
    for at in range(len(tokens)):
        for rule in _RULES:
            changes += [(rule.__name__.strip("_"), *change) for change in rule(tokens, at)]
    return [
        Mutant(path, source.count("\n", 0, start) + 1, rule, start, end, new)
        for rule, start, end, new in sorted(changes, key=lambda change: change[1])
        if source[start:end] != new
    ]


Change = tuple[int, int, str]


def _header(source: str) -> Iterator[tuple[str, int, int, str]]:
    for match in _COLUMN.finditer(source):
        pointer = match["pointer"]
        yield ("column_pointer", match.start("pointer"), match.end("pointer"), pointer + "x")
        if match["cast"] not in ("text", "json"):
            yield ("column_cast", match.start("cast"), match.end("cast"), "text")


def _operator(tokens: Sequence[Token], at: int) -> Iterator[Change]:
    token = tokens[at]
    if token.kind != "operator" or (token.text == "*" and not _is_product(tokens, at)):
        return
    for new in _SWAPS.get(token.text, ()):
        yield token.start, token.end, new


def _is_product(tokens: Sequence[Token], at: int) -> bool:
    before = tokens[at - 1] if at else None
    return before is not None and (
        before.kind in ("number", "close")
        or (before.kind == "name" and before.word not in {"SELECT", "DISTINCT", "ALL"})
    )


def _word(tokens: Sequence[Token], at: int) -> Iterator[Change]:
    token = tokens[at]
    if token.kind != "name" or (token.word == "AND" and _is_between(tokens, at)):
        return
    if tokens[at + 1 : at + 2] and tokens[at + 1].word != "REPLACE":
        for new in _WORDS.get(token.word, ()):
            yield token.start, token.end, new


def _number(tokens: Sequence[Token], at: int) -> Iterator[Change]:
    token = tokens[at]
    if token.kind == "number" and "." not in token.text:
        yield token.start, token.end, str(int(token.text) + 1)
        if token.text != "0":
            yield token.start, token.end, str(2 * int(token.text) + 1)


def _text(tokens: Sequence[Token], at: int) -> Iterator[Change]:
    token = tokens[at]
    if token.kind == "text" and " " not in token.text and len(token.text) > 2:
        yield token.start, token.end, f"{token.text[:-1]}x'"


def _distinct(tokens: Sequence[Token], at: int) -> Iterator[Change]:
    token = tokens[at]
    if token.word == "DISTINCT" and tokens[at - 1].word not in ("IS", "NOT"):
        yield token.start, token.end, ""
    if token.word == "UNION":
        if tokens[at + 1].word == "ALL":
            yield tokens[at + 1].start, tokens[at + 1].end, ""
        else:
            yield token.end, token.end, " ALL"


def _null(tokens: Sequence[Token], at: int) -> Iterator[Change]:
    """NULL handling: IS NOT NULL, IS DISTINCT FROM, coalesce, NULLS FIRST."""
    token = tokens[at]
    if token.word == "IS" and at + 1 < len(tokens):
        if tokens[at + 1].word == "NOT":
            yield tokens[at + 1].start, tokens[at + 1].end, ""
        else:
            yield token.end, token.end, " NOT"
        words = [each.word for each in tokens[at + 1 : at + 4]]
        if words[:2] == ["DISTINCT", "FROM"]:
            yield token.start, tokens[at + 2].end, "<>"
        if words[:3] == ["NOT", "DISTINCT", "FROM"]:
            yield token.start, tokens[at + 3].end, "="
    if token.word == "COALESCE" and (last := _last_argument(tokens, at)):
        yield last[0], last[1], ""
    if token.word == "NULLS":
        other = "LAST" if tokens[at + 1].word == "FIRST" else "FIRST"
        yield tokens[at + 1].start, tokens[at + 1].end, other


def _negation(tokens: Sequence[Token], at: int) -> Iterator[Change]:
    if tokens[at].word == "NOT" and tokens[at - 1].word != "IS":
        yield tokens[at].start, tokens[at].end, ""


def _conjunct(tokens: Sequence[Token], at: int) -> Iterator[Change]:
    """`a AND b` -> `a`; `WHERE a AND b` -> `WHERE b`."""
    token = tokens[at]
    if (
        token.word in ("AND", "OR")
        and not _is_between(tokens, at)
        and tokens[at + 1].word != "REPLACE"
    ):
        stop = _end_of_condition(tokens, at)
        yield token.start, tokens[stop - 1].end, ""
    if token.word in ("WHERE", "ON", "HAVING", "QUALIFY"):
        stop = _end_of_condition(tokens, at)
        if stop < len(tokens) and tokens[stop].word == "AND":
            yield tokens[at + 1].start, tokens[stop].end, ""
        elif token.word != "ON":
            yield token.start, tokens[stop - 1].end, ""


def _end_of_condition(tokens: Sequence[Token], at: int) -> int:
    """Returns the index after the condition that begins after `at`."""
    depth = tokens[at].depth
    stop = at + 1
    while stop < len(tokens):
        each = tokens[stop]
        if each.depth < depth or (
            each.depth == depth and (each.text in (",", ";") or _ends(tokens, stop))
        ):
            break
        stop += 1
    return stop


def _ends(tokens: Sequence[Token], at: int) -> bool:
    each = tokens[at]
    return each.word in _ENDS or (each.word in ("AND", "OR") and not _is_between(tokens, at))


def _order(tokens: Sequence[Token], at: int) -> Iterator[Change]:
    """The direction of an ordering, and its last tie-break."""
    if [token.word for token in tokens[at : at + 2]] != ["ORDER", "BY"]:
        return
    depth = tokens[at].depth
    stop, comma, last = at + 2, None, at + 2
    while stop < len(tokens) and tokens[stop].depth >= depth:
        token = tokens[stop]
        if token.depth == depth and (token.word in _ENDS or token.text == ";"):
            break
        if token.depth == depth and token.text == ",":
            comma, last = stop, stop + 1
        stop += 1
    if comma is not None:
        yield tokens[comma].start, tokens[stop - 1].end, ""
    if tokens[stop - 1].word not in ("DESC", "ASC") and last < stop:
        yield tokens[stop - 1].end, tokens[stop - 1].end, " DESC"


def _join(tokens: Sequence[Token], at: int) -> Iterator[Change]:
    token = tokens[at]
    if token.word == "LEFT" and at + 1 < len(tokens) and tokens[at + 1].word == "JOIN":
        yield token.start, token.end, ""
    if token.word == "JOIN" and tokens[at - 1].word not in {
        "LEFT",
        "SEMI",
        "ANTI",
        "ASOF",
        "INNER",
    }:
        yield token.start, token.end, "LEFT JOIN"


def _partition(tokens: Sequence[Token], at: int) -> Iterator[Change]:
    """The last column of PARTITION BY."""
    if [token.word for token in tokens[at : at + 2]] != ["PARTITION", "BY"]:
        return
    stop, comma = at + 2, None
    depth = tokens[at].depth
    while stop < len(tokens) and tokens[stop].depth >= depth:
        token = tokens[stop]
        if token.depth == depth and token.word in _ENDS:
            break
        if token.depth == depth and token.text == ",":
            comma = stop
        stop += 1
    if comma is not None:
        yield tokens[comma].start, tokens[stop - 1].end, ""


def _is_between(tokens: Sequence[Token], at: int) -> bool:
    depth = tokens[at].depth
    for token in reversed(tokens[:at]):
        if token.depth < depth or token.word in ("AND", "OR", "WHERE", "ON"):
            return False
        if token.depth == depth and token.word == "BETWEEN":
            return True
    return False


def _last_argument(tokens: Sequence[Token], at: int) -> tuple[int, int] | None:
    """The span of the comma and the last argument of a call."""
    depth = tokens[at].depth
    comma = None
    for token in tokens[at + 2 :]:
        if token.depth == depth and token.kind == "close":
            return None if comma is None else (comma, token.start)
        if token.depth == depth + 1 and token.text == ",":
            comma = token.start
    return None


_RULES = (
    *(_operator, _word, _number, _text, _distinct, _null, _negation),
    *(_conjunct, _order, _join, _partition),
)
