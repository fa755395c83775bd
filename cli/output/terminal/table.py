"""Tables for a terminal: columns that fit its width, or one record per row.

    fits             aligned columns
    fits if wrapped  long cells are wrapped, only at spaces and into few lines
    else             the columns that may be left out are left out, the least important first
    still not        records: `name  value`, one line each, which the terminal wraps

A word is never broken: an id, a number or a time can be copied in one piece. Columns in which every
cell is empty are left out if the caller allows it. Pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

import attrs

from cli.output.cells import cell_width

HEAD_ROWS = 1000
"""Number of rows from which the columns and their widths are derived."""

_GAP = 2
_PADDED = 200
"""Maximum width of padding in a pipe: one long value must not widen a thousand rows."""
_MOST_LINES = 4
"""Number of lines of a cell above which a row is easier to read as a record."""
_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


@attrs.frozen
class Cell:
    """Text of a value, visible characters only."""

    text: str
    is_right: bool = False
    """Whether the text is aligned to the right, as numbers are."""
    is_dim: bool = False
    """Whether the text stands for something that is not there."""
    is_blank: bool = False
    """Whether the value is missing: null, or nothing to show."""
    is_word: bool = False
    """Whether the text is kept on one line, also if it contains spaces, as a time does."""

    @property
    def words(self) -> list[str]:
        """The parts of the text between which a line may end."""
        return [self.text] if self.is_word else self.text.split(" ")


@attrs.frozen
class Layout:
    """Columns of a table with their widths; no widths: records."""

    columns: tuple[int, ...]
    widths: tuple[int, ...] | None
    left_out: tuple[str, ...] = ()


def lay_out(
    names: Sequence[str],
    head: Sequence[Sequence[Cell]],
    width: int,
    optional: Sequence[str] = (),
    drop_blank: bool = False,
) -> Layout:
    """Returns the layout of rows on a terminal of `width` cells.

    `optional`: columns that may be left out to fit, the least important first.
    """
    every = range(len(names))
    kept = [n for n in every if not drop_blank or any(not row[n].is_blank for row in head)]
    kept = kept or list(every)
    left_out: list[str] = []
    for name in (None, *optional):
        if name is not None:
            if name not in [names[n] for n in kept]:
                continue
            kept = [n for n in kept if names[n] != name]
            left_out.append(name)
        columns = [[Cell(names[n]), *(row[n] for row in head)] for n in kept]
        if (widths := _fitting_widths(columns, width)) is not None:
            return Layout(tuple(kept), widths, tuple(left_out))
    shown = [n for n in every if n in kept or names[n] in left_out]
    return Layout(tuple(shown), None)


def draw(
    names: Sequence[str], rows: Iterable[Sequence[Cell]], layout: Layout, width: int, color: bool
) -> Iterator[str]:
    """Yields the lines of the rows in a layout."""
    if layout.widths is None:
        yield from _records(names, rows, layout, color)
        return
    shown = ([row[n] for n in layout.columns] for row in rows)
    first = list(islice(shown, HEAD_ROWS))
    is_right = [_is_right(column) for column in zip(*first, strict=True)]
    is_right = is_right or [False] * len(layout.columns)
    header = [Cell(names[n], right) for n, right in zip(layout.columns, is_right, strict=True)]
    for line in _lines(header, layout.widths):
        yield _styled(line, _BOLD, color)
    yield _styled(
        "─" * min(width, sum(layout.widths) + _GAP * (len(layout.widths) - 1)), _DIM, color
    )
    for row in chain(first, shown):
        yield from _lines(row, layout.widths, color)


def aligned(
    names: Sequence[str], head: Sequence[Sequence[Cell]], rest: Iterable[Sequence[Cell]]
) -> Iterator[str]:
    """Yields aligned lines for a pipe: one per row, never wrapped, without colors."""
    columns = list(zip(*head, strict=True)) or [()] * len(names)
    is_right = list(map(_is_right, columns))
    header = [Cell(name, right) for name, right in zip(names, is_right, strict=True)]
    cells = zip(names, columns, strict=True)
    widths = [
        max(cell_width(text) for text in (name, *(c.text for c in column)))
        for name, column in cells
    ]
    for row in chain([header], head, rest):
        yield _line(row, [cell.text for cell in row], [min(_PADDED, width) for width in widths])


def _is_right(cells: Sequence[Cell]) -> bool:
    known = [cell for cell in cells if not cell.is_blank]
    return bool(known) and all(cell.is_right for cell in known)


def _fitting_widths(columns: Sequence[Sequence[Cell]], width: int) -> tuple[int, ...] | None:
    """Returns the width of each column so that all fit, wrapped if necessary; None: they cannot."""
    natural = [max(cell_width(cell.text) for cell in cells) for cells in columns]
    room = width - _GAP * (len(columns) - 1)
    if sum(natural) <= room:
        return tuple(natural)
    widths = [max(_longest_word(cell) for cell in cells) for cells in columns]
    if sum(widths) > room:
        return None
    spare = room - sum(widths)
    while spare > 0:  # one cell at a time to the column that lacks most
        most = max(range(len(widths)), key=lambda n: natural[n] - widths[n])
        widths[most] += 1
        spare -= 1
    for cells, column_width in zip(columns, widths, strict=True):
        if any(len(_wrapped(cell, column_width)) > _MOST_LINES for cell in cells):
            return None
    return tuple(widths)


def _longest_word(cell: Cell) -> int:
    return max(map(cell_width, cell.words))


def _wrapped(cell: Cell, width: int) -> list[str]:
    """Returns the lines of a cell, wrapped between words; a longer word is a line of its own."""
    if cell_width(cell.text) <= width:
        return [cell.text]
    lines = [""]
    for word in cell.words:
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if not lines[-1] or cell_width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _lines(row: Sequence[Cell], widths: Sequence[int], color: bool = False) -> Iterator[str]:
    """Yields the lines of one row: as many as its tallest cell has."""
    wrapped = [_wrapped(cell, width) for cell, width in zip(row, widths, strict=True)]
    for number in range(max(map(len, wrapped))):
        texts = [lines[number] if number < len(lines) else "" for lines in wrapped]
        yield _line(row, texts, widths, color)


def _line(
    row: Sequence[Cell], texts: Sequence[str], widths: Sequence[int], color: bool = False
) -> str:
    pieces = []
    for cell, text, width in zip(row, texts, widths, strict=True):
        space = " " * (width - cell_width(text))
        shown = _styled(text, _DIM, color and cell.is_dim and bool(text))
        pieces.append(space + shown if cell.is_right else shown + space)
    return (" " * _GAP).join(pieces).rstrip()


def _records(
    names: Sequence[str], rows: Iterable[Sequence[Cell]], layout: Layout, color: bool
) -> Iterator[str]:
    widest = max(cell_width(names[n]) for n in layout.columns)
    for number, row in enumerate(rows, 1):
        yield _styled(f"── {number} ──", _DIM, color)
        for n in layout.columns:
            name, cell = names[n], row[n]
            space = " " * (widest - cell_width(name))
            value = _styled(cell.text, _DIM, color and cell.is_dim)
            yield f"{_styled(name + ':', _BOLD, color)}{space} {value}".rstrip()


def _styled(text: str, style: str, color: bool) -> str:
    return f"{style}{text}{_PLAIN}" if color else text
