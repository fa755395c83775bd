"""Rows and events, as a person or the next program of a pipe wants them.

    columns, rows ──> table | json | ndjson | csv | tsv | markdown ──> bytes in UTF-8

Everything but a table streams in constant memory; a table measures its first
`TABLE_ROWS` rows and streams the rest in the same columns. Nothing is ever cut, and
nothing that is no terminal is coloured. On a terminal the control characters of
archived text are spelled as escapes, in every format. rich is imported only where
a table is drawn: help must answer at once.
"""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from cli.output.cells import as_short_text, as_text, cell_width, json_object, visible, visible_json
from eventlog.errors import Invalid

FORMATS = ("table", "json", "ndjson", "csv", "tsv", "markdown", "parquet")
SUFFIXES = {
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "table",
}
TABLE_ROWS = 1000

Row = Sequence[object]

_NARROW = 10
"""Cells; a table whose columns would get less shows its rows as records instead."""
_PADDED = 200
"""Cells; no value is padded further, or one long value would widen a thousand rows."""
_TSV = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_CSV_QUOTED = re.compile(r'[",\r\n]|^\s|\s$|^$')
_MARKDOWN = re.compile(r"[\\`*\[\]<>|~&]|(?<!\w)_|_(?!\w)")
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def choose_format(fmt: str | None, json_flag: bool, output: Path | None, is_terminal: bool) -> str:
    """One of `FORMATS`: what was asked for, else the suffix of the file, else the place.

    A table on a terminal, tab-separated in a pipe. Raises `Invalid` for a format or a
    suffix that is not known, and for `--json` beside another format.
    """
    if fmt is not None and fmt not in FORMATS:
        raise Invalid(f"format: expected one of {', '.join(FORMATS)}, found {fmt!a}")
    if json_flag and fmt not in (None, "json", "ndjson"):
        raise Invalid(f"--json and --format {fmt} contradict each other", "leave one of them out")
    if fmt or json_flag:
        return fmt or "json"
    if output is None or str(output) == "-":
        return "table" if is_terminal else "tsv"
    if output.suffix.lower() not in SUFFIXES:
        known = " ".join(SUFFIXES)
        raise Invalid(f"{output}: expected a suffix of {known}", "name the format: --format csv")
    return SUFFIXES[output.suffix.lower()]


def write_rows(
    columns: Sequence[str],
    rows: Iterable[Row],
    fmt: str,
    out: TextIO | BinaryIO,
    *,
    terminal: bool,
    color: bool,
    width: int | None = None,
) -> None:
    """Writes the rows to `out`, always in UTF-8, whatever the locale, with `\\n`.

    - table: aligned; records (`column  value`) where a terminal is too narrow
    - json: one array, a row a line; ndjson: an object a line. A column name that
      occurs twice gets `_1`, `_2`: no value is lost
    - csv: RFC 4180, null is nothing and the empty text `""`
    - tsv: tab, line ends and backslash as `\\t` `\\n` `\\r` `\\\\`; null is empty

    `width` is the terminal's, asked of the system where it is not given; `color` has
    no effect without `terminal`. Parquet is not written here.
    """
    if fmt == "table":
        size = width or shutil.get_terminal_size((100, 24)).columns
        lines = _table(columns, iter(rows), size if terminal else None, color)
    elif fmt in _STREAMS:
        lines = _STREAMS[fmt](columns, rows)
        if terminal:
            lines = map(visible_json if "json" in fmt else _visible_line, lines)
    else:
        raise Invalid(f"format: expected table, {', '.join(_STREAMS)}, found {fmt!a}")
    put = _sink(out, flush=terminal)
    for line in lines:
        put(f"{line}\n")
    out.flush()


def _sink(out: TextIO | BinaryIO, flush: bool) -> Callable[[str], None]:
    raw = getattr(out, "buffer", None) if hasattr(out, "encoding") else out
    if raw is None:  # text in memory
        return cast(Callable[[str], None], out.write)
    out.flush()

    def put(text: str) -> None:
        raw.write(text.encode("utf-8", "backslashreplace"))
        if flush:  # past the line buffer of a terminal, so each row shows when it is there
            raw.flush()

    return put


