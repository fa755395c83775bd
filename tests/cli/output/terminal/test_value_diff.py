"""A change on one line, or as a difference of words or lines."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output.terminal.value_diff import change_lines, percent

WORDS = st.lists(st.sampled_from(["a", "b", "c", "\n", " "]), max_size=60).map("".join)


def lines(old: str | None, new: str | None, width: int = 80, color: bool = False) -> list[str]:
    kind = "add" if old is None else "remove" if new is None else "replace"
    return list(change_lines("/x", kind, old, new, width, color))


def test_a_change_is_on_one_line_with_its_rate() -> None:
    assert lines('"0.25"', '"0.5"') == ['~ /x  "0.25" → "0.5"  +100 %']
    assert lines("1", "null") == ["~ /x  1 → null"]
    assert lines(None, "[1]") == ["+ /x  [1]"]
    assert lines("1.0", None) == ["- /x  1.0"]


@pytest.mark.parametrize(
    ("old", "new", "rate"),
    [
        ("2", "1", "-50 %"),
        ("100", "103.5", "+3.5 %"),
        ("-4", "-2", "+50 %"),
        ("48810", "142", "-99.7 %"),
        ("1000000", "1000001", "+<0.1 %"),
        ("1", "1.00", "±0 %"),
        ("0", "1", ""),
        ("true", "1", ""),
        ('"a"', '"1"', ""),
        ('"NaN"', "1", ""),
        ("1e999999", "1", ""),
        (None, "1", ""),
    ],
)
def test_the_rate_of_a_number_or_of_a_text_that_is_one(
    old: str | None, new: str | None, rate: str
) -> None:
    assert percent(old, new) == rate


def test_values_that_do_not_fit_on_one_line_are_one_below_the_other() -> None:
    assert lines(f'"{"a" * 40}"', f'"{"b" * 40}"') == [
        "~ /x",
        f'      - "{"a" * 40}"',
        f'      + "{"b" * 40}"',
    ]


def test_long_texts_are_shown_as_the_words_that_changed() -> None:
    text = " ".join(f"word{n}" for n in range(100))
    shown = "\n".join(lines(json.dumps(text), json.dumps(text.replace("word50", "other"))))

    assert "word49 [-word50-]{+other+} word51" in shown
    assert "word10" not in shown


def test_lists_and_objects_are_shown_as_the_lines_that_changed() -> None:
    old = json.dumps({"keys": list(range(50))})
    shown = lines(old, old.replace(" 25,", " 26000,"))

    assert "      -    25," in shown
    assert "      +    26000," in shown
    assert len(shown) < 12


@given(WORDS, WORDS)
def test_without_a_difference_of_words_nothing_is_marked(old: str, new: str) -> None:
    text = "".join(lines(json.dumps(old), json.dumps(new), width=1)[1:])

    assert ("[-" in text or "{+" in text) == (old != new)


def test_control_characters_are_escaped_and_colors_are_ours() -> None:
    hostile = json.dumps("\x1b[2J " * 40)
    plain = "\n".join(lines(hostile, json.dumps("\x1b]0;x\x07" * 40)))
    colored = "\n".join(lines('"a"', '"b"', color=True))

    assert "\x1b" not in plain
    assert colored == '\x1b[33m~\x1b[0m /x  \x1b[31m"a"\x1b[0m → \x1b[32m"b"\x1b[0m'
