"""Tokens of SQL text, each with its depth in parentheses.

Not a parser: templates have placeholders (`$presence`) that no SQL parser accepts. A comment
is one token, and so is a string literal.
"""

import re

import attrs

_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*)|(?P<text>'(?:[^']|'')*')|(?P<name>\$?[A-Za-z_][\w$]*|\"[^\"]*\")"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<operator><>|!=|<=|>=|<<|>>|\|\||::|=>|->>|->|[-+*/<>=%])"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<other>[,;:.?])"
)


@attrs.frozen
class Token:
    """A token with its position and the number of open parentheses before it."""

    kind: str
    text: str
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        """The text in upper case, since keywords are compared so."""
        return self.text.upper()


def tokens_of(source: str) -> list[Token]:
    """Returns the tokens of an SQL text, without its comments."""
    tokens: list[Token] = []
    depth = 0
    for match in _TOKEN.finditer(source):
        kind = match.lastgroup or ""
        if kind == "comment":
            continue
        depth -= kind == "close"
        tokens.append(Token(kind, match[0], match.start(), match.end(), depth))
        depth += kind == "open"
    return tokens
