"""Tables fit the terminal and never break a word."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output.terminal.table import Cell, draw, lay_out

TEXTS = st.text("abc 0123/-漢", max_size=30)
ROWS = st.integers(1, 5).flatmap(
    lambda count: st.lists(st.lists(TEXTS, min_size=count, max_size=count), min_size=1, max_size=6)
)


def drawn(
    names: list[str],
    rows: list[list[Cell]],
    width: int,
    optional: tuple[str, ...] = (),
    color: bool = False,
) -> list[str]:
    layout = lay_out(names, rows, width, optional, drop_blank=True)
    return list(draw(names, iter(rows), layout, width, color))


@given(ROWS, st.integers(1, 100))
def test_every_word_is_in_one_piece_at_every_width(rows: list[list[str]], width: int) -> None:
    names = [f"column{n}" for n in range(len(rows[0]))]
    cells = [[Cell(text, is_blank=not text) for text in row] for row in rows]
    text = "\n".join(drawn(names, cells, width))

    for row in rows:
        for word in " ".join(row).split():
            assert word in text.split()


@given(ROWS, st.integers(1, 100))
def test_a_table_is_never_wider_than_the_terminal(rows: list[list[str]], width: int) -> None:
    names = [f"column{n}" for n in range(len(rows[0]))]
    cells = [[Cell(text) for text in row] for row in rows]
    layout = lay_out(names, cells, width)

    if layout.widths is not None:
        assert sum(layout.widths) + 2 * (len(layout.widths) - 1) <= width


def test_columns_that_may_be_left_out_go_in_their_order_and_no_more_than_necessary() -> None:
    names, row = ["id", "url", "note"], [[Cell("x" * 20), Cell("y" * 20), Cell("z" * 20)]]

    assert lay_out(names, row, 64, ("url", "note")).left_out == ()
    assert lay_out(names, row, 63, ("url", "note")).left_out == ("url",)
    assert lay_out(names, row, 41, ("url", "note")).left_out == ("url", "note")


def test_rows_that_do_not_fit_are_records_with_every_column_that_has_a_value() -> None:
    names = ["id", "url", "none"]
    row = [[Cell("x" * 50), Cell("y" * 50), Cell("-", is_blank=True)]]

    assert drawn(names, row, 40, ("url",)) == ["── 1 ──", f"id:  {'x' * 50}", f"url: {'y' * 50}"]


def test_columns_without_any_value_are_left_out_only_on_demand() -> None:
    names, rows = ["a", "b"], [[Cell("1"), Cell("-", is_blank=True)]]

    assert lay_out(names, rows, 80, drop_blank=True).columns == (0,)
    assert lay_out(names, rows, 80).columns == (0, 1)
    assert lay_out(names, [], 80, drop_blank=True).columns == (0, 1)


def test_a_time_with_a_space_is_one_word() -> None:
    times = [[Cell("some words of a note"), Cell("2026-11-29 01:05", is_word=True)]]
    text = "\n".join(drawn(["note", "at"], times, 30))

    assert "2026-11-29 01:05" in text


def test_a_cell_of_many_lines_is_easier_to_read_in_a_record() -> None:
    long = [[Cell("a"), Cell("word " * 60)]]

    assert drawn(["n", "text"], long, 40)[0] == "── 1 ──"


@pytest.mark.parametrize("width", [20, 200])
def test_null_is_dim_and_the_header_is_bold_if_colors_are_wanted(width: int) -> None:
    rows = [[Cell("some value here"), Cell("NULL", is_dim=True)]]
    colored = drawn(["a", "b"], rows, width, color=True)

    assert "\x1b[2mNULL\x1b[0m" in "\n".join(colored)
    assert "\x1b[1m" in "\n".join(colored)
    assert re.sub("\x1b\\[[0-9]m", "", "\n".join(colored)) == "\n".join(
        drawn(["a", "b"], rows, width)
    )
