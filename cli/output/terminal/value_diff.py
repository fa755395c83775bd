"""How a value changed, for people: on one line, or as a difference of words or lines.

    ~ /pricing/prompt  "0.25" → "0.5"  +100 %
    + /context_length  128000
    - /old             null
    ~ /description
          … the [-old-]{+new+} words …

With colors, removed words are red and added ones green instead of being in brackets. Values are
JSON, with every number as it is spelled. Pure.
"""

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from difflib import SequenceMatcher, unified_diff

from cli.output.cells import cell_width, visible
from cli.output.indented import indent_json

RED, GREEN, YELLOW, DIM, BOLD = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[1m"
SIGNS = {"add": ("+", GREEN), "remove": ("-", RED), "replace": ("~", YELLOW)}

_KEPT_WORDS = 6
"""Unchanged words shown before and after a change."""
_MOST_WORDS = 3000
"""Words above which two texts are shown whole: comparing them would take too long."""
_WORD = re.compile(r"\s+|[^\s]+")


def styled(text: str, style: str, color: bool) -> str:
    """Returns text in a style that ends after it; unchanged without colors or text."""
    return f"{style}{text}\x1b[0m" if color and text else text


def change_lines(
    path: str, kind: str, old: str | None, new: str | None, width: int, color: bool
) -> Iterator[str]:
    """Yields the lines that show a change of a field. `kind`: `add`, `remove` or `replace`."""
    sign, style = SIGNS[kind]
    head = f"{styled(sign, style, color)} {visible(path or '/')}"
    before, after = visible(old or ""), visible(new or "")
    if kind != "replace":
        yield f"{head}  {styled(after if kind == 'add' else before, style, color)}"
        return
    rate = percent(old, new)
    plain = f"{sign} {visible(path)}  {before} → {after}  {rate}"
    if cell_width(plain) <= width or rate:
        values = f"{styled(before, RED, color)} → {styled(after, GREEN, color)}"
        yield f"{head}  {values}  {styled(rate, DIM, color)}".rstrip()
        return
    yield head
    if max(cell_width(before), cell_width(after)) <= width - 8:
        yield f"      {styled('- ' + before, RED, color)}"
        yield f"      {styled('+ ' + after, GREEN, color)}"
        return
    yield from _long_difference(old or "", new or "", color)


def percent(old: str | None, new: str | None) -> str:
    """Returns by how much a number changed; empty if one is no number, or the old one is zero.

    Prices are often texts, so a text that is a number counts as one.
    """
    before, after = _number(old), _number(new)
    if before is None or after is None or before == 0:
        return ""
    rate = (after - before) / abs(before) * 100
    if abs(rate) < Decimal("0.05"):
        return "±0 %" if rate == 0 else f"{'+' if rate > 0 else '-'}<0.1 %"
    is_coarse = abs(rate) >= 10 and not 99 < abs(rate) < 100
    return f"{rate:+.0f} %" if is_coarse else f"{rate:+.1f} %"


def _number(text: str | None) -> Decimal | None:
    try:
        number = Decimal((text or "").strip('"'))
    except InvalidOperation:
        return None
    # a change by more than that is no rate that says anything
    return number if number.is_finite() and abs(number.adjusted()) < 100 else None


def _long_difference(old: str, new: str, color: bool) -> Iterator[str]:
    if old.startswith('"') and new.startswith('"'):
        before, after = (_WORD.findall(json.loads(text, strict=False)) for text in (old, new))
        if max(len(before), len(after)) <= _MOST_WORDS:
            text = "".join(_word_difference(before, after, color))
            yield from (f"      {line}" for line in text.split("\n"))
            return
    old_lines, new_lines = (indent_json(text).split("\n") for text in (old, new))
    if max(len(old_lines), len(new_lines)) > _MOST_WORDS:
        old_lines, new_lines = [old], [new]
    styles = {"+": GREEN, "-": RED, "@": DIM}
    for line in [*unified_diff(old_lines, new_lines, n=2, lineterm="")][2:]:
        shown = visible(line)
        yield f"      {styled(shown, styles.get(line[0], ''), color and line[0] in styles)}"


def _word_difference(old: Sequence[str], new: Sequence[str], color: bool) -> Iterator[str]:
    """Yields the pieces of a text with the words that were removed and added."""
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for number, (tag, i, j, k, m) in enumerate(blocks):
        if tag == "equal":
            yield visible(_shortened(old[i:j], number == 0, number == len(blocks) - 1), keep="\n")
            continue
        for words, style, left, right in (
            (old[i:j], RED, "[-", "-]"),
            (new[k:m], GREEN, "{+", "+}"),
        ):
            text = visible("".join(words), keep="\n")
            if text:
                yield styled(text, style, True) if color else f"{left}{text}{right}"


def _shortened(words: Sequence[str], is_first: bool, is_last: bool) -> str:
    """Returns unchanged words without those that are far from a change."""
    kept = 2 * _KEPT_WORDS  # with the spaces between them
    before = [] if is_first else list(words[:kept])
    after = [] if is_last else list(words[-kept:])
    if len(words) <= len(before) + len(after) + 2:
        return "".join(words)
    return "".join((*before, "… " if is_first else " …" if is_last else " … ", *after))
