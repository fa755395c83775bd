import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output.formats import FORMATS, PLAIN, SUFFIXES, Shown, choose_format, write_rows
from eventlog.errors import Invalid

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e|<b>[bold]:smile:\r\n\t"
WRITTEN = [fmt for fmt in FORMATS if fmt != "parquet"]


def written(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    fmt: str,
    terminal: bool = False,
    width: int = 80,
    shown: Shown = PLAIN,
) -> str:
    out = io.BytesIO()
    write_rows(columns, iter(rows), fmt, out, terminal=terminal, width=width, shown=shown)
    return out.getvalue().decode()


def unescaped(cell: str) -> str:
    plain = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\", '"': '"'}
    if cell == '""':
        return ""
    return re.sub(r"\\(.)", lambda found: plain[found[1]], cell)


def test_tsv_has_one_line_per_row_after_a_header() -> None:
    assert written(["a", "b"], [(1, None), ("x\ty\n\\", [1])], "tsv") == (
        "a\tb\n1\t\nx\\ty\\n\\\\\t[1]\n"
    )


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_tsv_can_be_read_back_with_its_escapes(rows: list[tuple[str, str]]) -> None:
    lines = written(["a", "b"], rows, "tsv").removesuffix("\n").split("\n")[1:]

    assert [tuple(map(unescaped, line.split("\t"))) for line in lines] == rows


@given(st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(st.text(), min_size=n, max_size=n))))
def test_csv_can_be_read_back_to_the_same_cells(rows: list[list[str]]) -> None:
    columns = ["a", "b", "c"][: len(rows[0]) if rows else 1]
    text = written(columns, rows, "csv")

    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == rows


def test_csv_distinguishes_null_from_empty_text() -> None:
    assert written(["a", "b"], [(None, "")], "csv") == 'a,b\n,""\n'


def test_json_is_one_array_with_one_row_per_line() -> None:
    text = written(["a", "b"], [(Decimal("1.10"), None), ("x", {"y": [1]})], "json")

    assert text == '[\n{"a":1.1,"b":null},\n{"a":"x","b":{"y":[1]}}\n]\n'


def test_json_without_rows_is_an_empty_array() -> None:
    assert json.loads(written(["a"], [], "json")) == []
    assert written(["a"], [], "ndjson") == ""


def test_columns_with_the_same_name_get_different_names_in_json() -> None:
    text = written(["a", "a", "a_1", "a"], [(1, 2, 3, 4)], "ndjson")

    assert json.loads(text) == {"a": 1, "a_2": 2, "a_1": 3, "a_3": 4}


def test_markdown_cells_are_escaped() -> None:
    text = written(["a_b"], [("x|y\n<img> [l](u) *z* _q_",)], "markdown")

    assert text == "| a_b |\n| --- |\n| x\\|y<br>\\<img\\> \\[l\\](u) \\*z\\* \\_q\\_ |\n"


def test_a_table_in_a_pipe_is_aligned_and_never_cut() -> None:
    long = "x" * 500
    text = written(["name", "n"], [("a", 1), (long, 22)], "table", width=80)

    assert text.splitlines()[:2] == ["name" + " " * 198 + " n", "a" + " " * 201 + " 1"]
    assert text.splitlines()[2] == f"{long}  22"


def test_a_table_on_a_terminal_wraps_long_cells_at_spaces() -> None:
    words = [f"word{n}" for n in range(20)]
    text = written(["name", "n"], [(" ".join(words), 1)], "table", terminal=True, width=60)

    assert max(map(len, text.splitlines())) <= 60
    assert re.findall("word[0-9]+", text) == words


def test_a_table_too_wide_for_the_terminal_is_shown_as_records() -> None:
    columns = [f"column_{i}" for i in range(20)]
    text = written(columns, [tuple(range(20))] * 2, "table", terminal=True, width=80)

    assert text.splitlines()[:3] == ["── 1 ──", "column_0:  0", "column_1:  1"]
    assert text.splitlines()[21] == "── 2 ──"


def test_a_long_table_on_a_terminal_streams_every_row() -> None:
    text = written(["n"], [(i,) for i in range(5000)], "table", terminal=True)

    assert [int(line) for line in text.splitlines()[2:]] == list(range(5000))


def test_an_empty_table_shows_its_columns() -> None:
    assert written(["a", "b"], [], "table") == "a  b\n"
    assert "a  b" in re.sub(" +", "  ", written(["a", "b"], [], "table", terminal=True))


def test_wide_characters_are_aligned_by_their_width() -> None:
    assert written(["a", "b"], [("漢字", "x"), ("ab", "y")], "table").splitlines() == [
        "a     b",
        "漢字  x",
        "ab    y",
    ]


