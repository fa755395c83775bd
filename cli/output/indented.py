"""Indented JSON for people: every number as it is spelled, every member kept. Pure.

`json.dumps(json.loads(text))` writes 1e-07 for 0.0000001, 0 for -0, and one of two equal keys.
"""

import json
import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)


def indent_json(text: str) -> str:
    """Returns a JSON text with one member or element per line, indented by two spaces.

    Escapes in strings are decoded. A text that is not JSON is returned unchanged.
    """
    try:
        json.loads(text, strict=False, parse_int=str)
    except (ValueError, RecursionError):
        return text
    tokens = _TOKEN.findall(text)
    pieces: list[str] = []
    depth = 0
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if token in "]}":
            is_empty = pieces[-1] in "[{"
            depth -= 1
            pieces += [token] if is_empty else [_line(depth), token]
        elif token in "[{":
            depth += 1
            pieces += [token] if following in ("]", "}") else [token, _line(depth)]
        elif token == ",":
            pieces += [token, _line(depth)]
        else:
            pieces.append(": " if token == ":" else _readable(token))
    return "".join(pieces)


def _line(depth: int) -> str:
    return "\n" + "  " * depth


def _readable(token: str) -> str:
    """Returns a string without escapes that JSON does not need, any other token unchanged."""
    if not token.startswith('"') or "\\" not in token:
        return token
    return json.dumps(json.loads(token, strict=False), ensure_ascii=False)
