"""Names of objects, their order, folders and ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import Invalid
from eventlog.stores.store import ByteRange, check_name, child_folders, in_order

PARTS = st.text(st.sampled_from("ab/.-0é\n"), min_size=0, max_size=8)


@given(PARTS)
def test_a_name_is_valid_exactly_if_a_path_of_its_parts_leads_back_to_it(name: str) -> None:
    parts = name.split("/")
    valid = name.isprintable() and not {"", ".", ".."} & set(parts)

    if valid:
        assert check_name(name) == name
    else:
        with pytest.raises(Invalid, match="name of an object"):
            check_name(name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a//b", "has an empty part"),
        ("a/../b", "one that is '.' or '..'"),
        ("a\x7f", "control character"),
        ("\ud800", "not valid Unicode"),
        ("é" * 513, "1026 bytes, expected at most 1024"),
    ],
)
def test_the_message_says_what_is_wrong_with_a_name(name: str, problem: str) -> None:
    with pytest.raises(Invalid, match=problem):
        check_name(name)


def test_a_prefix_leaves_less_room_for_a_name() -> None:
    assert check_name("abc", 3) == "abc"
    with pytest.raises(Invalid, match="4 bytes, expected at most 3"):
        check_name("abcd", 3)


@given(st.lists(st.text(max_size=4)))
def test_the_order_of_names_is_that_of_their_bytes(names: list[str]) -> None:
    names = [name for name in names if name.isprintable()]

    assert [name.encode() for name in in_order(names)] == sorted(name.encode() for name in names)


@given(st.sets(PARTS), st.sampled_from(["", "a/", "b/", "a/b/"]))
def test_folders_are_those_of_a_tree_of_names(names: set[str], prefix: str) -> None:
    expected = {
        name.removeprefix(prefix).partition("/")[0]
        for name in names
        if name.startswith(prefix) and "/" in name.removeprefix(prefix)
    }

    assert child_folders(names, prefix) == tuple(in_order(expected))


@pytest.mark.parametrize(("start", "stop"), [(1, 1), (2, 1), (-1, 1)])
def test_a_range_contains_a_byte_at_least(start: int, stop: int) -> None:
    with pytest.raises(ValueError):
        ByteRange(start, stop)
