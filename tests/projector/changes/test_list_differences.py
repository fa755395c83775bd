"""Differences of lists: by key if keys are unique, as sets, or by index."""

from typing import Any

import pytest

from projector.changes.diff import Change, diff, old_class
from projector.changes.diff_rules import KEYED, TELEMETRY, is_telemetry


def named(*pairs: tuple[object, object], key: str = "id") -> list[dict[str, object]]:
    return [{key: id, "x": value} for id, value in pairs]


def test_elements_with_equal_keys_are_compared_by_index() -> None:
    """Compared by key, the first element and its change would be lost."""
    old = {"files": named((1, "a"), (1, "b"))}
    new = {"files": named((1, "c"), (1, "b"))}

    assert diff(old, new) == [Change("/files/0/x", "replace", "a", "c")]


def test_a_list_that_gets_a_second_element_with_the_same_key_is_replaced() -> None:
    old, new = named((1, "a")), named((1, "b"), (1, "a"))

    assert diff({"files": old}, {"files": new}) == [Change("/files", "replace", old, new)]


def test_elements_without_the_key_are_compared_by_index() -> None:
    old = {"files": [{"id": 1, "x": 1}, {"x": 2}]}
    new = {"files": [{"id": 2, "x": 1}, {"x": 3}]}

    assert diff(old, new) == [
        Change("/files/0/id", "replace", 1, 2),
        Change("/files/1/x", "replace", 2, 3),
    ]


def test_elements_with_unique_keys_are_compared_by_key() -> None:
    old = {"files": named((1, "a"), (2, "b"), (3, "c"))}
    new = {"files": named((4, "d"), (3, "C"), (1, "a"))}

    assert diff(old, new) == [
        Change("/files/2", "remove", old={"id": 2, "x": "b"}),
        Change("/files/3/x", "replace", "c", "C"),
        Change("/files/4", "add", new={"id": 4, "x": "d"}),
    ]


@pytest.mark.parametrize("path", KEYED)
def test_every_list_with_a_natural_key_is_compared_by_it(path: str) -> None:
    def body(*pairs: tuple[object, object]) -> dict[str, Any]:
        value: Any = named(*pairs, key=KEYED[path])
        for member in reversed(path.strip("/").split("/")):
            value = {member: value}
        return value

    found = diff(body(("p", 1), ("q", 2)), body(("q", 3), ("p", 1)))
    assert found == [Change(f"{path}/q/x", "replace", 2, 3)]


@pytest.mark.parametrize(
    "path",
    [
        "/supported_parameters",
        "/input_modalities",
        "/output_modalities",
        "/architecture/input_modalities",
        "/architecture/output_modalities",
        "/endpoint/supported_parameters",
        "/datacenters",
        "/tags",
        "/modelVersionIds",
        "/tagIds",
        "/allowCommercialUse",
    ],
)
def test_lists_without_a_defined_order_are_compared_as_sets(path: str) -> None:
    def body(*words: object) -> dict[str, Any]:
        value: Any = list(words)
        for member in reversed(path.strip("/").split("/")):
            value = {member: value}
        return value

    assert diff(body("a", "b", "c"), body("c", "a", "d", "e")) == [
        Change(path, "add", new="d"),
        Change(path, "add", new="e"),
        Change(path, "remove", old="b"),
    ]


@pytest.mark.parametrize("path", ["trainedWords", "tags_note", "x_tags"])
def test_other_lists_are_compared_by_index(path: str) -> None:
    assert diff({path: ["a", "b"]}, {path: ["b", "a"]}) == [
        Change(f"/{path}/0", "replace", "a", "b"),
        Change(f"/{path}/1", "replace", "b", "a"),
    ]


def test_a_list_of_objects_with_the_name_of_a_set_is_compared_by_index() -> None:
    old, new = {"tags": [{"n": 1}, {"n": 2}]}, {"tags": [{"n": 1}, {"n": 3}]}

    assert diff(old, new) == [Change("/tags/1/n", "replace", 2, 3)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([1], [True], [Change("/l/0", "replace", 1, True)]),
        ([0], [False], [Change("/l/0", "replace", 0, False)]),
        ([1], [1.0], []),
        ([{"a": 1}], [{"a": True}], [Change("/l/0/a", "replace", 1, True)]),
        ([1, 2], [1], [Change("/l", "replace", [1, 2], [1])]),
        (None, [], [Change("/l", "replace", None, [])]),
        ({}, [], [Change("/l", "replace", {}, [])]),
        ("1", 1, [Change("/l", "replace", "1", 1)]),
    ],
)
def test_values_of_other_types_differ_and_equal_numbers_do_not(
    old: Any, new: Any, expected: list[Change]
) -> None:
    assert diff({"l": old}, {"l": new}) == expected


def test_names_with_slashes_and_tildes_are_written_as_pointers() -> None:
    assert [each.path for each in diff({"a/b~c": {"d": 1}}, {"a/b~c": {"d": 2}})] == ["/a~1b~0c/d"]
    assert [each.path for each in diff({}, {"~1": 1})] == ["/~01"]


def test_zero_and_false_have_no_class_of_their_own() -> None:
    def replaced(old: Any) -> str:
        return old_class(Change("/x", "replace", old, 5))

    assert [replaced(old) for old in (0, False, 0.0, "00", [0], {"a": 1})] == ["other"] * 6
    assert old_class(Change("/x", "remove", None)) == "null"


def test_telemetry_is_everything_at_and_below_its_pointers() -> None:
    for (source, type_), paths in TELEMETRY.items():
        for path in paths:
            assert is_telemetry(source, type_, path)
            assert is_telemetry(source, type_, f"{path}/x")
            assert not is_telemetry(source, type_, f"{path}_x")
            assert not is_telemetry("elsewhere", type_, path)


@pytest.mark.parametrize(
    ("type_", "path"),
    [
        ("endpoint", "/pricing/prompt"),
        ("endpoint", "/is_disabled"),
        ("endpoint", "/status_page"),
        ("catalog", "/endpoint/pricing"),
        ("catalog", "/status"),
        ("model", "/stats"),
    ],
)
def test_fields_that_somebody_sets_are_no_telemetry(type_: str, path: str) -> None:
    assert not is_telemetry("openrouter", type_, path)
