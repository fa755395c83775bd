"""Rules: ids as text, and which pointers are children of which."""

import pytest

from eventlog.body.split_rules import id_text, is_child


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        (b'"\\ud800x"', "\ufffdx"),
        (b'"a\\u0041\x01"', "aA\x01"),
        (b'"\xff"', "\ufffd"),
        (b"-5", "-5"),
    ],
)
def test_an_id_of_any_spelling_is_valid_text(spelled: bytes, text: str) -> None:
    assert id_text(spelled) == text


@pytest.mark.parametrize(
    ("pointer", "other", "child"),
    [
        ("", "/versions", True),
        ("", "/versions/*/files", False),
        ("", "", False),
        ("/items", "/items/*/parts", True),
        ("/items", "/items/*/parts/*/files", False),
        ("/items", "/items", False),
        ("/items", "/items2/*/parts", False),
        ("/items/*/parts", "/items/*/parts/*/files", True),
    ],
)
def test_only_direct_children_are_children_of_a_pointer(
    pointer: str, other: str, child: bool
) -> None:
    assert is_child(pointer, other) is child
