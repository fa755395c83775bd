"""Formats rows as table, JSON, NDJSON, CSV, TSV or Markdown.

    columns, rows ──> table | json | ndjson | csv | tsv | markdown ──> bytes in UTF-8

All formats except tables stream in constant memory. A table derives its column widths from
the first `HEAD_ROWS` rows and streams the others. Values are never cut; colors are used
only on a terminal. On a terminal, control characters of archived text are escaped in every
format.
"""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import attrs

from cli.output.cells import as_short_text, as_text, json_object, visible, visible_json
from cli.output.terminal.short_values import short_value
from cli.output.terminal.table import HEAD_ROWS, Cell, aligned, draw, lay_out
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
RowValues = Sequence[object]


@attrs.frozen
class Shown:
    """How values are shown."""

    color: bool = False
    """Only on a terminal."""
    null: str | None = None
    """Text for null in csv, tsv, markdown and tables; None: empty. JSON has its own null."""
    now: int | None = None
    """Instant from which a table on a terminal counts ages, in microseconds; None: exact values."""
    optional: Sequence[str] = ()
    """Columns that a table on a terminal may leave out to fit, the least important first."""
    on_left_out: Callable[[Sequence[str]], None] = lambda _names: None
    """Is called with the columns that were left out, after the table."""


PLAIN = Shown()

_TSV = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_CSV_QUOTED = re.compile(r'[",\r\n]|^\s|\s$|^$')
_MARKDOWN = re.compile(r"[\\`*\[\]<>|~&]|(?<!\w)_|_(?!\w)")


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
    width: int | None = None,
    shown: Shown = PLAIN,
) -> None:
    """Writes the rows to `out` in UTF-8 with `\\n`, independent of the locale.

    - table: aligned; as records (`column: value`) if the terminal is too narrow
    - json: an array with one row per line; ndjson: an object per line. Repeated column
      names get the suffixes `_1`, `_2`
    - csv: RFC 4180; null is an empty field, the empty text is `""`, as DuckDB does it
    - tsv: tab, line ends and backslash become `\\t` `\\n` `\\r` `\\\\`; null is empty, the empty
      text is `""`, and a text of these two characters begins with a backslash

    `width`: width of the terminal, by default as the system reports it. Colors and ages are
    shown only on a terminal. Does not write Parquet.
    """
    if fmt == "table":
        size = width or shutil.get_terminal_size((100, 24)).columns
        plain = attrs.evolve(shown, color=False, now=None)
        lines = _table(
            columns, iter(rows), size if terminal else None, shown if terminal else plain
        )
    elif fmt in _STREAMS:
        lines = _STREAMS[fmt](columns, rows, shown.null or "")
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


def _tsv(columns: Sequence[str], rows: Iterable[RowValues], null: str) -> Iterator[str]:
    yield "\t".join(map(_tsv_cell, columns))
    for row in rows:
        yield "\t".join(null if value is None else _tsv_cell(value) for value in row)


def _tsv_cell(value: object) -> str:
    text = as_text(value).translate(_TSV)
    return '""' if text == "" else f"\\{text}" if text == '""' else text


def _csv(columns: Sequence[str], rows: Iterable[RowValues], null: str) -> Iterator[str]:
    for row in chain([columns], rows):
        yield ",".join(null if value is None else _csv_cell(value, null) for value in row)


def _csv_cell(value: object, null: str) -> str:
    text = as_text(value)
    if text != null and not _CSV_QUOTED.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def _ndjson(columns: Sequence[str], rows: Iterable[RowValues], _null: str) -> Iterator[str]:
    names = _distinct(columns)
    return (json_object(names, row) for row in rows)


def _json(columns: Sequence[str], rows: Iterable[RowValues], null: str) -> Iterator[str]:
    yield "["
    previous = ""
    for line in _ndjson(columns, rows, null):
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


def _markdown(columns: Sequence[str], rows: Iterable[RowValues], null: str) -> Iterator[str]:
    yield _markdown_row(columns)
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        yield _markdown_row([null if value is None else value for value in row])


def _markdown_row(row: RowValues) -> str:
    return f"| {' | '.join(map(_markdown_cell, row))} |"


def _markdown_cell(value: object) -> str:
    text = visible(as_short_text(value).replace("\r\n", "\n"), keep="\n")
    return _MARKDOWN.sub(r"\\\g<0>", text).replace("\n", "<br>")


def _table(
    columns: Sequence[str], rows: Iterator[RowValues], width: int | None, shown: Shown
) -> Iterator[str]:
    """Yields the lines of a table for a terminal of `width` cells, or a pipe (None)."""
    names = list(map(visible, columns))
    cells = (_cells(columns, row, shown) for row in rows)
    head = list(islice(cells, HEAD_ROWS))
    if width is None:
        yield from aligned(names, head, cells)
        return
    layout = lay_out(names, head, width, shown.optional, drop_blank=shown.now is not None)
    yield from draw(names, chain(head, cells), layout, width, shown.color)
    if layout.left_out:
        shown.on_left_out(layout.left_out)


def _cells(columns: Sequence[str], row: RowValues, shown: Shown) -> list[Cell]:
    return [_cell(name, value, shown) for name, value in zip(columns, row, strict=True)]


def _cell(name: str, value: object, shown: Shown) -> Cell:
    if value is None:
        return Cell(visible(shown.null or ""), is_dim=True, is_blank=True)
    text = visible(as_short_text(value))
    if shown.now is not None:
        short = short_value(name, text, shown.now)
        is_time = short != text
        return Cell(short, _is_number(value), is_blank=text in ("", "[]"), is_word=is_time)
    return Cell(text, _is_number(value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


_STREAMS: dict[str, Callable[[Sequence[str], Iterable[RowValues], str], Iterator[str]]] = {
    "json": _json,
    "ndjson": _ndjson,
    "csv": _csv,
    "tsv": _tsv,
    "markdown": _markdown,
}