def _visible_line(line: str) -> str:
    return visible(line, keep="\t")


def _tsv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    for row in chain([columns], rows):
        yield "\t".join(as_text(value).translate(_TSV) for value in row)


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    for row in chain([columns], rows):
        # an empty line is no row to most readers: a lone null is quoted too
        yield ",".join(map(_csv_cell, row)) or '""'


def _csv_cell(value: object) -> str:
    text = as_text(value)
    if value is None or not _CSV_QUOTED.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def _ndjson(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    names = _distinct(columns)
    return (json_object(names, row) for row in rows)


def _json(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    yield "["
    held = ""
    for line in _ndjson(columns, rows):
        if held:
            yield f"{held},"
        held = line
    if held:
        yield held
    yield "]"


def _distinct(columns: Sequence[str]) -> list[str]:
    names: dict[str, None] = {}
    for column in columns:
        name, count = column, 0
        while name in names or (count and name in columns):
            count += 1
            name = f"{column}_{count}"
        names[name] = None
    return list(names)


def _markdown(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    yield _markdown_row(columns)
    yield f"|{' --- |' * len(columns)}"
    yield from map(_markdown_row, rows)


def _markdown_row(row: Row) -> str:
    return f"| {' | '.join(map(_markdown_cell, row))} |"


def _markdown_cell(value: object) -> str:
    text = visible(as_short_text(value).replace("\r\n", "\n"), keep="\n")
    return _MARKDOWN.sub(r"\\\g<0>", text).replace("\n", "<br>")


def _table(
    columns: Sequence[str], rows: Iterator[Row], width: int | None, color: bool
) -> Iterator[str]:
    head = list(islice(rows, TABLE_ROWS + 1))
    cells = [_cells(row) for row in chain([columns], head)]
    widths = [max(map(cell_width, column)) for column in zip(*cells, strict=True)]
    fits = width is None or sum(widths) + 2 * len(widths) <= width
    if width and not fits and width // len(widths) < _NARROW:
        return _records(columns, chain(head, rows), color)
    right = [_is_numeric(column) for column in zip(*head, strict=True)] or [False] * len(columns)
    if width and len(head) <= TABLE_ROWS:
        return _drawn(cells, right, width, color)
    return _aligned(chain(cells, map(_cells, rows)), widths, right)


def _cells(row: Row) -> list[str]:
    return [visible(as_short_text(value)) for value in row]


def _is_numeric(column: Iterable[object]) -> bool:
    kinds = {type(value) for value in column if value is not None}
    return bool(kinds) and kinds <= {int, float, Decimal}


def _aligned(rows: Iterable[list[str]], widths: list[int], right: list[bool]) -> Iterator[str]:
    for row in rows:
        padded = []
        for text, width, to_right in zip(row, widths, right, strict=True):
            space = " " * (min(width, _PADDED) - cell_width(text))
            padded.append(space + text if to_right else text + space)
        yield "  ".join(padded).rstrip()


def _records(columns: Sequence[str], rows: Iterable[Row], color: bool) -> Iterator[str]:
    names = _cells(columns)
    widest = max(map(cell_width, names))
    bold, plain = (_BOLD, _PLAIN) if color else ("", "")
    for number, row in enumerate(rows, 1):
        yield f"── {number} ──"
        for name, text in zip(names, _cells(row), strict=True):
            space = " " * (widest - cell_width(name))
            yield f"{bold}{name}{plain}{space}  {text}".rstrip()


def _drawn(rows: list[list[str]], right: list[bool], width: int, color: bool) -> Iterator[str]:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Text, not str: rich reads markup and emoji names in a str
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name, to_right in zip(rows[0], right, strict=True):
        table.add_column(Text(name), overflow="fold", justify="right" if to_right else "left")
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    drawn = StringIO()
    Console(
        file=drawn,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
    ).print(table)
    return (line.rstrip() for line in drawn.getvalue().split("\n")[:-1])


_STREAMS: dict[str, Callable[[Sequence[str], Iterable[Row]], Iterator[str]]] = {
    "json": _json,
    "ndjson": _ndjson,
    "csv": _csv,
    "tsv": _tsv,
    "markdown": _markdown,
}
