"""Formats rows as table, JSON, NDJSON, CSV, TSV or Markdown.

    columns, rows ──> table | json | ndjson | csv | tsv | markdown ──> bytes in UTF-8

All formats except tables stream in constant memory. A table derives its column widths from
the first `TABLE_ROWS` rows and streams the others. Values are never cut; colors are used
only on a terminal. On a terminal, control characters of archived text are escaped in every
format. rich is imported only to draw a table, to keep `--help` fast.
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
"""Number of rows from which the column widths of a table are derived."""

RowValues = Sequence[object]

_NARROW = 10
"""Cells per column below which a table shows records instead of columns."""
_PADDED = 200
"""Maximum width of padding, in cells: one long value must not widen a thousand rows."""
_TSV = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_CSV_QUOTED = re.compile(r'[",\r\n]|^\s|\s$|^$')
_MARKDOWN = re.compile(r"[\\`*\[\]<>|~&]|(?<!\w)_|_(?!\w)")
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def choose_format(fmt: str | None, json_flag: bool, output: Path | None, is_terminal: bool) -> str:
    """Returns one of `FORMATS`: the requested one, or that of the file's suffix.

    Without either: table on a terminal, TSV in a pipe. Raises `Invalid` for an unknown
    format or suffix, and for `--json` together with another format.
    """
    if fmt is not None and fmt not in FORMATS:
        raise Invalid(f"format: expected one of {', '.join(FORMATS)}, found {fmt!a}")
    if json_flag and fmt not in (None, "json", "ndjson"):
        raise Invalid(f"--json and --format {fmt} contradict each other", "use only one of them")
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
    rows: Iterable[RowValues],
    fmt: str,
    out: TextIO | BinaryIO,
    *,
    terminal: bool,
    color: bool,
    width: int | None = None,
) -> None:
    """Writes the rows to `out` in UTF-8 with `\\n`, independent of the locale.

    - table: aligned; as records (`column  value`) if the terminal is too narrow
    - json: an array with one row per line; ndjson: an object per line. Repeated column
      names get the suffixes `_1`, `_2`
    - csv: RFC 4180; null is an empty field, the empty text is `""`
    - tsv: tab, line ends and backslash become `\\t` `\\n` `\\r` `\\\\`; null is empty

    `width`: width of the terminal, by default as the system reports it. `color` has no
    effect without `terminal`. Does not write Parquet.
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
        if flush:  # each row appears at once on a terminal
            raw.flush()

    return put


def _visible_line(line: str) -> str:
    return visible(line, keep="\t")


def _tsv(columns: Sequence[str], rows: Iterable[RowValues]) -> Iterator[str]:
    for row in chain([columns], rows):
        yield "\t".join(as_text(value).translate(_TSV) for value in row)


def _csv(columns: Sequence[str], rows: Iterable[RowValues]) -> Iterator[str]:
    for row in chain([columns], rows):
        # most readers skip empty lines: a single null is quoted
        yield ",".join(map(_csv_cell, row)) or '""'


def _csv_cell(value: object) -> str:
    text = as_text(value)
    if value is None or not _CSV_QUOTED.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def _ndjson(columns: Sequence[str], rows: Iterable[RowValues]) -> Iterator[str]:
    names = _distinct(columns)
    return (json_object(names, row) for row in rows)


def _json(columns: Sequence[str], rows: Iterable[RowValues]) -> Iterator[str]:
    yield "["
    previous = ""
    for line in _ndjson(columns, rows):
        if previous:
            yield f"{previous},"
        previous = line
    if previous:
        yield previous
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


def _markdown(columns: Sequence[str], rows: Iterable[RowValues]) -> Iterator[str]:
    yield _markdown_row(columns)
    yield f"|{' --- |' * len(columns)}"
    yield from map(_markdown_row, rows)


def _markdown_row(row: RowValues) -> str:
    return f"| {' | '.join(map(_markdown_cell, row))} |"


def _markdown_cell(value: object) -> str:
    text = visible(as_short_text(value).replace("\r\n", "\n"), keep="\n")
    return _MARKDOWN.sub(r"\\\g<0>", text).replace("\n", "<br>")


def _table(
    columns: Sequence[str], rows: Iterator[RowValues], width: int | None, color: bool
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


def _cells(row: RowValues) -> list[str]:
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


def _records(columns: Sequence[str], rows: Iterable[RowValues], color: bool) -> Iterator[str]:
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

    # Text, not str: rich interprets markup and emoji names in a str
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


_STREAMS: dict[str, Callable[[Sequence[str], Iterable[RowValues]], Iterator[str]]] = {
    "json": _json,
    "ndjson": _ndjson,
    "csv": _csv,
    "tsv": _tsv,
    "markdown": _markdown,
}
