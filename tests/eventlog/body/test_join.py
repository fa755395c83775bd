"""Joining: rejected input, single objects in place of arrays, and ids."""

import pytest

from eventlog.body.join import join
from eventlog.body.json_spans import NotJson
from eventlog.body.split import split
from eventlog.body.split_rules import Rule, id_member


def test_a_page_without_a_pointer_of_its_roster_is_rejected() -> None:
    with pytest.raises(NotJson, match="nothing at /items"):
        join(b'{"next":null}', {"/items": [b'{"id":1}']})


def test_a_stub_without_a_stored_child_is_rejected() -> None:
    bodies = {"/items": [b'{"id":1,"parts":[{"id":7}]}'], "/items/*/parts": list[bytes]()}
    with pytest.raises(NotJson, match=r"more stubs than entities at /items/\*/parts"):
        join(b'{"items":[]}', bodies)


def test_one_object_in_place_of_an_array_is_an_entity() -> None:
    rule = Rule("/item", "model", "detail", id_member("id"), parent=("owner", "9"))
    body = b'{"next":null,"item":{"id":1,"text":"x"}}'
    parts = split(body, [rule])
    (entity,) = parts.entities

    assert parts.envelope == b'{"next":null,"item":{"id":1}}'
    assert (entity.id, entity.body, entity.parent) == ("1", b'{"id":1,"text":"x"}', ("owner", "9"))
    assert join(parts.envelope, {"/item": [entity.body]}) == body
    assert split(b'{"item":{"x":1}}', [rule]).envelope == b'{"item":{"x":1}}'


@pytest.mark.parametrize("blank", [b"", b" "])
def test_entities_have_the_parent_that_the_request_names(blank: bytes) -> None:
    rule = Rule("/items", "post", "list", id_member("id"), parent=("user", "me"))
    (entity,) = split(b'{"items":[{"id":1}]}' + blank, [rule]).entities
    (parent,) = split(
        b'{"id":2}', [Rule("", "user", "detail", id_member("id"), parent=("a", "b"))]
    ).entities

    assert entity.parent == ("user", "me")
    assert parent.parent == ("a", "b")


def test_a_body_that_is_no_entity_is_its_own_envelope() -> None:
    rules = [Rule("", "model", "detail", id_member("id"))]

    assert split(b'{"error":1}', rules).envelope == b'{"error":1}'
    assert split(b'{"error":1}', rules).entities == ()


def test_repeated_ids_are_numbered_per_pointer() -> None:
    rules = [
        Rule(pointer, "model", "list", id_member("id"), number_repeats=True)
        for pointer in ("/one", "/two")
    ]
    parts = split(b'{"one":[{"id":1},{"id":1}],"two":[{"id":1}]}', rules)

    assert [each.id for each in parts.entities] == ["1", "1~2", "1"]


@pytest.mark.parametrize("blank", [b"", b" "])
@pytest.mark.parametrize(
    ("id_", "is_entity"),
    [
        (b"0", True),
        (b"-5", True),
        (b'"a"', True),
        (b'"\\u0041"', True),
        (b'""', False),
        (b"true", False),
        (b"1.5", False),
        (b"null", False),
        (b"[]", False),
    ],
)
def test_an_id_is_an_integer_or_a_text_that_is_not_empty(
    id_: bytes, is_entity: bool, blank: bytes
) -> None:
    parts = split(
        b'{"items":[{"id":%b}]}' % id_ + blank, [Rule("/items", "m", "l", id_member("id"))]
    )

    assert len(parts.entities) == is_entity
    assert len(parts.misfits) == (not is_entity)


def test_the_split_of_a_flat_page_has_the_offset_of_its_first_entity() -> None:
    body = b'{"a":1,"items":[{"id":1},{"id":2}],"z":[]}'
    parts = split(body, [Rule("/items", "m", "l", id_member("id"))])

    assert parts.first == body.index(b'{"id":1}')
    assert parts.values == ({"id": 1}, {"id": 2})
