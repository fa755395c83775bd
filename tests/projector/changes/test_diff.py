"""Differences are found field by field; equal values have none."""

import copy
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.changes.diff import Change, diff, old_class
from projector.changes.diff_rules import is_telemetry

values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "0", "a/b", "x~y"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b/c", "id", "tags", "files"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def shuffled(value, chance):
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(each, chance) for each in value] if isinstance(value, list) else value


@given(values, st.integers(0, 99))
def test_equal_values_have_no_difference_whatever_the_order_of_members(value, seed):
    assert diff(value, shuffled(copy.deepcopy(value), random.Random(seed))) == []


@given(values, values)
def test_differences_in_the_other_direction_are_the_mirrored_ones(old, new):
    there, back = diff(old, new), diff(new, old)
    mirror = {"add": "remove", "remove": "add", "replace": "replace"}

    assert bool(there) == bool(back)
    assert sorted(str((c.path, mirror[c.kind], c.new, c.old)) for c in there) == sorted(
        str((c.path, c.kind, c.old, c.new)) for c in back
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"p": "1"}, {"p": "2"}, [Change("/p", "replace", "1", "2")]),
        ({"p": 97}, {"p": 97.0}, []),
        ({"p": True}, {"p": 1}, [Change("/p", "replace", True, 1)]),
        ({"a/b": 1}, {}, [Change("/a~1b", "remove", 1)]),
        ({"a": None}, {}, [Change("/a", "remove", None)]),
        ({"tags": ["x", "y"]}, {"tags": ["y", "x"]}, []),
        ({"tags": ["x"]}, {"tags": ["x", "z"]}, [Change("/tags", "add", None, "z")]),
        (
            {"files": [{"id": 1, "name": "a"}, {"id": 2}]},
            {"files": [{"id": 2}, {"id": 1, "name": "b"}]},
            [Change("/files/1/name", "replace", "a", "b")],
        ),
        (
            {"words": ["a", "b"]},
            {"words": ["b", "a"]},
            [Change("/words/0", "replace", "a", "b"), Change("/words/1", "replace", "b", "a")],
        ),
    ],
)
def test_fields_sets_and_lists_with_keys_are_compared(old, new, expected):
    assert diff(old, new) == expected


def test_classes_of_old_values():
    classes = [old_class(Change("/x", "replace", each, 5)) for each in (None, "", "0", {}, [], 0)]

    assert classes == ["null", '""', '"0"', "{}", "[]", "other"]
    assert old_class(Change("/x", "add", None, 5)) == "absent"


def test_benchmarks_are_telemetry_and_prices_are_not():
    assert is_telemetry("openrouter", "model", "/benchmarks/design_arena/0/elo")
    assert not is_telemetry("openrouter", "model", "/benchmarks_note")
    assert not is_telemetry("openrouter", "model", "/pricing/prompt")