@pytest.mark.parametrize("fmt", WRITTEN)
@pytest.mark.parametrize("width", [20, 80, 500])
def test_no_format_sends_control_characters_of_archived_text_to_a_terminal(
    fmt: str, width: int
) -> None:
    rows = [(HOSTILE, {HOSTILE: [HOSTILE]})] * 3
    text = written([HOSTILE, "b"], rows, fmt, terminal=True, width=width)

    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "owned" in text


@pytest.mark.parametrize("fmt", ["json", "ndjson"])
def test_json_on_a_terminal_is_still_the_same_json(fmt: str) -> None:
    shown = written(["a"], [(HOSTILE,)], fmt, terminal=True)

    assert json.loads(shown) == json.loads(written(["a"], [(HOSTILE,)], fmt))


@pytest.mark.parametrize("fmt", WRITTEN)
def test_only_output_on_a_terminal_is_colored(fmt: str) -> None:
    assert "\x1b" not in written(["a"], [(1,)], fmt, shown=Shown(color=True))


@pytest.mark.parametrize("columns", [1, 30])
def test_output_is_colored_only_if_requested(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    names, rows = [f"c{i}" for i in range(columns)], [("x" * 9,) * columns]
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert "\x1b[1m" in written(names, rows, "table", terminal=True, shown=Shown(color=True))
    assert "\x1b" not in written(names, rows, "table", terminal=True)


def test_markup_in_archived_text_is_only_text() -> None:
    text = written(["a"], [("[red]x[/red] :smile:",)], "table", terminal=True)

    assert "[red]x[/red] :smile:" in text


@pytest.mark.parametrize("fmt", ["json", "ndjson", "csv", "tsv", "markdown"])
def test_rows_are_written_as_they_arrive(fmt: str) -> None:
    out = io.BytesIO()
    seen: list[int] = []

    def rows() -> Iterator[tuple[int]]:
        for number in range(100):
            seen.append(out.getbuffer().nbytes)
            yield (number,)

    write_rows(["n"], rows(), fmt, out, terminal=False)

    assert seen[99] > seen[50] > 0


@pytest.mark.parametrize("fmt", WRITTEN)
def test_text_and_binary_outputs_have_the_same_content(fmt: str) -> None:
    rows = [("grüße\n", datetime(2026, 11, 1)), ("漢", None)]
    text, wrapped = io.StringIO(), io.BytesIO()
    # an ASCII locale: data is UTF-8 all the same
    ascii_out = io.TextIOWrapper(wrapped, encoding="ascii")
    write_rows(["a", "b"], rows, fmt, text, terminal=False)
    write_rows(["a", "b"], rows, fmt, ascii_out, terminal=False)

    assert text.getvalue() == wrapped.getvalue().decode() == written(["a", "b"], rows, fmt)


@pytest.mark.parametrize("fmt", WRITTEN)
def test_a_lone_surrogate_does_not_stop_the_output(fmt: str) -> None:
    assert "ud800" in written(["a"], [("\ud800",)], fmt)


def test_write_rows_refuses_parquet() -> None:
    with pytest.raises(Invalid, match="found 'parquet'"):
        written(["a"], [], "parquet")


@pytest.mark.parametrize(
    ("fmt", "json_flag", "output", "is_terminal", "expected"),
    [
        (None, False, None, True, "table"),
        (None, False, None, False, "tsv"),
        (None, False, Path("-"), False, "tsv"),
        (None, True, None, True, "json"),
        ("csv", False, None, True, "csv"),
        ("json", True, None, True, "json"),
        ("ndjson", True, None, True, "ndjson"),
        ("csv", False, Path("x.parquet"), True, "csv"),
        (None, True, Path("x.csv"), True, "json"),
        (None, False, Path("x.PARQUET"), True, "parquet"),
        (None, False, Path("a.b/x.y.jsonl"), True, "ndjson"),
    ],
)
def test_the_option_decides_the_format_before_the_suffix_and_the_destination(
    fmt: str | None, json_flag: bool, output: Path | None, is_terminal: bool, expected: str
) -> None:
    assert choose_format(fmt, json_flag, output, is_terminal) == expected


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_names_a_format(suffix: str) -> None:
    assert choose_format(None, False, Path(f"x{suffix}"), True) in FORMATS


@pytest.mark.parametrize(
    ("fmt", "json_flag", "output"),
    [
        ("xml", False, None),
        ("csv", True, None),
        (None, False, Path("x.csv.gz")),
        (None, False, Path("x")),
    ],
)
def test_an_unknown_format_is_refused(
    fmt: str | None, json_flag: bool, output: Path | None
) -> None:
    with pytest.raises(Invalid):
        choose_format(fmt, json_flag, output, True)


def test_heavy_libraries_are_imported_only_when_needed() -> None:
    code = (
        "import sys, cli.output.formats, cli.config.load, cli.options.times\n"
        "import cli.output.exit_codes\n"
        "print({'rich', 'cattrs', 'duckdb', 'pyarrow', 'aiohttp'} & set(sys.modules))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )

    assert done.stdout == "set()\n"
