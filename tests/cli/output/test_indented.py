"""Indented JSON: the same value, with every number and member as upstream spelled it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output.indented import indent_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(value=values, ascii_only=st.booleans())
def test_a_value_is_indented_as_by_the_standard_library(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)

    assert indent_json(text) == json.dumps(value, indent=2, ensure_ascii=False)


@pytest.mark.parametrize("number", ["-0", "1.10", "0.0000001", "1e400", "9" * 5000, "NaN"])
def test_a_number_stays_as_it_is_spelled(number: str) -> None:
    assert indent_json(f'{{"n":{number}}}') == f'{{\n  "n": {number}\n}}'


def test_equal_keys_are_all_shown() -> None:
    assert indent_json('{"a":1,"a":[ ]}') == '{\n  "a": 1,\n  "a": []\n}'


@pytest.mark.parametrize("text", ["", "<html>", '{"a":', "[" * 100_000 + "]" * 100_000])
def test_what_is_not_json_or_too_deep_is_unchanged(text: str) -> None:
    assert indent_json(text) == text
